"""What screens and commands do with a profile; the guide's five steps are in `steps`."""
