"""The authentications, one file each."""
