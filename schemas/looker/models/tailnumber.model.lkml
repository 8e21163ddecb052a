connection: "@{TAILNUMBER_CONNECTION}"
label: "Tailnumber"

include: "/views/*.lkml"
include: "/refinements/*.lkml"
include: "/explores.lkml"
include: "/dashboards/*.dashboard"
include: "/tests/*.lkml"

# Nothing is persisted, so nothing is read under another name than the reader's own.
datagroup: quarter_of_an_hour {
  max_cache_age: "15 minutes"
}

persist_with: quarter_of_an_hour
