# Rendered by `python -m schemas render`; change schemas/ instead.
# One row per change of what the gateway goes by, its policy and its keys, and who made it.
view: admin_changes {
  label: "Admin changes"
  sql_table_name: `@{TAILNUMBER_DATASET}.admin_changes` ;;
  required_access_grants: [reads_admin_changes]

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

  dimension: event_type {
    type: string
    label: "Event type"
    description: "what happened, past tense"
    sql: ${TABLE}.event_type ;;
  }

  dimension: object_type {
    type: string
    label: "Object type"
    description: "what was changed"
    sql: ${TABLE}.object_type ;;
  }

  dimension: object_id {
    type: string
    label: "Object ID"
    description: "digest of the policy from then on, or id of the key, hold or erasure"
    sql: ${TABLE}.object_id ;;
  }

  dimension: previous_policy_digest {
    type: string
    label: "Previous policy digest"
    description: "SHA-256 of the policy file before, lower-case hex"
    sql: ${TABLE}.previous_policy_digest ;;
  }

  dimension: rules_added {
    type: string
    label: "Rules added"
    description: "ids of rules that the policy before did not have"
    hidden: yes
    sql: ${TABLE}.rules_added ;;
  }

  dimension: rules_removed {
    type: string
    label: "Rules removed"
    description: "ids of rules that are gone"
    hidden: yes
    sql: ${TABLE}.rules_removed ;;
  }

  dimension: rules_changed {
    type: string
    label: "Rules changed"
    description: "ids of rules that say something else"
    hidden: yes
    sql: ${TABLE}.rules_changed ;;
  }

  dimension: sections_changed {
    type: string
    label: "Sections changed"
    description: "other sections of the policy that differ"
    hidden: yes
    sql: ${TABLE}.sections_changed ;;
  }

  dimension: key_class {
    type: string
    label: "Key class"
    description: "header, path or proxy"
    sql: ${TABLE}.key_class ;;
  }

  dimension: device_name {
    type: string
    label: "Device name"
    description: "where the key lives, as its holder says"
    sql: ${TABLE}.device_name ;;
  }

  dimension_group: expires {
    type: time
    timeframes: [raw, time, date, week, month, quarter, year]
    convert_tz: no
    datatype: timestamp
    description: "when the key ends by itself, UTC"
    sql: ${TABLE}.expires_at ;;
  }

  dimension: holder_principal_id {
    type: string
    label: "Holder principal ID"
    description: "pseudonym of the principal: HMAC of issuer and subject under the tenant's key"
    sql: ${TABLE}.holder_principal_id ;;
  }

  dimension: holder_kind {
    type: string
    label: "Holder kind"
    description: "a person or a service account"
    sql: ${TABLE}.holder_kind ;;
  }

  dimension: holder_issuer {
    type: string
    label: "Holder issuer"
    description: "issuer that vouched for the principal"
    tags: ["identity"]
    required_access_grants: [sees_identity]
    sql: ${TABLE}.holder_issuer ;;
  }

  dimension: holder_subject {
    type: string
    label: "Holder subject"
    description: "the principal's subject at the issuer"
    tags: ["identity"]
    required_access_grants: [sees_identity]
    sql: ${TABLE}.holder_subject ;;
  }

  dimension: holder_email {
    type: string
    label: "Holder email"
    description: "the principal's mail address, if the issuer told"
    tags: ["identity"]
    required_access_grants: [sees_identity]
    sql: ${TABLE}.holder_email ;;
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

  dimension: reason {
    type: string
    label: "Reason"
    description: "why, in the words of who did it; may name people"
    tags: ["identity"]
    required_access_grants: [sees_identity]
    sql: ${TABLE}.reason ;;
  }

  dimension_group: requested {
    type: time
    timeframes: [raw, time, date, week, month, quarter, year]
    convert_tz: no
    datatype: timestamp
    description: "when an erasure was asked for, UTC; carried out when occurred_at"
    sql: ${TABLE}.requested_at ;;
  }

  dimension: refusal_code {
    type: string
    label: "Refusal code"
    description: "refused_hold: a legal hold stood against an erasure"
    sql: ${TABLE}.refusal_code ;;
  }

  dimension: content_key_ids {
    type: string
    label: "Content key IDs"
    description: "ids of content keys that were destroyed"
    hidden: yes
    sql: ${TABLE}.content_key_ids ;;
  }

  dimension: hold_ids {
    type: string
    label: "Hold IDs"
    description: "legal holds that stood against an erasure"
    hidden: yes
    sql: ${TABLE}.hold_ids ;;
  }
}

view: admin_changes__principal_groups {
  label: "Admin changes: principal groups"
  required_access_grants: [reads_admin_changes]

  dimension: value {
    type: string
    label: "Principal groups"
    description: "groups of the principal when the policy decided"
    tags: ["identity"]
    required_access_grants: [sees_identity]
    sql: ${TABLE} ;;
  }
}

view: admin_changes__rules_added {
  label: "Admin changes: rules added"
  required_access_grants: [reads_admin_changes]

  dimension: value {
    type: string
    label: "Rules added"
    description: "ids of rules that the policy before did not have"
    sql: ${TABLE} ;;
  }
}

view: admin_changes__rules_removed {
  label: "Admin changes: rules removed"
  required_access_grants: [reads_admin_changes]

  dimension: value {
    type: string
    label: "Rules removed"
    description: "ids of rules that are gone"
    sql: ${TABLE} ;;
  }
}

view: admin_changes__rules_changed {
  label: "Admin changes: rules changed"
  required_access_grants: [reads_admin_changes]

  dimension: value {
    type: string
    label: "Rules changed"
    description: "ids of rules that say something else"
    sql: ${TABLE} ;;
  }
}

view: admin_changes__sections_changed {
  label: "Admin changes: sections changed"
  required_access_grants: [reads_admin_changes]

  dimension: value {
    type: string
    label: "Sections changed"
    description: "other sections of the policy that differ"
    sql: ${TABLE} ;;
  }
}

view: admin_changes__content_key_ids {
  label: "Admin changes: content key ids"
  required_access_grants: [reads_admin_changes]

  dimension: value {
    type: string
    label: "Content key IDs"
    description: "ids of content keys that were destroyed"
    sql: ${TABLE} ;;
  }
}

view: admin_changes__hold_ids {
  label: "Admin changes: hold ids"
  required_access_grants: [reads_admin_changes]

  dimension: value {
    type: string
    label: "Hold IDs"
    description: "legal holds that stood against an erasure"
    sql: ${TABLE} ;;
  }
}

explore: admin_changes__lists {
  extension: required

  join: admin_changes__principal_groups {
    sql: LEFT JOIN UNNEST(${admin_changes.principal_groups}) AS admin_changes__principal_groups ;;
    relationship: one_to_many
  }

  join: admin_changes__rules_added {
    sql: LEFT JOIN UNNEST(${admin_changes.rules_added}) AS admin_changes__rules_added ;;
    relationship: one_to_many
  }

  join: admin_changes__rules_removed {
    sql: LEFT JOIN UNNEST(${admin_changes.rules_removed}) AS admin_changes__rules_removed ;;
    relationship: one_to_many
  }

  join: admin_changes__rules_changed {
    sql: LEFT JOIN UNNEST(${admin_changes.rules_changed}) AS admin_changes__rules_changed ;;
    relationship: one_to_many
  }

  join: admin_changes__sections_changed {
    sql: LEFT JOIN UNNEST(${admin_changes.sections_changed}) AS admin_changes__sections_changed ;;
    relationship: one_to_many
  }

  join: admin_changes__content_key_ids {
    sql: LEFT JOIN UNNEST(${admin_changes.content_key_ids}) AS admin_changes__content_key_ids ;;
    relationship: one_to_many
  }

  join: admin_changes__hold_ids {
    sql: LEFT JOIN UNNEST(${admin_changes.hold_ids}) AS admin_changes__hold_ids ;;
    relationship: one_to_many
  }
}
