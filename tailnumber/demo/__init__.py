"""The demo: an hour of several people's work, sent as real requests, and what the audit shows."""
