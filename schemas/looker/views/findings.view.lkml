# Rendered by `python -m schemas render`; change schemas/ instead.
# One row per secret that was found; it never contains it.
view: findings {
  label: "Findings"
  sql_table_name: `@{TAILNUMBER_DATASET}.findings` ;;
  required_access_grants: [reads_findings]

  dimension: row_key {
    type: string
    primary_key: yes
    hidden: yes
    sql: CONCAT(CAST(${TABLE}.event_id AS STRING), '/', CAST(${TABLE}.finding_index AS STRING)) ;;
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

  dimension: finding_index {
    type: number
    label: "Finding index"
    description: "place among the event's findings, from 0"
    hidden: yes
    sql: ${TABLE}.finding_index ;;
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

  dimension: rule_id {
    type: string
    label: "Rule ID"
    description: "masking rule that found it"
    sql: ${TABLE}.rule_id ;;
  }

  dimension: tier {
    type: number
    label: "Tier"
    description: "1 = provider format, 2 = generic"
    sql: ${TABLE}.tier ;;
  }

  dimension: direction {
    type: string
    label: "Direction"
    description: "which way the text was going"
    sql: ${TABLE}.direction ;;
  }

  dimension: action {
    type: string
    label: "Action"
    description: "replaced in place, or recorded only"
    sql: ${TABLE}.action ;;
  }

  dimension: location {
    type: string
    label: "Location"
    description: "where in the body or stream, such as messages[2].content"
    sql: ${TABLE}.location ;;
  }

  dimension: part_id {
    type: string
    label: "Part ID"
    description: "HMAC of principal, session and text; equal texts of a session are one part"
    hidden: yes
    sql: ${TABLE}.part_id ;;
  }

  dimension: start_offset {
    type: number
    label: "Start offset"
    description: "first code point of the secret in the text"
    hidden: yes
    sql: ${TABLE}.start_offset ;;
  }

  dimension: end_offset {
    type: number
    label: "End offset"
    description: "code point after the secret's last"
    hidden: yes
    sql: ${TABLE}.end_offset ;;
  }

  dimension: fingerprint {
    type: string
    label: "Fingerprint"
    description: "HMAC of the secret under the tenant's key: equal secrets, equal fingerprints"
    tags: ["secret_evidence"]
    required_access_grants: [sees_secret_evidence]
    sql: ${TABLE}.fingerprint ;;
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

  dimension: repository {
    type: string
    label: "Repository"
    description: "repository as owner/name, if the client told"
    sql: ${TABLE}.repository ;;
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
}
