"""The guide without a screen: what is asked, what is tried against the store, and what is written."""
