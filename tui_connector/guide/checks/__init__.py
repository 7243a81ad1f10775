"""Checks against the store and the computer, and what they find."""
