"""Servers over SSH: one script, one round trip; raw text → observations."""
