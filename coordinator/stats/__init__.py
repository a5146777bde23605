"""Arithmetic on arrays: Student, means and rank bounds, distributions, fits."""
