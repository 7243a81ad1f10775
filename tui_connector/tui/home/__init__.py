"""Home: what is saved, what was left half-way, and what can be done with both."""
