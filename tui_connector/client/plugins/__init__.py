"""The plugins a client may have."""
