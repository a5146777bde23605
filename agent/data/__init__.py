"""The inputs' data: files, images, random values."""
