"""The guide on the screen: its five steps, and what they have in common."""
