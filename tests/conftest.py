"""What all tests share. Fixtures of one kind of test live beside those tests."""

from hypothesis import HealthCheck, settings

from ovbench.agent.loop.cache import load_loops

# Before anything imports numba: the tests compile the loops into, and load them from, the same cache as agents do.
load_loops()

pytest_plugins = ("tests.leftovers", "tests.attempts")

# How long an example takes, and its data to be made, is the machine's to say: a busy one exceeds any limit.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
