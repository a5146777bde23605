"""The widest vector instructions of this host's CPUs, by the names that oneDNN has for its levels.

https://uxlfoundation.github.io/oneDNN/dev_guide_cpu_dispatcher_control.html; flags as the kernel names them
(arch/x86/include/asm/cpufeatures.h, Documentation/arch/arm64/elf_hwcaps.rst).
"""

from collections.abc import Collection
from pathlib import Path
from typing import Final

_FIRST_BYTES: Final = 1 << 14
"""Of /proc/cpuinfo: the first CPU is in it, and the kernel takes a while for all of many."""

_AVX512: Final = ("avx512f", "avx512bw", "avx512dq", "avx512vl")
_BF16: Final = (*_AVX512, "avx512_vnni", "avx512_bf16")
_AMX: Final = (*_BF16, "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16")
_LEVELS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("avx512_core_amx_fp16", (*_AMX, "amx_fp16")),
    ("avx512_core_amx", _AMX),
    ("avx512_core_fp16", (*_BF16, "avx512_fp16")),
    ("avx512_core_bf16", _BF16),
    ("avx512_core_vnni", (*_AVX512, "avx512_vnni")),
    ("avx512_core", _AVX512),
    ("avx2_vnni_2", ("avx2", "avx_vnni", "avx_vnni_int8", "avx_ne_convert")),
    ("avx2_vnni", ("avx2", "avx_vnni")),
    ("avx2", ("avx2",)),
    ("avx", ("avx",)),
    ("sse41", ("sse4_1",)),
    ("sve2", ("sve2",)),
    ("sve", ("sve",)),
    ("asimd", ("asimd",)),
)


def read_isa(root: Path = Path("/")) -> str:
    """Empty where it is not known."""
    try:
        with open(root / "proc/cpuinfo", "rb") as file:
            return isa_of(file.read(_FIRST_BYTES).decode(errors="replace"))
    except OSError:
        return ""


def isa_of(cpuinfo: str) -> str:
    """By the first CPU in it."""
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return _widest(frozenset(value.split()))
    return ""


def _widest(flags: Collection[str]) -> str:
    return next((name for name, needed in _LEVELS if all(flag in flags for flag in needed)), "")
