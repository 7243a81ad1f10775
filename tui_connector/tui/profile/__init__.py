"""A saved profile on one page, and the way from it into the guide."""
