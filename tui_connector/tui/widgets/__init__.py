"""Fields and forms: they show plain data and say what was edited, and know neither a step nor a profile."""
