"""Outgoing: sends entities to the store."""
