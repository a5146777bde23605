"""Studies: many runs that belong together, planned, measured in turn, saved one by one, and concluded from."""
