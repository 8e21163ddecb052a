- dashboard: tailnumber_governance
  title: "AI governance"
  layout: newspaper
  preferred_viewer: dashboards-next
  description: "Is all use of AI coding agents recorded, decided by policy and provable?"
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
      Every request to a model passes the gateway, which records it before it goes on.
      These numbers say whether that held, which policy decided, who changed it and who
      read the trail. Texts are not here: they are sealed, and opened by an
      investigator, with a reason.
    row: 0
    col: 0
    width: 24
    height: 2

  - name: requests_last_week
    title: "Requests, last week"
    model: tailnumber
    explore: interactions
    type: single_value
    fields:
    - interactions.requested_week
    - interactions.count
    filters:
      interactions.requested_date: "2 weeks ago for 2 weeks"
    sorts: [interactions.requested_week desc]
    limit: 2
    dynamic_fields:
    - category: table_calculation
      table_calculation: week_before
      label: "the week before"
      expression: offset(${interactions.count}, 1)
      _kind_hint: measure
      _type_hint: number
    hidden_fields: [interactions.requested_week]
    show_comparison: true
    comparison_type: change
    show_comparison_label: true
    comparison_label: "the week before"
    note_state: collapsed
    note_display: hover
    note_text: >-
      Requests of the last whole week, Monday to Sunday UTC, beside the week before. A
      fall without a reason may mean that people go around the gateway. Same numbers:
      tailnumber ask control_coverage.
    listen:
      Department: interactions.department
      Repository: interactions.repository
      Tenant: interactions.tenant_id
    row: 2
    col: 0
    width: 5
    height: 4

  - name: people
    title: "People"
    model: tailnumber
    explore: interactions
    type: single_value
    fields:
    - interactions.person_count
    - interactions.count
    show_comparison: true
    comparison_type: value
    show_comparison_label: true
    comparison_label: "requests"
    note_state: collapsed
    note_display: hover
    note_text: >-
      People and service accounts that sent a request in the period, told apart by
      pseudonym. Same numbers: tailnumber ask control_coverage.
    listen:
      Period: interactions.requested_date
      Department: interactions.department
      Repository: interactions.repository
      Tenant: interactions.tenant_id
    row: 2
    col: 5
    width: 5
    height: 4

  - name: with_outcome
    title: "With an outcome"
    model: tailnumber
    explore: interactions
    type: single_value
    fields:
    - interactions.with_outcome_ratio
    - interactions.count
    show_comparison: true
    comparison_type: value
    show_comparison_label: true
    comparison_label: "requests"
    note_state: collapsed
    note_display: hover
    note_text: >-
      Share of requests whose end is recorded too. Below 100 % some are still running,
      or a record was lost: ask unfinished_interactions for them. Same numbers:
      tailnumber ask control_coverage.
    listen:
      Period: interactions.requested_date
      Department: interactions.department
      Repository: interactions.repository
      Tenant: interactions.tenant_id
    row: 2
    col: 10
    width: 5
    height: 4

  - name: recorded_before
    title: "Recorded before a byte left"
    model: tailnumber
    explore: interactions
    type: single_value
    fields:
    - interactions.strict_ratio
    - interactions.count
    show_comparison: true
    comparison_type: value
    show_comparison_label: true
    comparison_label: "requests"
    note_state: collapsed
    note_display: hover
    note_text: >-
      Share of requests in the assurance strict: no byte left before the record of it
      was durable. The policy may choose less for a rule; recording by operation says
      which. Same numbers: tailnumber ask control_coverage.
    listen:
      Period: interactions.requested_date
      Department: interactions.department
      Repository: interactions.repository
      Tenant: interactions.tenant_id
    row: 2
    col: 15
    width: 5
    height: 4

  - name: refused_messages
    title: "Refused messages"
    model: tailnumber
    explore: dead_letters
    type: single_value
    fields:
    - dead_letters.count
    note_state: collapsed
    note_display: hover
    note_text: >-
      Records that the pipeline could not load. None is lost: each lies where the table
      below says, and docs/runbook.md says how to load it. More than 0 is work for
      somebody. Same numbers: tailnumber ask dead_letters.
    listen:
      Period: dead_letters.published_date
    row: 2
    col: 20
    width: 4
    height: 4

  - name: evidence
    title: "Evidence of the controls, by month"
    model: tailnumber
    explore: interactions
    type: looker_grid
    fields:
    - interactions.requested_month
    - interactions.count
    - interactions.person_count
    - interactions.with_outcome_ratio
    - interactions.blocked_count
    - interactions.finding_count
    - interactions.strict_ratio
    - interactions.policy_count
    sorts: [interactions.requested_month desc]
    note_state: collapsed
    note_display: hover
    note_text: >-
      One row a month for the auditor: how much was used, how much of it has an outcome,
      how often the policy refused, how many secrets were handled. Same numbers:
      tailnumber ask control_coverage.
    listen:
      Period: interactions.requested_date
      Department: interactions.department
      Repository: interactions.repository
      Tenant: interactions.tenant_id
    row: 6
    col: 0
    width: 14
    height: 6

  - name: recording_by_operation
    title: "How surely it was recorded"
    model: tailnumber
    explore: interactions
    type: looker_column
    fields:
    - interactions.operation
    - interactions.assurance
    - interactions.count
    pivots: [interactions.assurance]
    sorts: [interactions.count desc]
    stacking: normal
    note_state: collapsed
    note_display: hover
    note_text: >-
      Requests by kind and assurance. Anything but strict was chosen by a rule of the
      policy. Same numbers: tailnumber ask recording_assurance.
    listen:
      Period: interactions.requested_date
      Department: interactions.department
      Repository: interactions.repository
      Tenant: interactions.tenant_id
    row: 6
    col: 14
    width: 10
    height: 6

  - name: policy_versions
    title: "Policies and what they decided"
    model: tailnumber
    explore: interactions
    type: looker_grid
    fields:
    - interactions.policy_digest
    - interactions.first_at
    - interactions.last_at
    - interactions.allowed_count
    - interactions.masked_count
    - interactions.refused_count
    - interactions.rule_count
    sorts: [interactions.first_at desc]
    note_state: collapsed
    note_display: hover
    note_text: >-
      Each version of the policy by its digest, when it decided, and what. A digest that
      nobody approved is a change without a change request. Same numbers: tailnumber ask
      policy_versions.
    listen:
      Period: interactions.requested_date
      Department: interactions.department
      Repository: interactions.repository
      Tenant: interactions.tenant_id
    row: 12
    col: 0
    width: 14
    height: 6

  - name: refused_messages_by_reason
    title: "Refused messages by reason"
    model: tailnumber
    explore: dead_letters
    type: looker_grid
    fields:
    - dead_letters.stage
    - dead_letters.reason_code
    - dead_letters.event_type
    - dead_letters.count
    - dead_letters.writer_count
    sorts: [dead_letters.count desc]
    note_state: collapsed
    note_display: hover
    note_text: >-
      Where the pipeline refused a record and why; the reason holds no content. Same
      numbers: tailnumber ask dead_letters.
    listen:
      Period: dead_letters.published_date
    row: 12
    col: 14
    width: 10
    height: 6

  - name: changes
    title: "Administrative changes"
    model: tailnumber
    explore: admin_changes
    type: looker_grid
    fields:
    - admin_changes.occurred_time
    - admin_changes.event_type
    - admin_changes.object_type
    - admin_changes.object_id
    - admin_changes.done_by
    - admin_changes.about
    sorts: [admin_changes.occurred_time desc]
    limit: 200
    note_state: collapsed
    note_display: hover
    note_text: >-
      Who changed policy, keys, legal holds or recorded content. A change of the policy
      file names nobody: its own history does. Same numbers: tailnumber ask
      admin_changes.
    listen:
      Period: admin_changes.occurred_date
      Tenant: admin_changes.tenant_id
    row: 18
    col: 0
    width: 14
    height: 8

  - name: who_read
    title: "Who read the trail"
    model: tailnumber
    explore: record_views
    type: looker_grid
    fields:
    - record_views.occurred_time
    - record_views.reader
    - record_views.command
    - record_views.reason
    - record_views.person_count
    - record_views.session_count
    - record_views.text_count
    sorts: [record_views.occurred_time desc]
    limit: 200
    note_state: collapsed
    note_display: hover
    note_text: >-
      Each opening of recorded texts, with the reason that the reader gave. A reason
      without a case is to be asked about. Same numbers: tailnumber ask
      who_read_the_audit.
    listen:
      Period: record_views.occurred_date
      Tenant: record_views.tenant_id
    row: 18
    col: 14
    width: 10
    height: 8

  - name: legal_holds
    title: "Legal holds in force"
    model: tailnumber
    explore: legal_holds
    type: looker_grid
    fields:
    - legal_holds.hold_name
    - legal_holds.hold_id
    - legal_holds.placed_time
    - legal_holds.placed_by
    - legal_holds.reason
    - legal_holds.held_from_time
    - legal_holds.held_to_time
    filters:
      legal_holds.placed_date: "11 years"
      legal_holds.status: "placed"
    sorts: [legal_holds.placed_time]
    note_state: collapsed
    note_display: hover
    note_text: >-
      What is kept beyond its retention, since when and for what matter. The period does
      not apply: a hold stands until it is released. Same numbers: tailnumber ask
      holds_in_force.
    listen:
      Tenant: legal_holds.tenant_id
    row: 26
    col: 0
    width: 24
    height: 5
