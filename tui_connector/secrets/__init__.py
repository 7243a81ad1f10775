"""Secrets: their sources, their storage and their masking."""
