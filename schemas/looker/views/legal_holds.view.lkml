# Rendered by `python -m schemas render`; change schemas/ instead.
# One row per placing and release of a legal hold; the view shows each hold's last state.
view: legal_holds {
  label: "Legal holds"
  sql_table_name: `@{TAILNUMBER_DATASET}.legal_holds` ;;
  required_access_grants: [reads_legal_holds]

  dimension: row_key {
    type: string
    primary_key: yes
    hidden: yes
    sql: ${TABLE}.hold_id ;;
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

  dimension: status {
    type: string
    label: "Status"
    description: "what this row tells of the hold"
    sql: ${TABLE}.status ;;
  }

  dimension: hold_id {
    type: string
    label: "Hold ID"
    description: "id of the legal hold; UUIDv7"
    sql: ${TABLE}.hold_id ;;
  }

  dimension: hold_name {
    type: string
    label: "Hold name"
    description: "name of the legal hold, such as a matter's number"
    sql: ${TABLE}.hold_name ;;
  }

  dimension: reason {
    type: string
    label: "Reason"
    description: "why, in the words of who did it; may name people"
    tags: ["identity"]
    required_access_grants: [sees_identity]
    sql: ${TABLE}.reason ;;
  }

  dimension_group: placed {
    type: time
    timeframes: [raw, time, date, week, month, quarter, year]
    convert_tz: no
    datatype: timestamp
    description: "when the hold was placed, UTC"
    sql: ${TABLE}.placed_at ;;
  }

  dimension: held_principal_ids {
    type: string
    label: "Held principal IDs"
    description: "principals whose rows are held; none: everybody's"
    hidden: yes
    sql: ${TABLE}.held_principal_ids ;;
  }

  dimension: held_session_ids {
    type: string
    label: "Held session IDs"
    description: "sessions whose rows are held; none: every session's"
    hidden: yes
    sql: ${TABLE}.held_session_ids ;;
  }

  dimension: held_repositories {
    type: string
    label: "Held repositories"
    description: "repositories whose sessions are held, whole; none: whatever the repository"
    hidden: yes
    sql: ${TABLE}.held_repositories ;;
  }

  dimension_group: held_from {
    type: time
    timeframes: [raw, time, date, week, month, quarter, year]
    convert_tz: no
    datatype: timestamp
    description: "rows before this time are not held, UTC"
    sql: ${TABLE}.held_from ;;
  }

  dimension_group: held_to {
    type: time
    timeframes: [raw, time, date, week, month, quarter, year]
    convert_tz: no
    datatype: timestamp
    description: "rows from this time on are not held, UTC"
    sql: ${TABLE}.held_to ;;
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
}

view: legal_holds__principal_groups {
  label: "Legal holds: principal groups"
  required_access_grants: [reads_legal_holds]

  dimension: value {
    type: string
    label: "Principal groups"
    description: "groups of the principal when the policy decided"
    tags: ["identity"]
    required_access_grants: [sees_identity]
    sql: ${TABLE} ;;
  }
}

view: legal_holds__held_principal_ids {
  label: "Legal holds: held principal ids"
  required_access_grants: [reads_legal_holds]

  dimension: value {
    type: string
    label: "Held principal IDs"
    description: "principals whose rows are held; none: everybody's"
    sql: ${TABLE} ;;
  }
}

view: legal_holds__held_session_ids {
  label: "Legal holds: held session ids"
  required_access_grants: [reads_legal_holds]

  dimension: value {
    type: string
    label: "Held session IDs"
    description: "sessions whose rows are held; none: every session's"
    sql: ${TABLE} ;;
  }
}

view: legal_holds__held_repositories {
  label: "Legal holds: held repositories"
  required_access_grants: [reads_legal_holds]

  dimension: value {
    type: string
    label: "Held repositories"
    description: "repositories whose sessions are held, whole; none: whatever the repository"
    sql: ${TABLE} ;;
  }
}

explore: legal_holds__lists {
  extension: required

  join: legal_holds__principal_groups {
    sql: LEFT JOIN UNNEST(${legal_holds.principal_groups}) AS legal_holds__principal_groups ;;
    relationship: one_to_many
  }

  join: legal_holds__held_principal_ids {
    sql: LEFT JOIN UNNEST(${legal_holds.held_principal_ids}) AS legal_holds__held_principal_ids ;;
    relationship: one_to_many
  }

  join: legal_holds__held_session_ids {
    sql: LEFT JOIN UNNEST(${legal_holds.held_session_ids}) AS legal_holds__held_session_ids ;;
    relationship: one_to_many
  }

  join: legal_holds__held_repositories {
    sql: LEFT JOIN UNNEST(${legal_holds.held_repositories}) AS legal_holds__held_repositories ;;
    relationship: one_to_many
  }
}
