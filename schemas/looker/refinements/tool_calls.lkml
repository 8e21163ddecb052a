view: +tool_calls {
  dimension: was_refused {
    type: yesno
    label: "Was refused"
    description: "denied, or held for a review: the client never got the call"
    sql: COALESCE(${effect}, 'allow') IN ('deny', 'review') ;;
  }

  dimension: writes {
    type: yesno
    label: "May write"
    description: "the tool can do more than read, or its name does not tell"
    sql: COALESCE(${risk_tier}, 'write') <> 'read' ;;
  }

  measure: count {
    type: count
    label: "Tool calls"
    drill_fields: [detail*]
  }

  measure: person_count {
    type: count_distinct
    label: "People"
    sql: ${principal_id} ;;
  }

  measure: allowed_count {
    type: count
    label: "Allowed"
    filters: [effect: "allow,mask"]
  }

  measure: refused_count {
    type: count
    label: "Refused"
    description: "denied, or held for a review"
    filters: [was_refused: "yes"]
    drill_fields: [detail*]
  }

  measure: unwatched_count {
    type: count
    label: "No rule watches"
    description: "no rule of the policy looks at such calls"
    filters: [effect: "NULL"]
  }

  measure: first_at {
    type: date_time
    label: "First call"
    convert_tz: no
    sql: MIN(${occurred_raw}) ;;
  }

  measure: last_at {
    type: date_time
    label: "Last call"
    convert_tz: no
    sql: MAX(${occurred_raw}) ;;
  }

  set: detail {
    fields: [
      occurred_time,
      name,
      risk_tier,
      effect,
      rule_id,
      department,
      repository,
      session_id,
      interaction_id
    ]
  }
}

view: +tool_calls__file_paths {
  dimension: is_sensitive {
    type: yesno
    label: "Is sensitive"
    description: "in a folder named payments, billing or auth; put your own folders here"
    sql: REGEXP_CONTAINS(${value}, r'(^|/)(payments?|billing|auth)/') ;;
  }

  measure: edit_count {
    type: number
    label: "Edits"
    sql: COUNTIF(${value} IS NOT NULL AND ${tool_calls.writes} AND NOT ${tool_calls.was_refused}) ;;
  }

  measure: refused_count {
    type: number
    label: "Edits refused"
    sql: COUNTIF(${value} IS NOT NULL AND ${tool_calls.was_refused}) ;;
  }
}
