# Rendered by `python -m schemas render`; change schemas/ instead.
# One row per time that somebody opened recorded texts: who, which and why.
view: record_views {
  label: "Record views"
  sql_table_name: `@{TAILNUMBER_DATASET}.record_views` ;;
  required_access_grants: [reads_record_views]

  dimension: row_key {
    type: string
    primary_key: yes
    hidden: yes
    sql: ${TABLE}.event_id ;;
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

  dimension: command {
    type: string
    label: "Command"
    description: "how the texts were opened: query, search, replay or console"
    sql: ${TABLE}.command ;;
  }

  dimension: reason {
    type: string
    label: "Reason"
    description: "why, in the reader's own words, masked"
    tags: ["identity"]
    required_access_grants: [sees_identity]
    sql: ${TABLE}.reason ;;
  }

  dimension: viewed_session_ids {
    type: string
    label: "Viewed session IDs"
    description: "sessions whose texts were opened, at most 1,000"
    hidden: yes
    sql: ${TABLE}.viewed_session_ids ;;
  }

  dimension: viewed_interaction_ids {
    type: string
    label: "Viewed interaction IDs"
    description: "interactions whose texts were opened, at most 1,000"
    hidden: yes
    sql: ${TABLE}.viewed_interaction_ids ;;
  }

  dimension: viewed_part_ids {
    type: string
    label: "Viewed part IDs"
    description: "texts that were opened, at most 1,000"
    hidden: yes
    sql: ${TABLE}.viewed_part_ids ;;
  }

  dimension: viewed_principal_ids {
    type: string
    label: "Viewed principal IDs"
    description: "principals whose texts were opened, at most 1,000"
    hidden: yes
    sql: ${TABLE}.viewed_principal_ids ;;
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

view: record_views__principal_groups {
  label: "Record views: principal groups"
  required_access_grants: [reads_record_views]

  dimension: value {
    type: string
    label: "Principal groups"
    description: "groups of the principal when the policy decided"
    tags: ["identity"]
    required_access_grants: [sees_identity]
    sql: ${TABLE} ;;
  }
}

view: record_views__viewed_session_ids {
  label: "Record views: viewed session ids"
  required_access_grants: [reads_record_views]

  dimension: value {
    type: string
    label: "Viewed session IDs"
    description: "sessions whose texts were opened, at most 1,000"
    sql: ${TABLE} ;;
  }
}

view: record_views__viewed_interaction_ids {
  label: "Record views: viewed interaction ids"
  required_access_grants: [reads_record_views]

  dimension: value {
    type: string
    label: "Viewed interaction IDs"
    description: "interactions whose texts were opened, at most 1,000"
    sql: ${TABLE} ;;
  }
}

view: record_views__viewed_principal_ids {
  label: "Record views: viewed principal ids"
  required_access_grants: [reads_record_views]

  dimension: value {
    type: string
    label: "Viewed principal IDs"
    description: "principals whose texts were opened, at most 1,000"
    sql: ${TABLE} ;;
  }
}

explore: record_views__lists {
  extension: required

  join: record_views__principal_groups {
    sql: LEFT JOIN UNNEST(${record_views.principal_groups}) AS record_views__principal_groups ;;
    relationship: one_to_many
  }

  join: record_views__viewed_session_ids {
    sql: LEFT JOIN UNNEST(${record_views.viewed_session_ids}) AS record_views__viewed_session_ids ;;
    relationship: one_to_many
  }

  join: record_views__viewed_interaction_ids {
    sql: LEFT JOIN UNNEST(${record_views.viewed_interaction_ids}) AS record_views__viewed_interaction_ids ;;
    relationship: one_to_many
  }

  join: record_views__viewed_principal_ids {
    sql: LEFT JOIN UNNEST(${record_views.viewed_principal_ids}) AS record_views__viewed_principal_ids ;;
    relationship: one_to_many
  }
}
