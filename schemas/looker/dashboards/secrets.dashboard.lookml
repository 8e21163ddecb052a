- dashboard: tailnumber_secrets
  title: "AI secrets"
  layout: newspaper
  preferred_viewer: dashboards-next
  description: "Which secrets were on their way to a model or back, and what became of them?"
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
      A finding is a secret that was seen in a text; no finding holds the secret. Masked
      means that the other side got a placeholder. Noted only means that a generic rule
      suspected one and the policy let it pass. A secret that was found is to be
      replaced where it is used, masked or not: it stood in somebody's file.
    row: 0
    col: 0
    width: 24
    height: 2

  - name: findings_last_week
    title: "Findings, last week"
    model: tailnumber
    explore: findings
    type: single_value
    fields:
    - findings.occurred_week
    - findings.count
    filters:
      findings.occurred_date: "2 weeks ago for 2 weeks"
    sorts: [findings.occurred_week desc]
    limit: 2
    dynamic_fields:
    - category: table_calculation
      table_calculation: week_before
      label: "the week before"
      expression: offset(${findings.count}, 1)
      _kind_hint: measure
      _type_hint: number
    hidden_fields: [findings.occurred_week]
    show_comparison: true
    comparison_type: change
    show_comparison_label: true
    comparison_label: "the week before"
    note_state: collapsed
    note_display: hover
    note_text: >-
      Findings of the last whole week, Monday to Sunday UTC, beside the week before.
      Same numbers: tailnumber ask findings_by_rule.
    listen:
      Department: findings.department
      Repository: findings.repository
      Tenant: findings.tenant_id
    row: 2
    col: 0
    width: 6
    height: 4

  - name: masked
    title: "Masked"
    model: tailnumber
    explore: findings
    type: single_value
    fields:
    - findings.masked_count
    - findings.count
    show_comparison: true
    comparison_type: progress_percentage
    show_comparison_label: true
    comparison_label: "of all findings"
    note_state: collapsed
    note_display: hover
    note_text: >-
      Findings that were replaced before they left, of all findings. Same numbers:
      tailnumber ask findings_by_rule.
    listen:
      Period: findings.occurred_date
      Department: findings.department
      Repository: findings.repository
      Tenant: findings.tenant_id
    row: 2
    col: 6
    width: 6
    height: 4

  - name: different_secrets
    title: "Different secrets"
    model: tailnumber
    explore: findings
    type: single_value
    fields:
    - findings.secret_count
    - findings.count
    show_comparison: true
    comparison_type: value
    show_comparison_label: true
    comparison_label: "findings"
    note_state: collapsed
    note_display: hover
    note_text: >-
      Secrets told apart by fingerprint: the number to be replaced. One secret in ten
      prompts is ten findings. Same numbers: tailnumber ask findings_by_rule.
    listen:
      Period: findings.occurred_date
      Department: findings.department
      Repository: findings.repository
      Tenant: findings.tenant_id
    row: 2
    col: 12
    width: 6
    height: 4

  - name: passed_on
    title: "Noted and passed on"
    model: tailnumber
    explore: findings
    type: single_value
    fields:
    - findings.recorded_count
    filters:
      findings.direction: "to^_upstream"
      interactions.status: "-blocked"
    note_state: collapsed
    note_display: hover
    note_text: >-
      Suspected secrets that went to a model unmasked, as the policy says of generic
      rules. Read them below; a true one makes the rule worth masking. Same numbers:
      tailnumber ask unmasked_findings.
    listen:
      Period: findings.occurred_date
      Department: findings.department
      Repository: findings.repository
      Tenant: findings.tenant_id
    row: 2
    col: 18
    width: 6
    height: 4

  - name: by_week
    title: "Masked by week"
    model: tailnumber
    explore: findings
    type: looker_line
    fields:
    - findings.occurred_week
    - findings.rule_id
    - findings.masked_count
    pivots: [findings.rule_id]
    sorts: [findings.occurred_week]
    note_state: collapsed
    note_display: hover
    note_text: >-
      Masked findings by week and rule. A rise of one rule is often one repository or
      one new tool. Same numbers: tailnumber ask what_left_and_what_was_stopped.
    listen:
      Period: findings.occurred_date
      Department: findings.department
      Repository: findings.repository
      Tenant: findings.tenant_id
    row: 6
    col: 0
    width: 12
    height: 7

  - name: by_rule
    title: "Findings by rule"
    model: tailnumber
    explore: findings
    type: looker_bar
    fields:
    - findings.rule_id
    - findings.masked_count
    - findings.recorded_count
    sorts: [findings.masked_count desc]
    stacking: normal
    note_state: collapsed
    note_display: hover
    note_text: >-
      What was found, by masking rule: replaced, or noted and passed on. Same numbers:
      tailnumber ask what_left_and_what_was_stopped.
    listen:
      Period: findings.occurred_date
      Department: findings.department
      Repository: findings.repository
      Tenant: findings.tenant_id
    row: 6
    col: 12
    width: 12
    height: 7

  - name: rules
    title: "Rules in numbers"
    model: tailnumber
    explore: findings
    type: looker_grid
    fields:
    - findings.rule_id
    - findings.highest_tier
    - findings.count
    - findings.masked_count
    - findings.secret_count
    - findings.person_count
    - findings.last_at
    sorts: [findings.count desc]
    note_state: collapsed
    note_display: hover
    note_text: >-
      Tier 1 is a provider's own format and all but certain; tier 2 is generic and
      errs. Same numbers: tailnumber ask findings_by_rule.
    listen:
      Period: findings.occurred_date
      Department: findings.department
      Repository: findings.repository
      Tenant: findings.tenant_id
    row: 13
    col: 0
    width: 12
    height: 7

  - name: seen_again
    title: "Seen more than once"
    model: tailnumber
    explore: findings
    type: looker_grid
    fields:
    - findings.fingerprint
    - findings.rule_id
    - findings.count
    - findings.person_count
    - findings.first_at
    - findings.last_at
    filters:
      findings.count: ">1"
    sorts: [findings.person_count desc, findings.count desc]
    note_state: collapsed
    note_display: hover
    note_text: >-
      The same secret in several prompts. Several people means that it is shared:
      replace it first. Same numbers: tailnumber ask secrets_seen_again.
    listen:
      Period: findings.occurred_date
      Department: findings.department
      Repository: findings.repository
      Tenant: findings.tenant_id
    row: 13
    col: 12
    width: 12
    height: 7

  - name: by_person
    title: "Who sends secrets"
    model: tailnumber
    explore: findings
    type: looker_grid
    fields:
    - findings.principal_email
    - findings.principal_id
    - findings.secret_count
    - findings.count
    - findings.last_at
    filters:
      findings.direction: "to^_upstream"
    sorts: [findings.secret_count desc, findings.count desc]
    limit: 50
    note_state: collapsed
    note_display: hover
    note_text: >-
      Whose prompts carried secrets. Meant for help, not for blame: a file of secrets in
      a repository reaches every prompt. Same numbers: tailnumber ask secrets_by_person.
    listen:
      Period: findings.occurred_date
      Department: findings.department
      Repository: findings.repository
      Tenant: findings.tenant_id
    row: 20
    col: 0
    width: 12
    height: 7

  - name: from_models
    title: "Secrets in answers"
    model: tailnumber
    explore: findings
    type: looker_grid
    fields:
    - findings.fingerprint
    - findings.rule_id
    - findings.answer_count
    - findings.prompt_count
    filters:
      findings.answer_count: ">0"
    sorts: [findings.answer_count desc]
    note_state: collapsed
    note_display: hover
    note_text: >-
      Secrets that a model wrote. One that stood in a prompt before was repeated; one
      that did not may be somebody else's. Same numbers: tailnumber ask
      secrets_from_models.
    listen:
      Period: findings.occurred_date
      Department: findings.department
      Repository: findings.repository
      Tenant: findings.tenant_id
    row: 20
    col: 12
    width: 12
    height: 7

  - name: passed_on_list
    title: "Noted and passed on, one by one"
    model: tailnumber
    explore: findings
    type: looker_grid
    fields:
    - findings.occurred_time
    - findings.principal_email
    - findings.rule_id
    - findings.tier
    - findings.location
    - findings.connection
    - interactions.effect
    - interactions.rule_id
    - findings.interaction_id
    - findings.count
    filters:
      findings.action: "recorded"
      findings.direction: "to^_upstream"
      interactions.status: "-blocked"
    sorts: [findings.occurred_time desc]
    limit: 100
    note_state: collapsed
    note_display: hover
    note_text: >-
      Each suspected secret that went to a model unmasked, and the rule of the policy
      that let the request pass. Same numbers: tailnumber ask unmasked_findings.
    listen:
      Period: findings.occurred_date
      Department: findings.department
      Repository: findings.repository
      Tenant: findings.tenant_id
    row: 27
    col: 0
    width: 24
    height: 7
