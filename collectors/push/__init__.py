"""Adapters: payloads of other tools become observations."""
