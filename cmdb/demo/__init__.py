"""A small data centre that is described in one file, and served by agents on loopback."""
