"""Imports from what other tools write: the file to import, and the list of what will be created."""
