view: +access_denials {
  label: "Refused at the door"

  measure: count {
    type: count
    label: "Refusals"
    description: "requests without a credential that holds; nothing of them was read"
    drill_fields: [occurred_time, reason_code, client_name, method, path, unverified_key_id]
  }

  measure: key_count {
    type: count_distinct
    label: "Keys tried"
    sql: ${unverified_key_id} ;;
  }

  measure: address_count {
    type: count_distinct
    label: "Addresses"
    sql: ${client_address} ;;
    required_access_grants: [sees_network]
  }

  measure: first_at {
    type: date_time
    label: "First"
    convert_tz: no
    sql: MIN(${occurred_raw}) ;;
  }

  measure: last_at {
    type: date_time
    label: "Last"
    convert_tz: no
    sql: MAX(${occurred_raw}) ;;
  }
}

view: +admin_changes {
  dimension: done_by {
    type: string
    label: "Done by"
    description: "mail address, else subject; a change of the policy file names nobody"
    sql: COALESCE(${principal_email}, ${principal_subject}) ;;
    required_access_grants: [sees_identity]
  }

  dimension: about {
    type: string
    label: "About"
    description: "whose key or texts: mail address, else subject"
    sql: COALESCE(${holder_email}, ${holder_subject}) ;;
    required_access_grants: [sees_identity]
  }

  dimension: for_somebody_else {
    type: yesno
    label: "For somebody else"
    description: "who did it is not the holder of the key"
    sql: COALESCE(${principal_id} <> ${holder_principal_id}, FALSE) ;;
  }

  measure: count {
    type: count
    label: "Changes"
    drill_fields: [occurred_time, event_type, object_type, object_id, done_by, about]
  }

  measure: issued_count {
    type: count
    label: "Keys issued"
    filters: [event_type: "key.issued"]
  }

  measure: revoked_count {
    type: count
    label: "Keys revoked"
    filters: [event_type: "key.revoked"]
  }
}

view: +legal_holds {
  dimension: placed_by {
    type: string
    label: "Placed by"
    description: "mail address, else subject"
    sql: COALESCE(${principal_email}, ${principal_subject}) ;;
    required_access_grants: [sees_identity]
  }

  measure: count {
    type: count
    label: "Legal holds"
    drill_fields: [hold_name, placed_time, status, placed_by]
  }

  measure: in_force_count {
    type: count
    label: "Legal holds in force"
    filters: [status: "placed"]
  }
}

view: +record_views {
  label: "Who read the trail"

  dimension: reader {
    type: string
    label: "Reader"
    description: "mail address, else subject"
    sql: COALESCE(${principal_email}, ${principal_subject}) ;;
    required_access_grants: [sees_identity]
  }

  dimension: text_count {
    type: number
    label: "Texts"
    description: "texts that were opened, at most 1,000"
    sql: COALESCE(ARRAY_LENGTH(${viewed_part_ids}), 0) ;;
  }

  dimension: session_count {
    type: number
    label: "Sessions"
    description: "sessions whose texts were opened, at most 1,000"
    sql: COALESCE(ARRAY_LENGTH(${viewed_session_ids}), 0) ;;
  }

  dimension: person_count {
    type: number
    label: "People"
    description: "people whose texts were opened, at most 1,000"
    sql: COALESCE(ARRAY_LENGTH(${viewed_principal_ids}), 0) ;;
  }

  measure: count {
    type: count
    label: "Times opened"
    drill_fields: [occurred_time, reader, command, reason, text_count]
  }
}

view: +dead_letters {
  label: "Messages that were refused"

  measure: count {
    type: count
    label: "Refused messages"
    description: "messages that the pipeline refused; none is lost, each can be sent again"
    drill_fields: [published_time, stage, reason_code, reason, event_type, kept_in]
  }

  measure: writer_count {
    type: count_distinct
    label: "Writers"
    sql: ${writer_id} ;;
  }
}
