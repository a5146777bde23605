"""Compiles the loops to machine code that any process on a CPU like this one can load.

numba makes LLVM's intermediate code of each function that is exported; together they are optimized once more, which
leaves nothing of numba's: no exceptions, no calls of Python.
"""

import re
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from llvmlite import binding as llvm
from numba import cfunc, config, types

from .linking import Image, Unlinkable, link
from .machinecode import EXPORTS, IMPORTS, Export

_TYPES: Final[Mapping[str, Any]] = {"q": types.int64, "i": types.int32, "?": types.boolean, "v": types.void}


def compile_loops() -> Image:
    """Takes some seconds. Raises Unlinkable on a machine for which there is no way to load the code."""
    return link(compile_object(EXPORTS), tuple(EXPORTS), IMPORTS)


def compile_object(exports: Mapping[str, Export]) -> bytes:
    """An ELF object, with nothing but `exports` to be seen from outside."""
    if getattr(config, "DISABLE_JIT", 0):
        raise Unlinkable("NUMBA_DISABLE_JIT is set; unset it")
    module = llvm.parse_assembly("")
    for name, export in exports.items():
        function = getattr(import_module(f".{export.module}", __package__), name)
        signature = _TYPES[export.result](*(_TYPES[letter] for letter in export.arguments))
        compiled: Any = cfunc(signature, error_model="numpy")(function.py_func)
        # numba keeps a callback apart from the code that reports its exceptions, of which there are none.
        part = llvm.parse_assembly(re.sub(r"\bnoinline\b", '"inlined"', compiled.inspect_llvm()))
        part.get_function(compiled.native_name).name = name
        module.link_in(part)
    for value in (*module.functions, *module.global_variables):
        if not value.is_declaration and value.name not in exports:
            value.linkage = "internal"
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        reloc="pic",
        codemodel="small",
    )
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
    builder.getModulePassManager().run(module, builder)
    return bytes(machine.emit_object(module))
