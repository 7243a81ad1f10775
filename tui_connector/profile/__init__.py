"""What is saved for one store: its text, its model, its problems, and the list of all profiles."""
