"""The coordinator: options, plan, session with the agents, merge, checks, result, report."""
