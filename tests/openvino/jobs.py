"""Jobs for tests that load a model themselves."""

from msgspec import structs

from ovbench.common.job import Data, Job, Load, Model, Placement, Runtime


def once(file: str, **more: object) -> Job:
    """One inference, on CPU 0. `more`: what is otherwise."""
    asked = Job(
        model=Model(source=file),
        runtime=Runtime(hint="none", streams=1, threads=1, requests=1),
        load=Load(api="sync", duration_s=None, iterations=1, warmup_s=0.0),
        placement=Placement(cpus=(0,)),
        null=None,
        data=Data(),
        sample_bytes=1 << 20,
    )
    return structs.replace(asked, **more)
