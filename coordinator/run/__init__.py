"""One run: measured, recorded, assembled into a report."""
