"""What happens when processes die in the middle of their work."""
