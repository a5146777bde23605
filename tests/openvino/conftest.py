from tests.process.conftest import run, start

__all__ = ["run", "start"]
