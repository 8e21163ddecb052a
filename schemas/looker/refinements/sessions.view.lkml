# A table function, so that the partitions before the period are not read. It is no persistent
# derived table: the reader's own rights hold.
view: sessions {
  derived_table: {
    sql:
      SELECT *
      FROM `@{TAILNUMBER_DATASET}.sessions_since`({% date_start sessions.period %})
      WHERE first_requested_at < {% date_end sessions.period %} ;;
  }
  required_access_grants: [reads_sessions]

  filter: period {
    type: date
    label: "Period"
    description: "sessions that began in it, summed up from its begin on"
    convert_tz: no
  }

  dimension: row_key {
    type: string
    primary_key: yes
    hidden: yes
    sql: CONCAT(${TABLE}.tenant_id, '/', ${TABLE}.session_id, '/', ${TABLE}.principal_id) ;;
  }

  dimension: tenant_id {
    type: string
    label: "Tenant ID"
    sql: ${TABLE}.tenant_id ;;
  }

  dimension: session_id {
    type: string
    label: "Session ID"
    description: "as `tailnumber replay` takes it"
    sql: ${TABLE}.session_id ;;
  }

  dimension: principal_id {
    type: string
    label: "Principal ID"
    description: "pseudonym of the principal"
    sql: ${TABLE}.principal_id ;;
  }

  dimension: principal_kind {
    type: string
    label: "Principal kind"
    sql: ${TABLE}.principal_kind ;;
  }

  dimension: principal_email {
    type: string
    label: "Principal email"
    tags: ["identity"]
    required_access_grants: [sees_identity]
    sql: ${TABLE}.principal_email ;;
  }

  dimension: client_name {
    type: string
    label: "Client name"
    sql: ${TABLE}.client_name ;;
  }

  dimension_group: first_requested {
    type: time
    timeframes: [raw, time, date, week, month, quarter, year]
    convert_tz: no
    datatype: timestamp
    sql: ${TABLE}.first_requested_at ;;
  }

  dimension_group: last_requested {
    type: time
    timeframes: [raw, time, date, week, month, quarter, year]
    convert_tz: no
    datatype: timestamp
    sql: ${TABLE}.last_requested_at ;;
  }

  dimension: models {
    type: string
    label: "Models"
    sql: ARRAY_TO_STRING(${TABLE}.models, ', ') ;;
  }

  dimension: repositories {
    type: string
    label: "Repositories"
    sql: ARRAY_TO_STRING(${TABLE}.repositories, ', ') ;;
  }

  dimension: interaction_count {
    type: number
    label: "Requests"
    sql: ${TABLE}.interaction_count ;;
  }

  dimension: blocked_count {
    type: number
    label: "Refused"
    sql: ${TABLE}.blocked_count ;;
  }

  dimension: finding_count {
    type: number
    label: "Findings"
    sql: ${TABLE}.finding_count ;;
  }

  dimension: tool_call_count {
    type: number
    label: "Tool calls"
    sql: COALESCE(${TABLE}.tool_call_count, 0) ;;
  }

  dimension: input_tokens {
    type: number
    label: "Input tokens"
    sql: ${TABLE}.input_tokens ;;
  }

  dimension: output_tokens {
    type: number
    label: "Output tokens"
    sql: ${TABLE}.output_tokens ;;
  }

  dimension: minutes {
    type: number
    label: "Minutes"
    description: "first request to last"
    sql: DIV(TIMESTAMP_DIFF(${last_requested_raw}, ${first_requested_raw}, MICROSECOND), 60000000) ;;
  }

  measure: count {
    type: count
    label: "Sessions"
    drill_fields: [session_id, first_requested_time, minutes, client_name, models, interaction_count]
  }

  measure: person_count {
    type: count_distinct
    label: "People"
    sql: ${principal_id} ;;
  }

  measure: request_count {
    type: sum
    label: "Requests in all"
    sql: ${interaction_count} ;;
  }

  measure: average_requests {
    type: average
    label: "Requests per session"
    value_format: "#,##0.0"
    sql: ${interaction_count} ;;
  }
}
