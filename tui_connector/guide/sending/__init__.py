"""Plans, samples and tasks of outgoing configurations."""
