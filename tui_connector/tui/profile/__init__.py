"""The page of a saved profile."""
