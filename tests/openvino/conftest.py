from tests.process.conftest import coordinator, run, start

__all__ = ["coordinator", "run", "start"]
