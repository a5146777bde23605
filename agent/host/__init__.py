"""The agent's process on its host: affinity, threads, memory by node, usage."""
