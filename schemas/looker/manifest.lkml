# Tailnumber's LookML block: what AI coding agents did, in Looker. docs/looker.md says how to connect.
# This folder is the root of a LookML project.
project_name: "tailnumber"

# Name of the BigQuery connection in Looker.
constant: TAILNUMBER_CONNECTION {
  value: "tailnumber"
  export: override_optional
}

# Dataset of the views, with its project in front where that is not the connection's:
# "my-project.audit". `audit` is for a connection that signs each person in (OAuth); `reporting`,
# which holds public columns alone, for one with Looker's service account.
constant: TAILNUMBER_DATASET {
  value: "audit"
  export: override_optional
}
