"""The coordinator: request, plan, session with the agents, merge, checks, result, report."""
