# Rendered by `python -m schemas render`; change schemas/ instead.
# One row per event of an interaction; the view shows the last stage of each.
view: interactions {
  label: "Interactions"
  sql_table_name: `@{TAILNUMBER_DATASET}.interactions` ;;
  required_access_grants: [reads_interactions]

  dimension: row_key {
    type: string
    primary_key: yes
    hidden: yes
    sql: ${TABLE}.interaction_id ;;
  }

  dimension: event_id {
    type: string
    label: "Event ID"
    description: "UUIDv7, given once before the first durable write"
    hidden: yes
    sql: ${TABLE}.event_id ;;
  }

  dimension_group: occurred {
    type: time
    timeframes: [raw, time, date, week, month, quarter, year]
    convert_tz: no
    datatype: timestamp
    description: "when it happened at the ingress, UTC, microseconds"
    sql: ${TABLE}.occurred_at ;;
  }

  dimension: tenant_id {
    type: string
    label: "Tenant ID"
    description: "tenant that the gateway serves"
    sql: ${TABLE}.tenant_id ;;
  }

  dimension: writer_id {
    type: string
    label: "Writer ID"
    description: "one ingress process life; each has its own chain"
    hidden: yes
    sql: ${TABLE}.writer_id ;;
  }

  dimension: sequence {
    type: number
    label: "Sequence"
    description: "place in the writer's chain, from 0 without a gap"
    hidden: yes
    sql: ${TABLE}.sequence ;;
  }

  dimension: principal_id {
    type: string
    label: "Principal ID"
    description: "pseudonym of the principal: HMAC of issuer and subject under the tenant's key"
    sql: ${TABLE}.principal_id ;;
  }

  dimension: principal_kind {
    type: string
    label: "Principal kind"
    description: "a person or a service account"
    sql: ${TABLE}.principal_kind ;;
  }

  dimension: principal_issuer {
    type: string
    label: "Principal issuer"
    description: "issuer that vouched for the principal"
    tags: ["identity"]
    required_access_grants: [sees_identity]
    sql: ${TABLE}.principal_issuer ;;
  }

  dimension: principal_subject {
    type: string
    label: "Principal subject"
    description: "the principal's subject at the issuer"
    tags: ["identity"]
    required_access_grants: [sees_identity]
    sql: ${TABLE}.principal_subject ;;
  }

  dimension: principal_email {
    type: string
    label: "Principal email"
    description: "the principal's mail address, if the issuer told"
    tags: ["identity"]
    required_access_grants: [sees_identity]
    sql: ${TABLE}.principal_email ;;
  }

  dimension: principal_groups {
    type: string
    label: "Principal groups"
    description: "groups of the principal when the policy decided"
    hidden: yes
    tags: ["identity"]
    required_access_grants: [sees_identity]
    sql: ${TABLE}.principal_groups ;;
  }

  dimension: gateway_key_id {
    type: string
    label: "Gateway key ID"
    description: "id of the gateway key that was used, never the key"
    sql: ${TABLE}.gateway_key_id ;;
  }

  dimension: client_name {
    type: string
    label: "Client name"
    description: "editor, command line or agent program"
    sql: ${TABLE}.client_name ;;
  }

  dimension: client_version {
    type: string
    label: "Client version"
    description: "its version, as it says"
    sql: ${TABLE}.client_version ;;
  }

  dimension: client_editor {
    type: string
    label: "Client editor"
    description: "editor around the client and its version"
    sql: ${TABLE}.client_editor ;;
  }

  dimension: client_machine_id {
    type: string
    label: "Client machine ID"
    description: "machine id that the client sent"
    tags: ["network"]
    required_access_grants: [sees_network]
    sql: ${TABLE}.client_machine_id ;;
  }

  dimension: client_address {
    type: string
    label: "Client address"
    description: "address that the connection came from"
    tags: ["network"]
    required_access_grants: [sees_network]
    sql: ${TABLE}.client_address ;;
  }

  dimension: client_user_agent {
    type: string
    label: "Client user agent"
    description: "User-Agent header"
    tags: ["network"]
    required_access_grants: [sees_network]
    sql: ${TABLE}.client_user_agent ;;
  }

  dimension: status {
    type: string
    label: "Status"
    description: "stage that this row tells"
    sql: ${TABLE}.status ;;
  }

  dimension: status_rank {
    type: number
    label: "Status rank"
    description: "0 requested, 1 failed, 2 completed or blocked"
    hidden: yes
    sql: ${TABLE}.status_rank ;;
  }

  dimension_group: requested {
    type: time
    timeframes: [raw, time, date, week, month, quarter, year]
    convert_tz: no
    datatype: timestamp
    description: "when the request was read, UTC"
    sql: ${TABLE}.requested_at ;;
  }

  dimension: interaction_id {
    type: string
    label: "Interaction ID"
    description: "one prompt and its completion; UUIDv7"
    sql: ${TABLE}.interaction_id ;;
  }

  dimension: session_id {
    type: string
    label: "Session ID"
    description: "one working run of a principal with a client"
    sql: ${TABLE}.session_id ;;
  }

  dimension: trace_id {
    type: string
    label: "Trace ID"
    description: "W3C trace id that the client sent or the ingress began"
    sql: ${TABLE}.trace_id ;;
  }

  dimension: assurance {
    type: string
    label: "Assurance"
    description: "what was durable before a byte left: strict, bracket or async"
    sql: ${TABLE}.assurance ;;
  }

  dimension: policy_digest {
    type: string
    label: "Policy digest"
    description: "SHA-256 of the policy file that decided, lower-case hex"
    sql: ${TABLE}.policy_digest ;;
  }

  dimension: connection {
    type: string
    label: "Connection"
    description: "connection of the policy that the path led to"
    sql: ${TABLE}.connection ;;
  }

  dimension: protocol {
    type: string
    label: "Protocol"
    description: "wire protocol of the exchange, such as openai.chat"
    sql: ${TABLE}.protocol ;;
  }

  dimension: operation {
    type: string
    label: "Operation"
    description: "chat, inline, panel, embeddings, models, token, user, settings, tool_call, push, fetch or other"
    sql: ${TABLE}.operation ;;
  }

  dimension: method {
    type: string
    label: "Method"
    description: "HTTP method"
    sql: ${TABLE}.method ;;
  }

  dimension: path {
    type: string
    label: "Path"
    description: "path of the request without its query"
    sql: ${TABLE}.path ;;
  }

  dimension: provider {
    type: string
    label: "Provider"
    description: "who serves the model, an OpenTelemetry GenAI provider name"
    sql: ${TABLE}.provider ;;
  }

  dimension: model {
    type: string
    label: "Model"
    description: "model that was asked for"
    sql: ${TABLE}.model ;;
  }

  dimension: model_used {
    type: string
    label: "Model used"
    description: "model that answered"
    sql: ${TABLE}.model_used ;;
  }

  dimension: streamed {
    type: yesno
    label: "Streamed"
    description: "the completion was asked for as a stream"
    sql: ${TABLE}.streamed ;;
  }

  dimension: request_id {
    type: string
    label: "Request ID"
    description: "request id that the client sent"
    hidden: yes
    sql: ${TABLE}.request_id ;;
  }

  dimension: turn_id {
    type: string
    label: "Turn ID"
    description: "turn that the client counts"
    hidden: yes
    sql: ${TABLE}.turn_id ;;
  }

  dimension: upstream_request_id {
    type: string
    label: "Upstream request ID"
    description: "x-github-request-id or x-request-id of the upstream"
    sql: ${TABLE}.upstream_request_id ;;
  }

  dimension: repository {
    type: string
    label: "Repository"
    description: "repository as owner/name, if the client told"
    sql: ${TABLE}.repository ;;
  }

  dimension: file_paths {
    type: string
    label: "File paths"
    description: "files named in the context or edited, as sent"
    hidden: yes
    sql: ${TABLE}.file_paths ;;
  }

  dimension: language {
    type: string
    label: "Language"
    description: "programming language, as the client says"
    sql: ${TABLE}.language ;;
  }

  dimension: effect {
    type: string
    label: "Effect"
    description: "what the policy decided"
    sql: ${TABLE}.effect ;;
  }

  dimension: rule_id {
    type: string
    label: "Rule ID"
    description: "policy rule that decided; `default` if none matched"
    sql: ${TABLE}.rule_id ;;
  }

  dimension: reason_code {
    type: string
    label: "Reason code"
    description: "stable code of the reason"
    sql: ${TABLE}.reason_code ;;
  }

  dimension: http_status {
    type: number
    label: "HTTP status"
    description: "HTTP status that the client got"
    sql: ${TABLE}.http_status ;;
  }

  dimension: upstream_status {
    type: number
    label: "Upstream status"
    description: "HTTP status of the upstream"
    sql: ${TABLE}.upstream_status ;;
  }

  dimension: finish_reasons {
    type: string
    label: "Finish reasons"
    description: "why each choice ended, in the provider's words"
    hidden: yes
    sql: ${TABLE}.finish_reasons ;;
  }

  dimension: input_tokens {
    type: number
    label: "Input tokens"
    description: "tokens of the prompt, as the upstream counted"
    sql: ${TABLE}.input_tokens ;;
  }

  dimension: output_tokens {
    type: number
    label: "Output tokens"
    description: "tokens of the completion, as the upstream counted"
    sql: ${TABLE}.output_tokens ;;
  }

  dimension: cached_tokens {
    type: number
    label: "Cached tokens"
    description: "prompt tokens that the provider had cached"
    sql: ${TABLE}.cached_tokens ;;
  }

  dimension: prompt_bytes {
    type: number
    label: "Prompt bytes"
    description: "size of the request body, bytes"
    sql: ${TABLE}.prompt_bytes ;;
  }

  dimension: completion_bytes {
    type: number
    label: "Completion bytes"
    description: "bytes of the answer's body that reached the client"
    sql: ${TABLE}.completion_bytes ;;
  }

  dimension: prompt_part_ids {
    type: string
    label: "Prompt part IDs"
    description: "the prompt's parts in order; texts are in content.parts"
    hidden: yes
    sql: ${TABLE}.prompt_part_ids ;;
  }

  dimension: completion_part_ids {
    type: string
    label: "Completion part IDs"
    description: "the completion's parts in order; texts are in content.parts"
    hidden: yes
    sql: ${TABLE}.completion_part_ids ;;
  }

  dimension: prompt_finding_count {
    type: number
    label: "Prompt finding count"
    description: "secrets found and handled"
    sql: ${TABLE}.prompt_finding_count ;;
  }

  dimension: completion_finding_count {
    type: number
    label: "Completion finding count"
    description: "secrets found and handled"
    sql: ${TABLE}.completion_finding_count ;;
  }

  dimension: tool_calls {
    type: string
    label: "Tool calls"
    description: "tools that the model called"
    hidden: yes
    sql: ${TABLE}.tool_calls ;;
  }

  dimension: duration_seconds {
    type: number
    label: "Duration seconds"
    description: "request read to answer ended, seconds"
    sql: ${TABLE}.duration_seconds ;;
  }

  dimension: first_chunk_seconds {
    type: number
    label: "First chunk seconds"
    description: "request read to first chunk released, seconds"
    sql: ${TABLE}.first_chunk_seconds ;;
  }

  dimension: chunk_count {
    type: number
    label: "Chunk count"
    description: "chunks released to the client"
    sql: ${TABLE}.chunk_count ;;
  }

  dimension: client_left {
    type: yesno
    label: "Client left"
    description: "the client closed the connection before the end"
    sql: ${TABLE}.client_left ;;
  }

  dimension_group: loaded {
    type: time
    timeframes: [raw, time, date, week, month, quarter, year]
    convert_tz: no
    datatype: timestamp
    description: "when the pipeline wrote the row, UTC"
    hidden: yes
    sql: ${TABLE}.loaded_at ;;
  }

  dimension: tool_name {
    type: string
    label: "Tool name"
    description: "tool that the client itself called by this request (MCP)"
    sql: ${TABLE}.tool_name ;;
  }

  dimension: excluded_paths {
    type: string
    label: "Excluded paths"
    description: "files that policy took out of the prompt, as the client named them"
    hidden: yes
    sql: ${TABLE}.excluded_paths ;;
  }

  dimension: refs {
    type: string
    label: "Refs"
    description: "git refs that are pushed, or objects fetched"
    hidden: yes
    sql: ${TABLE}.refs ;;
  }

  dimension: file_path_count {
    type: number
    label: "File path count"
    description: "files that a push changes, also those beyond the first 1,000 in file_paths; absent if not all of them are known"
    sql: ${TABLE}.file_path_count ;;
  }

  dimension: denied_tool_call_count {
    type: number
    label: "Denied tool call count"
    description: "tool calls that were kept from the client"
    sql: ${TABLE}.denied_tool_call_count ;;
  }

  dimension: code_block_count {
    type: number
    label: "Code block count"
    description: "fenced blocks of code in the completion's text"
    sql: ${TABLE}.code_block_count ;;
  }

  dimension: code_languages {
    type: string
    label: "Code languages"
    description: "languages that the completion's blocks of code name, each once"
    hidden: yes
    sql: ${TABLE}.code_languages ;;
  }

  dimension: department {
    type: string
    label: "Department"
    description: "department of the principal, from the directory"
    sql: ${TABLE}.department ;;
  }

  dimension: cost_center {
    type: string
    label: "Cost center"
    description: "cost centre of the principal, from the directory"
    sql: ${TABLE}.cost_center ;;
  }

  dimension: employment_type {
    type: string
    label: "Employment type"
    description: "employee, contractor…: the directory's word for the principal"
    tags: ["identity"]
    required_access_grants: [sees_identity]
    sql: ${TABLE}.employment_type ;;
  }

  dimension: manager_email {
    type: string
    label: "Manager email"
    description: "mail address of the principal's manager, from the directory"
    tags: ["identity"]
    required_access_grants: [sees_identity]
    sql: ${TABLE}.manager_email ;;
  }

  dimension: principal_country {
    type: string
    label: "Principal country"
    description: "country that the principal works in, from the directory, ISO 3166-1 alpha-2"
    tags: ["identity"]
    required_access_grants: [sees_identity]
    sql: ${TABLE}.principal_country ;;
  }

  dimension: client_country {
    type: string
    label: "Client country"
    description: "country of client_address by the configured database, ISO 3166-1 alpha-2"
    tags: ["network"]
    required_access_grants: [sees_network]
    sql: ${TABLE}.client_country ;;
  }

  dimension: repository_owner {
    type: string
    label: "Repository owner"
    description: "team that answers for it, from the repositories file"
    sql: ${TABLE}.repository_owner ;;
  }

  dimension: repository_criticality {
    type: string
    label: "Repository criticality"
    description: "how much hangs on the repository, from the same file"
    sql: ${TABLE}.repository_criticality ;;
  }

  dimension: file_languages {
    type: string
    label: "File languages"
    description: "languages of the files that are named or changed, told from their names, each once"
    hidden: yes
    sql: ${TABLE}.file_languages ;;
  }

  dimension: change_kinds {
    type: string
    label: "Change kinds"
    description: "what the changed files are, told from their names, each once: code, test, documentation, configuration, dependencies, infrastructure, pipeline, database or other"
    hidden: yes
    sql: ${TABLE}.change_kinds ;;
  }

  dimension: cost_amount {
    type: number
    label: "Cost amount"
    description: "tokens times the price list's prices, in cost_currency, rounded to nine decimals; absent without token counts or without a price"
    sql: ${TABLE}.cost_amount ;;
  }

  dimension: cost_currency {
    type: string
    label: "Cost currency"
    description: "ISO 4217 code of cost_amount"
    sql: ${TABLE}.cost_currency ;;
  }

  dimension: content_mode {
    type: string
    label: "Content mode"
    description: "how the texts are kept: sealed, tagged (masked, in clear, in a column of class content) or none"
    sql: ${TABLE}.content_mode ;;
  }
}

view: interactions__principal_groups {
  label: "Interactions: principal groups"
  required_access_grants: [reads_interactions]

  dimension: value {
    type: string
    label: "Principal groups"
    description: "groups of the principal when the policy decided"
    tags: ["identity"]
    required_access_grants: [sees_identity]
    sql: ${TABLE} ;;
  }
}

view: interactions__file_paths {
  label: "Interactions: file paths"
  required_access_grants: [reads_interactions]

  dimension: value {
    type: string
    label: "File paths"
    description: "files named in the context or edited, as sent"
    sql: ${TABLE} ;;
  }
}

view: interactions__finish_reasons {
  label: "Interactions: finish reasons"
  required_access_grants: [reads_interactions]

  dimension: value {
    type: string
    label: "Finish reasons"
    description: "why each choice ended, in the provider's words"
    sql: ${TABLE} ;;
  }
}

view: interactions__tool_calls {
  label: "Interactions: tool calls"
  required_access_grants: [reads_interactions]

  dimension: call_id {
    type: string
    label: "Call ID"
    description: "the provider's id of the call"
    hidden: yes
    sql: ${TABLE}.call_id ;;
  }

  dimension: name {
    type: string
    label: "Name"
    description: "tool that the model called"
    sql: ${TABLE}.name ;;
  }

  dimension: arguments_part_id {
    type: string
    label: "Arguments part ID"
    description: "HMAC of principal, session and text; equal texts of a session are one part"
    hidden: yes
    sql: ${TABLE}.arguments_part_id ;;
  }
}

view: interactions__excluded_paths {
  label: "Interactions: excluded paths"
  required_access_grants: [reads_interactions]

  dimension: value {
    type: string
    label: "Excluded paths"
    description: "files that policy took out of the prompt, as the client named them"
    sql: ${TABLE} ;;
  }
}

view: interactions__refs {
  label: "Interactions: refs"
  required_access_grants: [reads_interactions]

  dimension: ref {
    type: string
    label: "Ref"
    description: "full name of a git ref, such as refs/heads/main"
    sql: ${TABLE}.ref ;;
  }

  dimension: change {
    type: string
    label: "Change"
    description: "what a push does to the ref (forced: commits are lost by it, or the gateway could not rule that out), or wanted by a fetch"
    sql: ${TABLE}.change ;;
  }

  dimension: old_id {
    type: string
    label: "Old ID"
    description: "git object id, lower-case hex"
    sql: ${TABLE}.old_id ;;
  }

  dimension: new_id {
    type: string
    label: "New ID"
    description: "git object id, lower-case hex"
    sql: ${TABLE}.new_id ;;
  }

  dimension: result {
    type: string
    label: "Result"
    description: "what became of it: refused by policy or by the git server; absent if nobody told"
    sql: ${TABLE}.result ;;
  }
}

view: interactions__code_languages {
  label: "Interactions: code languages"
  required_access_grants: [reads_interactions]

  dimension: value {
    type: string
    label: "Code languages"
    description: "languages that the completion's blocks of code name, each once"
    sql: ${TABLE} ;;
  }
}

view: interactions__file_languages {
  label: "Interactions: file languages"
  required_access_grants: [reads_interactions]

  dimension: value {
    type: string
    label: "File languages"
    description: "languages of the files that are named or changed, told from their names, each once"
    sql: ${TABLE} ;;
  }
}

view: interactions__change_kinds {
  label: "Interactions: change kinds"
  required_access_grants: [reads_interactions]

  dimension: value {
    type: string
    label: "Change kinds"
    description: "what the changed files are, told from their names, each once: code, test, documentation, configuration, dependencies, infrastructure, pipeline, database or other"
    sql: ${TABLE} ;;
  }
}

explore: interactions__lists {
  extension: required

  join: interactions__principal_groups {
    sql: LEFT JOIN UNNEST(${interactions.principal_groups}) AS interactions__principal_groups ;;
    relationship: one_to_many
  }

  join: interactions__file_paths {
    sql: LEFT JOIN UNNEST(${interactions.file_paths}) AS interactions__file_paths ;;
    relationship: one_to_many
  }

  join: interactions__finish_reasons {
    sql: LEFT JOIN UNNEST(${interactions.finish_reasons}) AS interactions__finish_reasons ;;
    relationship: one_to_many
  }

  join: interactions__tool_calls {
    sql: LEFT JOIN UNNEST(${interactions.tool_calls}) AS interactions__tool_calls ;;
    relationship: one_to_many
  }

  join: interactions__excluded_paths {
    sql: LEFT JOIN UNNEST(${interactions.excluded_paths}) AS interactions__excluded_paths ;;
    relationship: one_to_many
  }

  join: interactions__refs {
    sql: LEFT JOIN UNNEST(${interactions.refs}) AS interactions__refs ;;
    relationship: one_to_many
  }

  join: interactions__code_languages {
    sql: LEFT JOIN UNNEST(${interactions.code_languages}) AS interactions__code_languages ;;
    relationship: one_to_many
  }

  join: interactions__file_languages {
    sql: LEFT JOIN UNNEST(${interactions.file_languages}) AS interactions__file_languages ;;
    relationship: one_to_many
  }

  join: interactions__change_kinds {
    sql: LEFT JOIN UNNEST(${interactions.change_kinds}) AS interactions__change_kinds ;;
    relationship: one_to_many
  }
}
