"""What the user asked for: argv and files become typed values."""
