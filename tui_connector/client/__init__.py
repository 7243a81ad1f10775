"""How requests travel: immutable messages through layers to the wire, each attempt recorded."""
