"""A run while it goes."""
