"""The interchange format: the graph as lines of JSON, out and in again."""
