# Rendered by `python -m schemas render`; change schemas/ instead.
# One row per message or row that a step refused; content never, only where it lies.
view: dead_letters {
  label: "Dead letters"
  sql_table_name: `@{TAILNUMBER_DATASET}.dead_letters` ;;
  required_access_grants: [reads_dead_letters]

  dimension: row_key {
    type: string
    primary_key: yes
    hidden: yes
    sql: ${TABLE}.dead_letter_id ;;
  }

  dimension: dead_letter_id {
    type: string
    label: "Dead letter ID"
    description: "SHA-256 of message id, stage and reason: one row however often refused"
    sql: ${TABLE}.dead_letter_id ;;
  }

  dimension_group: published {
    type: time
    timeframes: [raw, time, date, week, month, quarter, year]
    convert_tz: no
    datatype: timestamp
    description: "when Pub/Sub took the message, UTC; the same at each delivery"
    sql: ${TABLE}.published_at ;;
  }

  dimension_group: refused {
    type: time
    timeframes: [raw, time, date, week, month, quarter, year]
    convert_tz: no
    datatype: timestamp
    description: "when the pipeline refused it, UTC"
    sql: ${TABLE}.refused_at ;;
  }

  dimension: stage {
    type: string
    label: "Stage"
    description: "step that refused: decode, verify, route or load"
    sql: ${TABLE}.stage ;;
  }

  dimension: reason_code {
    type: string
    label: "Reason code"
    description: "stable code of the reason"
    sql: ${TABLE}.reason_code ;;
  }

  dimension: reason {
    type: string
    label: "Reason"
    description: "what was wrong, without any value"
    sql: ${TABLE}.reason ;;
  }

  dimension: message_id {
    type: string
    label: "Message ID"
    description: "Pub/Sub message id"
    sql: ${TABLE}.message_id ;;
  }

  dimension: message_bytes {
    type: number
    label: "Message bytes"
    description: "size of the message, bytes"
    sql: ${TABLE}.message_bytes ;;
  }

  dimension: message_hash {
    type: string
    label: "Message hash"
    description: "SHA-256 of the message"
    hidden: yes
    sql: ${TABLE}.message_hash ;;
  }

  dimension: event_id {
    type: string
    label: "Event ID"
    description: "UUIDv7, given once before the first durable write"
    hidden: yes
    sql: ${TABLE}.event_id ;;
  }

  dimension: event_type {
    type: string
    label: "Event type"
    description: "event type, if it could be read"
    sql: ${TABLE}.event_type ;;
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

  dimension: kept_in {
    type: string
    label: "Kept in"
    description: "where the message lies for redrive"
    sql: ${TABLE}.kept_in ;;
  }
}
