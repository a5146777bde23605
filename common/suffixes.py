"""Files that inputs can be fed with, by the ends of their names: benchmark_app's, and a few that Pillow reads."""

from typing import Final

IMAGES: Final = (
    ".bmp", ".dib", ".jpeg", ".jpg", ".jpe", ".jp2", ".png", ".pbm", ".pgm", ".ppm", ".pnm", ".sr", ".ras", ".tiff",
    ".tif", ".webp", ".gif",
)  # fmt: skip
ARRAYS: Final = (".npy",)
BYTES: Final = (".bin",)
