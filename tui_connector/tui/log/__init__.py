"""The live log: its list, the detail, and what can be done with an exchange."""
