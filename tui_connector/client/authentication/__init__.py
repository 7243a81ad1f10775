"""The ways a request can prove who sends it."""
