"""Secrets: where they are named, where they are kept, and how they are hidden."""
