"""What all tests share. Fixtures of one kind of test live beside those tests."""

from ovbench.agent.loopcache import use_loop_cache

# Before anything imports numba: the tests compile the loops into, and load them from, the same cache as agents do.
use_loop_cache()
