"""The compiled load loops and the memory they write."""
