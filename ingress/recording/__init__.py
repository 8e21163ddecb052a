"""Durable recording: the journal, the recovery of a dead writer's journal, and the publisher."""
