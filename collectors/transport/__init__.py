"""Ways to an agent's answers: live over SNMP, or from recordings."""
