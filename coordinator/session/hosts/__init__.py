"""A session whose agents are on other hosts, reached through one supervisor on each."""
