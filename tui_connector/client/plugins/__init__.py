"""The plugins of a client, one file each."""
