- dashboard: tailnumber_access_and_approvals
  title: "AI access and approvals"
  layout: newspaper
  preferred_viewer: dashboards-next
  description: "Who was kept out, what did policy refuse or hold, and what may agents do?"
  filters:
  - name: Period
    title: Period
    type: field_filter
    default_value: "28 days"
    allow_multiple_values: false
    required: true
    model: tailnumber
    explore: interactions
    field: interactions.requested_date
    ui_config: {type: relative_timeframes, display: inline}
  - name: Department
    title: Department
    type: field_filter
    default_value: ""
    allow_multiple_values: true
    required: false
    model: tailnumber
    explore: interactions
    field: interactions.department
    ui_config: {type: tag_list, display: inline}
  - name: Repository
    title: Repository
    type: field_filter
    default_value: ""
    allow_multiple_values: true
    required: false
    model: tailnumber
    explore: interactions
    field: interactions.repository
    ui_config: {type: tag_list, display: inline}
  - name: Tenant
    title: Tenant
    type: field_filter
    default_value: ""
    allow_multiple_values: true
    required: false
    model: tailnumber
    explore: interactions
    field: interactions.tenant_id
    ui_config: {type: tag_list, display: inline}
  elements:
  - name: what_this_tells
    type: text
    body_text: >-
      At the door the gateway refuses whoever has no key or token that holds. Behind it
      the policy decides: a request, a push or a tool call is allowed, masked, held for
      a review or denied. Refused counts both denied and held.
    row: 0
    col: 0
    width: 24
    height: 2

  - name: refused_at_the_door
    title: "Refused at the door, last week"
    model: tailnumber
    explore: access_denials
    type: single_value
    fields:
    - access_denials.occurred_week
    - access_denials.count
    filters:
      access_denials.occurred_date: "2 weeks ago for 2 weeks"
    sorts: [access_denials.occurred_week desc]
    limit: 2
    dynamic_fields:
    - category: table_calculation
      table_calculation: week_before
      label: "the week before"
      expression: offset(${access_denials.count}, 1)
      _kind_hint: measure
      _type_hint: number
    hidden_fields: [access_denials.occurred_week]
    show_comparison: true
    comparison_type: change
    show_comparison_label: true
    comparison_label: "the week before"
    note_state: collapsed
    note_display: hover
    note_text: >-
      Requests without a credential that holds in the last whole week, beside the week
      before. Many from one address is somebody trying keys. Same numbers: tailnumber
      ask refused_access.
    listen:
      Tenant: access_denials.tenant_id
    row: 2
    col: 0
    width: 8
    height: 4

  - name: refused_by_policy
    title: "Requests refused by policy"
    model: tailnumber
    explore: interactions
    type: single_value
    fields:
    - interactions.blocked_count
    - interactions.count
    show_comparison: true
    comparison_type: value
    show_comparison_label: true
    comparison_label: "requests in all"
    note_state: collapsed
    note_display: hover
    note_text: >-
      Requests that a rule of the policy kept from going upstream, of all requests. Same
      numbers: tailnumber ask control_coverage.
    listen:
      Period: interactions.requested_date
      Department: interactions.department
      Repository: interactions.repository
      Tenant: interactions.tenant_id
    row: 2
    col: 8
    width: 8
    height: 4

  - name: tool_calls_refused
    title: "Tool calls refused"
    model: tailnumber
    explore: tool_calls
    type: single_value
    fields:
    - tool_calls.refused_count
    - tool_calls.count
    show_comparison: true
    comparison_type: value
    show_comparison_label: true
    comparison_label: "tool calls in all"
    note_state: collapsed
    note_display: hover
    note_text: >-
      Tools that a model asked for and that never reached the client: denied, or held
      for a review. Same numbers: tailnumber ask tool_calls_by_risk.
    listen:
      Period: tool_calls.occurred_date
      Department: tool_calls.department
      Repository: tool_calls.repository
      Tenant: tool_calls.tenant_id
    row: 2
    col: 16
    width: 8
    height: 4

  - name: refusals_by_day
    title: "Refused at the door, by day and reason"
    model: tailnumber
    explore: access_denials
    type: looker_column
    fields:
    - access_denials.occurred_date
    - access_denials.reason_code
    - access_denials.count
    pivots: [access_denials.reason_code]
    sorts: [access_denials.occurred_date]
    stacking: normal
    note_state: collapsed
    note_display: hover
    note_text: >-
      Why callers were not let in. key_unknown by the dozen is somebody guessing;
      token_expired is somebody who forgot to sign in. Same numbers: tailnumber ask
      refused_access.
    listen:
      Period: access_denials.occurred_date
      Tenant: access_denials.tenant_id
    row: 6
    col: 0
    width: 12
    height: 7

  - name: addresses
    title: "Addresses that try keys"
    model: tailnumber
    explore: access_denials
    type: looker_grid
    fields:
    - access_denials.client_address
    - access_denials.count
    - access_denials.key_count
    - access_denials.first_at
    - access_denials.last_at
    filters:
      access_denials.count: ">=20"
    sorts: [access_denials.count desc]
    note_state: collapsed
    note_display: hover
    note_text: >-
      Addresses with 20 refusals or more. Ask guessing_addresses whether one of them got
      in afterwards. Same numbers: tailnumber ask guessing_addresses.
    listen:
      Period: access_denials.occurred_date
      Tenant: access_denials.tenant_id
    row: 6
    col: 12
    width: 12
    height: 7

  - name: requests_by_rule
    title: "Requests refused, by rule"
    model: tailnumber
    explore: interactions
    type: looker_bar
    fields:
    - interactions.rule_id
    - interactions.reason_code
    - interactions.operation
    - interactions.blocked_count
    filters:
      interactions.status: "blocked"
    sorts: [interactions.blocked_count desc]
    note_state: collapsed
    note_display: hover
    note_text: >-
      Which rule refused which kind of request. A rule that refuses daily work is worth
      a word with the team, or a change. Same numbers: tailnumber ask denied_by_rule.
    listen:
      Period: interactions.requested_date
      Department: interactions.department
      Repository: interactions.repository
      Tenant: interactions.tenant_id
    row: 13
    col: 0
    width: 12
    height: 7

  - name: tool_calls_by_rule
    title: "Tool calls refused, by rule"
    model: tailnumber
    explore: tool_calls
    type: looker_grid
    fields:
    - tool_calls.rule_id
    - tool_calls.reason_code
    - tool_calls.refused_count
    - tool_calls.person_count
    - tool_calls.first_at
    - tool_calls.last_at
    filters:
      tool_calls.was_refused: "yes"
    sorts: [tool_calls.refused_count desc]
    note_state: collapsed
    note_display: hover
    note_text: >-
      Which rule kept which tool calls from the client, and from how many people. Same
      numbers: tailnumber ask denied_by_rule.
    listen:
      Period: tool_calls.occurred_date
      Department: tool_calls.department
      Repository: tool_calls.repository
      Tenant: tool_calls.tenant_id
    row: 13
    col: 12
    width: 12
    height: 7

  - name: tools_by_risk
    title: "Tools by risk"
    model: tailnumber
    explore: tool_calls
    type: looker_bar
    fields:
    - tool_calls.name
    - tool_calls.risk_tier
    - tool_calls.count
    pivots: [tool_calls.risk_tier]
    sorts: [tool_calls.count desc]
    stacking: normal
    note_state: collapsed
    note_display: hover
    note_text: >-
      What models ask clients to run, by what the tool can do: read, write, execute,
      destructive. Same numbers: tailnumber ask tool_calls_by_risk.
    listen:
      Period: tool_calls.occurred_date
      Department: tool_calls.department
      Repository: tool_calls.repository
      Tenant: tool_calls.tenant_id
    row: 20
    col: 0
    width: 12
    height: 8

  - name: sensitive_edits
    title: "Edits in sensitive code"
    model: tailnumber
    explore: tool_calls
    type: looker_grid
    fields:
    - tool_calls__file_paths.value
    - tool_calls.repository
    - tool_calls.principal_email
    - tool_calls.principal_id
    - tool_calls__file_paths.edit_count
    - tool_calls__file_paths.refused_count
    - tool_calls.last_at
    filters:
      tool_calls__file_paths.is_sensitive: "yes"
    sorts: [tool_calls__file_paths.edit_count desc]
    limit: 200
    note_state: collapsed
    note_display: hover
    note_text: >-
      Files below payments, billing or auth that agents changed or wanted to. Your own
      folders go into tool_calls__file_paths.is_sensitive. Same numbers: tailnumber ask
      edited_paths.
    listen:
      Period: tool_calls.occurred_date
      Department: tool_calls.department
      Repository: tool_calls.repository
      Tenant: tool_calls.tenant_id
    row: 20
    col: 12
    width: 12
    height: 8

  - name: pushes
    title: "Pushes by branch"
    model: tailnumber
    explore: interactions
    type: looker_grid
    fields:
    - interactions.repository
    - interactions__refs.ref
    - interactions__refs.change
    - interactions__refs.pushed_count
    - interactions__refs.refused_count
    - interactions.person_count
    - interactions.last_at
    filters:
      interactions.operation: "push"
      interactions__refs.change: "-NULL"
    sorts: [interactions__refs.pushed_count desc]
    limit: 200
    note_state: collapsed
    note_display: hover
    note_text: >-
      What was pushed through the gateway to which branch, and what was refused by
      policy or by the git server. Same numbers: tailnumber ask pushes_by_ref.
    listen:
      Period: interactions.requested_date
      Department: interactions.department
      Repository: interactions.repository
      Tenant: interactions.tenant_id
    row: 28
    col: 0
    width: 12
    height: 8

  - name: service_accounts
    title: "Use without a person"
    model: tailnumber
    explore: interactions
    type: looker_grid
    fields:
    - interactions.principal_subject
    - interactions.principal_issuer
    - interactions.count
    - interactions.blocked_count
    - interactions.key_count
    - interactions.address_count
    - interactions.last_at
    filters:
      interactions.principal_kind: "service"
    sorts: [interactions.count desc]
    note_state: collapsed
    note_display: hover
    note_text: >-
      Service accounts and CI jobs. More keys or addresses than machines is worth a
      look. Same numbers: tailnumber ask service_accounts.
    listen:
      Period: interactions.requested_date
      Department: interactions.department
      Repository: interactions.repository
      Tenant: interactions.tenant_id
    row: 28
    col: 12
    width: 12
    height: 8

  - name: keys_for_others
    title: "Keys issued or revoked for somebody else"
    model: tailnumber
    explore: admin_changes
    type: looker_grid
    fields:
    - admin_changes.occurred_time
    - admin_changes.event_type
    - admin_changes.done_by
    - admin_changes.about
    - admin_changes.holder_kind
    - admin_changes.key_class
    - admin_changes.object_id
    filters:
      admin_changes.object_type: "gateway^_key"
      admin_changes.for_somebody_else: "yes"
    sorts: [admin_changes.occurred_time desc]
    note_state: collapsed
    note_display: hover
    note_text: >-
      Who made or ended a key that is not the own. For a machine that is usual; for a
      person it is to be explained. Same numbers: tailnumber ask keys_for_others.
    listen:
      Period: admin_changes.occurred_date
      Tenant: admin_changes.tenant_id
    row: 36
    col: 0
    width: 24
    height: 6
