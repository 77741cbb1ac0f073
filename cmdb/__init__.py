"""A configuration management database that fills itself and proves what it answers."""

__version__ = "0.1.0"
