"""Runs in the background, and the screen that shows them."""
