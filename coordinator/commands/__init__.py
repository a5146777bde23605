"""One file per verb of ovbench-coord."""
