# Looker runs these against the warehouse (in the IDE, or `spectacles assert`). Each holds on any
# data that the pipeline wrote; one that fails says that rows are lost, doubled or late.

test: each_request_is_there_once {
  explore_source: interactions {
    column: count {}
    column: request_ids {}
  }
  assert: no_request_twice {
    expression: ${interactions.count} = ${interactions.request_ids} ;;
  }
}

test: each_finding_is_masked_or_noted {
  explore_source: findings {
    column: count {}
    column: masked_count {}
    column: recorded_count {}
  }
  assert: nothing_else_became_of_it {
    expression: ${findings.count} = ${findings.masked_count} + ${findings.recorded_count} ;;
  }
}

test: each_tool_call_is_decided_or_unwatched {
  explore_source: tool_calls {
    column: count {}
    column: allowed_count {}
    column: refused_count {}
    column: unwatched_count {}
  }
  assert: nothing_between {
    expression: ${tool_calls.count} = ${tool_calls.allowed_count} + ${tool_calls.refused_count} + ${tool_calls.unwatched_count} ;;
  }
}

test: sessions_hold_every_request {
  explore_source: sessions {
    column: count {}
    column: request_count {}
  }
  assert: no_empty_session {
    expression: ${sessions.request_count} >= ${sessions.count} ;;
  }
}

test: something_was_recorded_this_week {
  explore_source: interactions {
    column: count {}
    filters: [interactions.requested_date: "7 days"]
  }
  assert: not_silent {
    expression: ${interactions.count} > 0 ;;
  }
}

test: every_request_ends_in_the_end {
  explore_source: interactions {
    column: unfinished_count {}
    column: count {}
    filters: [interactions.requested_date: "28 days ago for 27 days"]
  }
  assert: fewer_than_one_in_a_hundred_without_an_outcome {
    expression: ${interactions.unfinished_count} * 100 <= ${interactions.count} ;;
  }
}
