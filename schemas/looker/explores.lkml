# Each explore filters on its view's partition column, and cannot be asked without: BigQuery refuses
# a query that reads every partition. A joined view has a partition column of its own, which takes
# the bounds from the same filter; a record is at most a day from the request that it belongs to.

explore: interactions {
  label: "Requests"
  description: "One row is one request and what became of it"
  extends: [interactions__lists]
  required_access_grants: [reads_interactions]
  always_filter: {
    filters: [interactions.requested_date: "28 days"]
  }
  access_filter: {
    field: interactions.tenant_id
    user_attribute: tailnumber_tenant
  }
  access_filter: {
    field: interactions.department
    user_attribute: tailnumber_department
  }
}

explore: findings {
  label: "Secrets found"
  description: "One row is one secret that was found in a text; none of them holds the secret"
  required_access_grants: [reads_findings]
  always_filter: {
    filters: [findings.occurred_date: "28 days"]
  }
  access_filter: {
    field: findings.tenant_id
    user_attribute: tailnumber_tenant
  }
  access_filter: {
    field: findings.department
    user_attribute: tailnumber_department
  }

  join: interactions {
    view_label: "Their requests"
    type: left_outer
    relationship: many_to_one
    sql_on:
      ${interactions.interaction_id} = ${findings.interaction_id}
      AND ${interactions.requested_raw} >= TIMESTAMP_SUB({% date_start findings.occurred_date %}, INTERVAL 1 DAY)
      AND ${interactions.requested_raw} < {% date_end findings.occurred_date %} ;;
  }
}

explore: tool_calls {
  label: "Tool calls"
  description: "One row is one tool that a model asked a client to run, and what the policy said of it"
  extends: [tool_calls__lists]
  required_access_grants: [reads_tool_calls]
  always_filter: {
    filters: [tool_calls.occurred_date: "28 days"]
  }
  access_filter: {
    field: tool_calls.tenant_id
    user_attribute: tailnumber_tenant
  }
  access_filter: {
    field: tool_calls.department
    user_attribute: tailnumber_department
  }

  join: interactions {
    view_label: "Their requests"
    type: left_outer
    relationship: many_to_one
    sql_on:
      ${interactions.interaction_id} = ${tool_calls.interaction_id}
      AND ${interactions.requested_raw} >= TIMESTAMP_SUB({% date_start tool_calls.occurred_date %}, INTERVAL 1 DAY)
      AND ${interactions.requested_raw} < {% date_end tool_calls.occurred_date %} ;;
  }
}

explore: sessions {
  label: "Sessions"
  description: "One row is one session, summed up over its requests of the period"
  required_access_grants: [reads_sessions]
  always_filter: {
    filters: [sessions.period: "28 days"]
  }
  access_filter: {
    field: sessions.tenant_id
    user_attribute: tailnumber_tenant
  }
}

explore: access_denials {
  label: "Refused at the door"
  description: "One row is one caller that was not let in"
  required_access_grants: [reads_access_denials]
  always_filter: {
    filters: [access_denials.occurred_date: "28 days"]
  }
  access_filter: {
    field: access_denials.tenant_id
    user_attribute: tailnumber_tenant
  }
}

explore: admin_changes {
  label: "Administrative changes"
  description: "One row is one change of policy, keys, legal holds or recorded content"
  extends: [admin_changes__lists]
  required_access_grants: [reads_admin_changes]
  always_filter: {
    filters: [admin_changes.occurred_date: "90 days"]
  }
  access_filter: {
    field: admin_changes.tenant_id
    user_attribute: tailnumber_tenant
  }
}

explore: legal_holds {
  label: "Legal holds"
  description: "One row is one legal hold in its last state"
  extends: [legal_holds__lists]
  required_access_grants: [reads_legal_holds]
  always_filter: {
    filters: [legal_holds.placed_date: "11 years"]
  }
  access_filter: {
    field: legal_holds.tenant_id
    user_attribute: tailnumber_tenant
  }
}

explore: record_views {
  label: "Who read the trail"
  description: "One row is one time that somebody opened recorded texts"
  extends: [record_views__lists]
  required_access_grants: [reads_record_views]
  always_filter: {
    filters: [record_views.occurred_date: "28 days"]
  }
  access_filter: {
    field: record_views.tenant_id
    user_attribute: tailnumber_tenant
  }
}

# A refused message is of no tenant that could be trusted.
explore: dead_letters {
  label: "Messages that were refused"
  description: "One row is one message that the pipeline refused; it can be sent again"
  required_access_grants: [reads_dead_letters]
  always_filter: {
    filters: [dead_letters.published_date: "28 days"]
  }
}
