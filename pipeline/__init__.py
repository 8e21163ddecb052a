"""Carry events from Pub/Sub to BigQuery: verified, typed, each refusal on record; never a text.

``graph`` reads as the path of an event. Steps are pure functions; Pub/Sub, Beam and BigQuery
stay in the modules that name them.
"""
