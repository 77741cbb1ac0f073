"""Keeping the graph: one store over Bolt, on Neo4j or on the embedded engine."""
