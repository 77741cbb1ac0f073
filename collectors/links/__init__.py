"""Cables, end points, shared segments and VLANs, from what many devices tell of their surroundings. Pure."""
