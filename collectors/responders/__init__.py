"""SNMP agents of our own, for the demo site and for tests: they answer from given varbinds, on loopback only."""
