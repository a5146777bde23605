"""The kinds of studies, an object each."""
