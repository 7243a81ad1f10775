"""The kinds of lookups that work with any store."""
