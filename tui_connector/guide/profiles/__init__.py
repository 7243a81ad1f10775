"""Saved profiles: their lists, and what is done with them as a whole."""
