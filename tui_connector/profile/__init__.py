"""Profiles: the text of one, its model and its problems, and the list of all."""
