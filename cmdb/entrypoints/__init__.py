"""Wiring the real things: command line, server, demo. Nothing imports it."""
