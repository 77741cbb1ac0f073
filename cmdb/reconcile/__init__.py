"""Who is it, and who is right: observations and what is known become a change set. Pure."""
