"""The editor of a profile's text."""
