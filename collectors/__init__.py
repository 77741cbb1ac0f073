"""Collectors: raw answers of targets, and what they mean as observations."""
