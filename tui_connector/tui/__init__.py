"""The screens. They show state and start workers; none of them sends a request itself."""
