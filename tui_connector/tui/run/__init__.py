"""Runs: what goes on in the background, and the screen that shows it."""
