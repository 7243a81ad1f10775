"""Incoming: reads lists from the store and writes their items to a sink."""
