"""Where numba keeps the compiled loops: in the user's cache, by the digest of their sources.

numba's own check looks at the one file that a function is in; what that file imports could change unseen.
"""

import hashlib
import os
from pathlib import Path


def use_loop_cache() -> None:
    """Set it up. Must run before numba is imported. A user's NUMBA_CACHE_DIR is left alone."""
    if "NUMBA_CACHE_DIR" in os.environ:
        return
    from ovbench.common import histogram  # numpy with it, which is to load when its threads have been limited

    here = Path(__file__).parent
    sources = (here / "loops.py", here / "null.py", Path(histogram.__file__))
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "ovbench" / f"loops-{digest}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return  # numba finds a place itself, or compiles anew
    if os.access(folder, os.W_OK):
        os.environ["NUMBA_CACHE_DIR"] = str(folder)
