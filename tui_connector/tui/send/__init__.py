"""Sending: the plan of an outgoing, its run, and its tasks."""
