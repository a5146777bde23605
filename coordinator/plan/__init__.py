"""Which CPUs are measured, how they are cut into agents, and the job of each."""
