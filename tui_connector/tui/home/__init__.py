"""Home: the saved profiles, the drafts, and the actions on both."""
