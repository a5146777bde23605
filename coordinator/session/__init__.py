"""One run as it happens: the fleet decides (pure), the session acts."""
