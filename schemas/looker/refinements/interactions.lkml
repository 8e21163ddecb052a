view: +interactions {
  label: "Requests"

  dimension: answered_by {
    type: string
    label: "Model"
    description: "model that answered, else the one that was asked for"
    sql: COALESCE(${model_used}, ${model}) ;;
  }

  dimension: has_tool_calls {
    type: yesno
    label: "Has tool calls"
    description: "the model asked the client to run a tool: work of an agent"
    sql: COALESCE(ARRAY_LENGTH(${tool_calls}), 0) > 0 ;;
  }

  dimension: findings_in_request {
    type: number
    hidden: yes
    sql: ${prompt_finding_count} + ${completion_finding_count} ;;
  }

  measure: count {
    type: count
    label: "Requests"
    description: "requests, each once however often it was delivered"
    drill_fields: [detail*]
  }

  measure: request_ids {
    type: count_distinct
    hidden: yes
    sql: ${interaction_id} ;;
  }

  measure: person_count {
    type: count_distinct
    label: "People"
    description: "people and service accounts, told apart by pseudonym"
    sql: ${principal_id} ;;
  }

  measure: requests_per_person {
    type: number
    label: "Requests per person"
    value_format: "#,##0.0"
    sql: SAFE_DIVIDE(${count}, ${person_count}) ;;
  }

  # How it ended

  measure: completed_count {
    type: count
    label: "Completed"
    filters: [status: "completed"]
    drill_fields: [detail*]
  }

  measure: failed_count {
    type: count
    label: "Failed"
    description: "the upstream or the gateway failed; reason_code says why"
    filters: [status: "failed"]
    drill_fields: [detail*]
  }

  measure: blocked_count {
    type: count
    label: "Refused"
    description: "refused by policy before anything went upstream"
    filters: [status: "blocked"]
    drill_fields: [detail*]
  }

  measure: unfinished_count {
    type: count
    label: "Without an outcome"
    description: "went upstream and have no record of how they ended, or are still running"
    filters: [status: "requested"]
    drill_fields: [detail*]
  }

  measure: ended_count {
    type: count
    hidden: yes
    filters: [status: "-requested"]
  }

  measure: left_count {
    type: count
    label: "Client left"
    description: "the client closed the connection before the end"
    filters: [client_left: "yes"]
  }

  measure: failed_ratio {
    type: number
    label: "Failed, share"
    value_format_name: percent_1
    sql: SAFE_DIVIDE(${failed_count}, ${count}) ;;
  }

  measure: with_outcome_ratio {
    type: number
    label: "With an outcome, share"
    description: "share of requests whose end is recorded too; below 100 % some are running or lost"
    value_format_name: percent_2
    sql: SAFE_DIVIDE(${ended_count}, ${count}) ;;
  }

  measure: strict_count {
    type: count
    hidden: yes
    filters: [assurance: "strict"]
  }

  measure: strict_ratio {
    type: number
    label: "Recorded before a byte left, share"
    description: "share of requests in the assurance strict: every byte was durable before it left"
    value_format_name: percent_2
    sql: SAFE_DIVIDE(${strict_count}, ${count}) ;;
  }

  # What the policy decided

  measure: allowed_count {
    type: count
    label: "Allowed"
    filters: [effect: "allow"]
  }

  measure: masked_count {
    type: count
    label: "Allowed with masks"
    filters: [effect: "mask"]
  }

  measure: refused_count {
    type: count
    label: "Denied or held"
    filters: [effect: "deny,review"]
  }

  measure: rule_count {
    type: count_distinct
    label: "Rules that decided"
    sql: ${rule_id} ;;
  }

  measure: policy_count {
    type: count_distinct
    label: "Versions of the policy"
    sql: ${policy_digest} ;;
  }

  measure: finding_count {
    type: sum
    label: "Findings"
    description: "secrets found and handled in prompts and completions"
    sql: ${findings_in_request} ;;
  }

  # Kinds of work

  measure: chat_count {
    type: count
    label: "Chat"
    filters: [operation: "chat"]
  }

  measure: inline_count {
    type: count
    label: "Inline completions"
    filters: [operation: "inline"]
  }

  measure: agent_count {
    type: count
    label: "With tool calls"
    filters: [has_tool_calls: "yes"]
  }

  measure: code_block_total {
    type: sum
    label: "Blocks of code"
    description: "fenced blocks of code in completions"
    sql: ${code_block_count} ;;
  }

  # Tokens and cost

  measure: input_token_count {
    type: sum
    label: "Input tokens in all"
    sql: ${input_tokens} ;;
  }

  measure: output_token_count {
    type: sum
    label: "Output tokens in all"
    sql: ${output_tokens} ;;
  }

  measure: token_count {
    type: number
    label: "Tokens"
    description: "input and output tokens, as the upstream counted"
    value_format: "#,##0"
    sql: ${input_token_count} + ${output_token_count} ;;
  }

  measure: cached_token_count {
    type: sum
    hidden: yes
    sql: ${cached_tokens} ;;
  }

  measure: cached_ratio {
    type: number
    label: "Cached input, share"
    value_format_name: percent_1
    sql: SAFE_DIVIDE(${cached_token_count}, ${input_token_count}) ;;
  }

  measure: cost {
    type: sum
    label: "Cost"
    description: "tokens times the price list's prices, in the currency of the price list"
    value_format: "#,##0.00"
    sql: ${cost_amount} ;;
    drill_fields: [department, answered_by, cost, token_count]
  }

  measure: cost_per_person {
    type: number
    label: "Cost per person"
    value_format: "#,##0.00"
    sql: SAFE_DIVIDE(CAST(${cost} AS FLOAT64), ${person_count}) ;;
  }

  measure: cost_per_answer {
    type: number
    label: "Cost per answer"
    value_format: "#,##0.0000"
    sql: SAFE_DIVIDE(CAST(${cost} AS FLOAT64), ${count}) ;;
  }

  measure: unpriced_count {
    type: count
    label: "Answers without a price"
    description: "answers whose model is not in the price list; the cost leaves them out"
    filters: [cost_amount: "NULL", input_tokens: "NOT NULL"]
  }

  # Speed

  measure: median_first_seconds {
    type: number
    label: "First chunk, median seconds"
    value_format: "0.00"
    sql: APPROX_QUANTILES(${first_chunk_seconds}, 100)[OFFSET(50)] ;;
  }

  measure: p95_first_seconds {
    type: number
    label: "First chunk, 95th percentile seconds"
    value_format: "0.00"
    sql: APPROX_QUANTILES(${first_chunk_seconds}, 100)[OFFSET(95)] ;;
  }

  measure: p95_seconds {
    type: number
    label: "Whole answer, 95th percentile seconds"
    value_format: "0.00"
    sql: APPROX_QUANTILES(${duration_seconds}, 100)[OFFSET(95)] ;;
  }

  # Keys, addresses and times

  measure: key_count {
    type: count_distinct
    label: "Gateway keys"
    sql: ${gateway_key_id} ;;
  }

  measure: address_count {
    type: count_distinct
    label: "Addresses"
    sql: ${client_address} ;;
    required_access_grants: [sees_network]
  }

  measure: first_at {
    type: date_time
    label: "First"
    convert_tz: no
    sql: MIN(${requested_raw}) ;;
  }

  measure: last_at {
    type: date_time
    label: "Last"
    convert_tz: no
    sql: MAX(${requested_raw}) ;;
  }

  set: detail {
    fields: [
      requested_time,
      department,
      client_name,
      operation,
      answered_by,
      repository,
      effect,
      rule_id,
      status,
      reason_code,
      session_id,
      interaction_id
    ]
  }
}

# A request without a list is one row with NULL for its element: what counts elements says so.

view: +interactions__refs {
  measure: pushed_count {
    type: number
    label: "Pushed"
    description: "refs that the git server took"
    sql: COUNTIF(${interactions.status} <> 'blocked' AND ${result} = 'ok') ;;
  }

  measure: refused_count {
    type: number
    label: "Pushes refused"
    description: "by policy or by the git server"
    sql: COUNTIF(${change} IS NOT NULL AND (${interactions.status} = 'blocked' OR ${result} = 'refused')) ;;
  }
}
