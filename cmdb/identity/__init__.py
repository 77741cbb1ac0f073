"""Decisions of people about who is who: merging, splitting, keeping apart, reclassifying, and taking that back."""
