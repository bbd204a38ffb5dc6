"""What a user would pick instead. Each peer starts as one process, pinned, and answers ``POST`` with a stream."""
