"""The guide without its screens: the draft of a setup, its tests against the store, and saving."""
