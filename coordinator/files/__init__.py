"""Models and inputs for other hosts: which files go together, and one read of each for all hosts that want it."""
