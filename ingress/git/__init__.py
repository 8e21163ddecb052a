"""Carry git's smart HTTP through the gateway: clone, fetch and push, policy and record included."""
