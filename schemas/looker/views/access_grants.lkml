# Rendered by `python -m schemas render`; change schemas/ instead.

access_grant: sees_identity {
  user_attribute: tailnumber_role
  allowed_values: ["auditor", "analyst", "security", "investigator", "manager", "keeper"]
}

access_grant: sees_network {
  user_attribute: tailnumber_role
  allowed_values: ["auditor", "analyst", "security", "investigator", "manager", "keeper"]
}

access_grant: sees_secret_evidence {
  user_attribute: tailnumber_role
  allowed_values: ["auditor", "analyst", "security", "investigator", "manager", "keeper"]
}

access_grant: reads_interactions {
  user_attribute: tailnumber_role
  allowed_values: ["auditor", "analyst", "security", "investigator", "manager", "looker"]
}

access_grant: reads_findings {
  user_attribute: tailnumber_role
  allowed_values: ["auditor", "analyst", "security", "investigator", "manager", "looker"]
}

access_grant: reads_tool_calls {
  user_attribute: tailnumber_role
  allowed_values: ["auditor", "analyst", "security", "investigator", "manager", "looker"]
}

access_grant: reads_access_denials {
  user_attribute: tailnumber_role
  allowed_values: ["auditor", "analyst", "security", "investigator", "looker"]
}

access_grant: reads_admin_changes {
  user_attribute: tailnumber_role
  allowed_values: ["auditor", "analyst", "security", "investigator"]
}

access_grant: reads_legal_holds {
  user_attribute: tailnumber_role
  allowed_values: ["auditor", "analyst", "security", "investigator"]
}

access_grant: reads_record_views {
  user_attribute: tailnumber_role
  allowed_values: ["auditor", "analyst", "security", "investigator"]
}

access_grant: reads_dead_letters {
  user_attribute: tailnumber_role
  allowed_values: ["auditor", "analyst", "security", "investigator"]
}

access_grant: reads_sessions {
  user_attribute: tailnumber_role
  allowed_values: ["auditor", "analyst", "security", "investigator"]
}
