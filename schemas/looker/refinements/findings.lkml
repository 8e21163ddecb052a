view: +findings {
  label: "Secrets found"

  measure: count {
    type: count
    label: "Findings"
    description: "times that a secret was found; the same secret counts each time"
    drill_fields: [detail*]
  }

  measure: secret_count {
    type: count_distinct
    label: "Different secrets"
    description: "told apart by fingerprint, from which nobody reads the secret"
    sql: ${fingerprint} ;;
    required_access_grants: [sees_secret_evidence]
  }

  measure: person_count {
    type: count_distinct
    label: "People concerned"
    sql: ${principal_id} ;;
  }

  measure: repository_count {
    type: count_distinct
    label: "Repositories concerned"
    sql: ${repository} ;;
  }

  measure: masked_count {
    type: count
    label: "Masked"
    description: "replaced by a placeholder: the other side never got it"
    filters: [action: "masked"]
    drill_fields: [detail*]
  }

  measure: recorded_count {
    type: count
    label: "Noted only"
    description: "suspected by a generic rule, noted and passed on, as the policy says"
    filters: [action: "recorded"]
    drill_fields: [detail*]
  }

  measure: prompt_count {
    type: count
    label: "In prompts"
    filters: [direction: "to^_upstream"]
  }

  measure: answer_count {
    type: count
    label: "In answers"
    filters: [direction: "to^_client"]
  }

  measure: highest_tier {
    type: max
    label: "Tier"
    description: "1 = a provider's own format, 2 = generic"
    sql: ${tier} ;;
  }

  measure: first_at {
    type: date_time
    label: "First found"
    convert_tz: no
    sql: MIN(${occurred_raw}) ;;
  }

  measure: last_at {
    type: date_time
    label: "Last found"
    convert_tz: no
    sql: MAX(${occurred_raw}) ;;
  }

  set: detail {
    fields: [
      occurred_time,
      rule_id,
      tier,
      direction,
      action,
      location,
      department,
      repository,
      session_id,
      interaction_id
    ]
  }
}
