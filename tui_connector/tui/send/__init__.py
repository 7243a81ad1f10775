"""Sending: the plan of an outgoing, its run, and what became of its entities."""
