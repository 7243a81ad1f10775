"""The steps of the guide: what each one holds, and what it needs from the store."""
