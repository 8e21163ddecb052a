# Rendered by `python -m schemas render`; change schemas/ instead.
# One row per caller that was not let in.
view: access_denials {
  label: "Access denials"
  sql_table_name: `@{TAILNUMBER_DATASET}.access_denials` ;;
  required_access_grants: [reads_access_denials]

  dimension: row_key {
    type: string
    primary_key: yes
    hidden: yes
    sql: ${TABLE}.event_id ;;
  }

  dimension: event_id {
    type: string
    label: "Event ID"
    description: "UUIDv7, given once before the first durable write"
    hidden: yes
    sql: ${TABLE}.event_id ;;
  }

  dimension_group: occurred {
    type: time
    timeframes: [raw, time, date, week, month, quarter, year]
    convert_tz: no
    datatype: timestamp
    description: "when it happened at the ingress, UTC, microseconds"
    sql: ${TABLE}.occurred_at ;;
  }

  dimension: tenant_id {
    type: string
    label: "Tenant ID"
    description: "tenant that the gateway serves"
    sql: ${TABLE}.tenant_id ;;
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

  dimension: client_name {
    type: string
    label: "Client name"
    description: "editor, command line or agent program"
    sql: ${TABLE}.client_name ;;
  }

  dimension: client_version {
    type: string
    label: "Client version"
    description: "its version, as it says"
    sql: ${TABLE}.client_version ;;
  }

  dimension: client_editor {
    type: string
    label: "Client editor"
    description: "editor around the client and its version"
    sql: ${TABLE}.client_editor ;;
  }

  dimension: client_machine_id {
    type: string
    label: "Client machine ID"
    description: "machine id that the client sent"
    tags: ["network"]
    required_access_grants: [sees_network]
    sql: ${TABLE}.client_machine_id ;;
  }

  dimension: client_address {
    type: string
    label: "Client address"
    description: "address that the connection came from"
    tags: ["network"]
    required_access_grants: [sees_network]
    sql: ${TABLE}.client_address ;;
  }

  dimension: client_user_agent {
    type: string
    label: "Client user agent"
    description: "User-Agent header"
    tags: ["network"]
    required_access_grants: [sees_network]
    sql: ${TABLE}.client_user_agent ;;
  }

  dimension: reason_code {
    type: string
    label: "Reason code"
    description: "stable code of the reason"
    sql: ${TABLE}.reason_code ;;
  }

  dimension: method {
    type: string
    label: "Method"
    description: "HTTP method"
    sql: ${TABLE}.method ;;
  }

  dimension: path {
    type: string
    label: "Path"
    description: "path of the request without its query"
    sql: ${TABLE}.path ;;
  }

  dimension: http_status {
    type: number
    label: "HTTP status"
    description: "HTTP status that the client got"
    sql: ${TABLE}.http_status ;;
  }

  dimension: unverified_key_id {
    type: string
    label: "Unverified key ID"
    description: "id that the refused key claimed, if it had the form"
    sql: ${TABLE}.unverified_key_id ;;
  }

  dimension_group: loaded {
    type: time
    timeframes: [raw, time, date, week, month, quarter, year]
    convert_tz: no
    datatype: timestamp
    description: "when the pipeline wrote the row, UTC"
    hidden: yes
    sql: ${TABLE}.loaded_at ;;
  }

  dimension: unverified_issuer {
    type: string
    label: "Unverified issuer"
    description: "issuer that the refused access token claimed, masked; anybody can write anything there"
    tags: ["identity"]
    required_access_grants: [sees_identity]
    sql: ${TABLE}.unverified_issuer ;;
  }

  dimension: client_country {
    type: string
    label: "Client country"
    description: "country of client_address by the configured database, ISO 3166-1 alpha-2"
    tags: ["network"]
    required_access_grants: [sees_network]
    sql: ${TABLE}.client_country ;;
  }
}
