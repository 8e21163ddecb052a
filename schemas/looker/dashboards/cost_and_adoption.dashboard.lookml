- dashboard: tailnumber_cost_and_adoption
  title: "AI cost and adoption"
  layout: newspaper
  preferred_viewer: dashboards-next
  description: "Who works with AI coding agents, at what cost, and how well does it run?"
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
      Cost is tokens times the price list that you gave the pipeline, in its currency;
      it is no invoice. Answers of a model without a price are counted and left out.
      Departments come from the directory file.
    row: 0
    col: 0
    width: 24
    height: 2

  - name: cost_last_week
    title: "Cost, last week"
    model: tailnumber
    explore: interactions
    type: single_value
    fields:
    - interactions.requested_week
    - interactions.cost
    filters:
      interactions.requested_date: "2 weeks ago for 2 weeks"
    sorts: [interactions.requested_week desc]
    limit: 2
    dynamic_fields:
    - category: table_calculation
      table_calculation: week_before
      label: "the week before"
      expression: offset(${interactions.cost}, 1)
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
      Cost of the last whole week, Monday to Sunday UTC, beside the week before. Same
      numbers: tailnumber ask cost_by_department.
    listen:
      Department: interactions.department
      Repository: interactions.repository
      Tenant: interactions.tenant_id
    row: 2
    col: 0
    width: 8
    height: 4

  - name: cost
    title: "Cost"
    model: tailnumber
    explore: interactions
    type: single_value
    fields:
    - interactions.cost
    - interactions.token_count
    show_comparison: true
    comparison_type: value
    show_comparison_label: true
    comparison_label: "tokens"
    note_state: collapsed
    note_display: hover
    note_text: >-
      Cost of the period and the tokens behind it. Answers without a price, in the table
      below, are not in it. Same numbers: tailnumber ask cost_by_department.
    listen:
      Period: interactions.requested_date
      Department: interactions.department
      Repository: interactions.repository
      Tenant: interactions.tenant_id
    row: 2
    col: 8
    width: 8
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
      People and service accounts that sent a request in the period. Same numbers:
      tailnumber ask control_coverage.
    listen:
      Period: interactions.requested_date
      Department: interactions.department
      Repository: interactions.repository
      Tenant: interactions.tenant_id
    row: 2
    col: 16
    width: 8
    height: 4

  - name: people_by_week
    title: "People by week"
    model: tailnumber
    explore: interactions
    type: looker_line
    fields:
    - interactions.requested_week
    - interactions.department
    - interactions.person_count
    pivots: [interactions.department]
    sorts: [interactions.requested_week]
    note_state: collapsed
    note_display: hover
    note_text: >-
      People of each department who sent a request in the week. The first and the last
      week of a period are often not whole. Same numbers: tailnumber ask
      adoption_by_department.
    listen:
      Period: interactions.requested_date
      Department: interactions.department
      Repository: interactions.repository
      Tenant: interactions.tenant_id
    row: 6
    col: 0
    width: 12
    height: 7

  - name: work_by_week
    title: "Kinds of work by week"
    model: tailnumber
    explore: interactions
    type: looker_column
    fields:
    - interactions.requested_week
    - interactions.chat_count
    - interactions.inline_count
    - interactions.agent_count
    sorts: [interactions.requested_week]
    note_state: collapsed
    note_display: hover
    note_text: >-
      Chat, inline completions, and requests whose answer called tools: the work of
      agents. An agent's request is a chat too. Same numbers: tailnumber ask
      adoption_by_department.
    listen:
      Period: interactions.requested_date
      Department: interactions.department
      Repository: interactions.repository
      Tenant: interactions.tenant_id
    row: 6
    col: 12
    width: 12
    height: 7

  - name: by_department
    title: "Cost by department"
    model: tailnumber
    explore: interactions
    type: looker_bar
    fields:
    - interactions.department
    - interactions.cost_center
    - interactions.cost
    sorts: [interactions.cost desc]
    note_state: collapsed
    note_display: hover
    note_text: >-
      Cost by department and cost centre; without a department is who is not in the
      directory file. Same numbers: tailnumber ask cost_by_department.
    listen:
      Period: interactions.requested_date
      Department: interactions.department
      Repository: interactions.repository
      Tenant: interactions.tenant_id
    row: 13
    col: 0
    width: 12
    height: 7

  - name: departments
    title: "Departments in numbers"
    model: tailnumber
    explore: interactions
    type: looker_grid
    fields:
    - interactions.department
    - interactions.cost_center
    - interactions.cost
    - interactions.unpriced_count
    - interactions.token_count
    - interactions.person_count
    - interactions.cost_per_person
    sorts: [interactions.cost desc]
    note_state: collapsed
    note_display: hover
    note_text: >-
      What a department spent, on how many tokens and people. Answers without a price
      are of models that the price list lacks: the cost is too low by them. Same
      numbers: tailnumber ask cost_by_department.
    listen:
      Period: interactions.requested_date
      Department: interactions.department
      Repository: interactions.repository
      Tenant: interactions.tenant_id
    row: 13
    col: 12
    width: 12
    height: 7

  - name: by_model
    title: "Cost by model"
    model: tailnumber
    explore: interactions
    type: looker_grid
    fields:
    - interactions.model_used
    - interactions.cost
    - interactions.count
    - interactions.input_token_count
    - interactions.output_token_count
    - interactions.cached_ratio
    - interactions.cost_per_answer
    filters:
      interactions.model_used: "-NULL"
    sorts: [interactions.cost desc]
    note_state: collapsed
    note_display: hover
    note_text: >-
      Which models cost what. A low share of cached input makes long sessions dear. Same
      numbers: tailnumber ask cost_by_model.
    listen:
      Period: interactions.requested_date
      Department: interactions.department
      Repository: interactions.repository
      Tenant: interactions.tenant_id
    row: 20
    col: 0
    width: 12
    height: 7

  - name: clients
    title: "Programs in use"
    model: tailnumber
    explore: interactions
    type: looker_grid
    fields:
    - interactions.client_name
    - interactions.client_version
    - interactions.person_count
    - interactions.count
    - interactions.failed_count
    - interactions.first_at
    - interactions.last_at
    sorts: [interactions.count desc]
    limit: 100
    note_state: collapsed
    note_display: hover
    note_text: >-
      Editors, command lines and agents, as they name themselves. An old version that
      fails is to be updated. Same numbers: tailnumber ask clients_in_use.
    listen:
      Period: interactions.requested_date
      Department: interactions.department
      Repository: interactions.repository
      Tenant: interactions.tenant_id
    row: 20
    col: 12
    width: 12
    height: 7

  - name: dearest_sessions
    title: "The dearest sessions"
    model: tailnumber
    explore: interactions
    type: looker_grid
    fields:
    - interactions.session_id
    - interactions.principal_email
    - interactions.department
    - interactions.client_name
    - interactions.cost
    - interactions.token_count
    - interactions.count
    - interactions.first_at
    sorts: [interactions.cost desc, interactions.token_count desc, interactions.session_id]
    limit: 20
    note_state: collapsed
    note_display: hover
    note_text: >-
      Sessions that cost most; `tailnumber replay` shows what was done to whom may see
      it. Same numbers: tailnumber ask dearest_sessions.
    listen:
      Period: interactions.requested_date
      Department: interactions.department
      Repository: interactions.repository
      Tenant: interactions.tenant_id
    row: 27
    col: 0
    width: 12
    height: 8

  - name: longest_sessions
    title: "The longest sessions"
    model: tailnumber
    explore: sessions
    type: looker_grid
    fields:
    - sessions.session_id
    - sessions.principal_email
    - sessions.client_name
    - sessions.first_requested_time
    - sessions.minutes
    - sessions.interaction_count
    - sessions.tool_call_count
    sorts: [sessions.minutes desc, sessions.tool_call_count desc, sessions.session_id]
    limit: 20
    note_state: collapsed
    note_display: hover
    note_text: >-
      Sessions from first request to last. Many hours or hundreds of tool calls is an
      agent left to itself. Same numbers: tailnumber ask longest_sessions.
    listen:
      Period: sessions.period
      Tenant: sessions.tenant_id
    row: 27
    col: 12
    width: 12
    height: 8

  - name: speed
    title: "Speed and failures"
    model: tailnumber
    explore: interactions
    type: looker_grid
    fields:
    - interactions.connection
    - interactions.operation
    - interactions.count
    - interactions.failed_count
    - interactions.failed_ratio
    - interactions.median_first_seconds
    - interactions.p95_first_seconds
    - interactions.p95_seconds
    - interactions.left_count
    filters:
      interactions.status: "-blocked"
    sorts: [interactions.count desc]
    note_state: collapsed
    note_display: hover
    note_text: >-
      How fast the upstreams answer through the gateway, and how often they fail.
      Refused requests are left out. Same numbers: tailnumber ask latency_and_failures.
    listen:
      Period: interactions.requested_date
      Department: interactions.department
      Repository: interactions.repository
      Tenant: interactions.tenant_id
    row: 35
    col: 0
    width: 24
    height: 6
