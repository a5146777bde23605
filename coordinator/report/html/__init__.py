"""A run or a study as one HTML file that needs nothing else, with charts; and the charts as files."""
