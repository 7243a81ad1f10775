"""The HTTP client: immutable messages pass through layers to the wire, which records each attempt."""
