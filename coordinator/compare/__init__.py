"""Results side by side, as tables, and in other tools' formats."""
