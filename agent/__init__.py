"""The agent process: it takes one job from a coordinator, runs the load loop on its CPUs and sends the samples back."""
