"""Device knowledge for SNMP: what to read, and what the answers mean."""
