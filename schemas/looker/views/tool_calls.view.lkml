# Rendered by `python -m schemas render`; change schemas/ instead.
# One row per tool that a model asked a client to run, and what the policy said of it.
view: tool_calls {
  label: "Tool calls"
  sql_table_name: `@{TAILNUMBER_DATASET}.tool_calls` ;;
  required_access_grants: [reads_tool_calls]

  dimension: row_key {
    type: string
    primary_key: yes
    hidden: yes
    sql: CONCAT(CAST(${TABLE}.event_id AS STRING), '/', CAST(${TABLE}.call_index AS STRING)) ;;
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

  dimension: call_index {
    type: number
    label: "Call index"
    description: "place among the answer's tool calls, from 0"
    hidden: yes
    sql: ${TABLE}.call_index ;;
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

  dimension: principal_id {
    type: string
    label: "Principal ID"
    description: "pseudonym of the principal: HMAC of issuer and subject under the tenant's key"
    sql: ${TABLE}.principal_id ;;
  }

  dimension: principal_email {
    type: string
    label: "Principal email"
    description: "the principal's mail address, if the issuer told"
    tags: ["identity"]
    required_access_grants: [sees_identity]
    sql: ${TABLE}.principal_email ;;
  }

  dimension: connection {
    type: string
    label: "Connection"
    description: "connection of the policy that the path led to"
    sql: ${TABLE}.connection ;;
  }

  dimension: operation {
    type: string
    label: "Operation"
    description: "chat, inline, panel, embeddings, models, token, user, settings, tool_call, push, fetch or other"
    sql: ${TABLE}.operation ;;
  }

  dimension: model {
    type: string
    label: "Model"
    description: "model that was asked for"
    sql: ${TABLE}.model ;;
  }

  dimension: repository {
    type: string
    label: "Repository"
    description: "repository as owner/name, if the client told"
    sql: ${TABLE}.repository ;;
  }

  dimension: name {
    type: string
    label: "Name"
    description: "tool that the model called"
    sql: ${TABLE}.name ;;
  }

  dimension: call_id {
    type: string
    label: "Call ID"
    description: "the provider's id of the call"
    hidden: yes
    sql: ${TABLE}.call_id ;;
  }

  dimension: file_paths {
    type: string
    label: "File paths"
    description: "files named in the context or edited, as sent"
    hidden: yes
    sql: ${TABLE}.file_paths ;;
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

  dimension: policy_digest {
    type: string
    label: "Policy digest"
    description: "SHA-256 of the policy file that decided, lower-case hex"
    sql: ${TABLE}.policy_digest ;;
  }

  dimension: arguments_part_id {
    type: string
    label: "Arguments part ID"
    description: "HMAC of principal, session and text; equal texts of a session are one part"
    hidden: yes
    sql: ${TABLE}.arguments_part_id ;;
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

  dimension: department {
    type: string
    label: "Department"
    description: "department of the principal, from the directory"
    sql: ${TABLE}.department ;;
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

  dimension: risk_tier {
    type: string
    label: "Risk tier"
    description: "most that the tool can do by its name; absent if the name tells nothing"
    sql: ${TABLE}.risk_tier ;;
  }

  dimension: change_kinds {
    type: string
    label: "Change kinds"
    description: "what the changed files are, told from their names, each once: code, test, documentation, configuration, dependencies, infrastructure, pipeline, database or other"
    hidden: yes
    sql: ${TABLE}.change_kinds ;;
  }
}

view: tool_calls__file_paths {
  label: "Tool calls: file paths"
  required_access_grants: [reads_tool_calls]

  dimension: value {
    type: string
    label: "File paths"
    description: "files named in the context or edited, as sent"
    sql: ${TABLE} ;;
  }
}

view: tool_calls__change_kinds {
  label: "Tool calls: change kinds"
  required_access_grants: [reads_tool_calls]

  dimension: value {
    type: string
    label: "Change kinds"
    description: "what the changed files are, told from their names, each once: code, test, documentation, configuration, dependencies, infrastructure, pipeline, database or other"
    sql: ${TABLE} ;;
  }
}

explore: tool_calls__lists {
  extension: required

  join: tool_calls__file_paths {
    sql: LEFT JOIN UNNEST(${tool_calls.file_paths}) AS tool_calls__file_paths ;;
    relationship: one_to_many
  }

  join: tool_calls__change_kinds {
    sql: LEFT JOIN UNNEST(${tool_calls.change_kinds}) AS tool_calls__change_kinds ;;
    relationship: one_to_many
  }
}
