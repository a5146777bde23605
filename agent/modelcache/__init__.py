"""Files that a coordinator sent: received, verified by their SHA-256, kept for the next run."""
