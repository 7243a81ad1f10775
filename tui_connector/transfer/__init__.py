"""What moves: incoming reads from the store, outgoing sends to it."""
