"""Waits on the null device against an ideal dispatcher of the same arrivals, with the services that were asked for.

By the recursions of Lindley, and of Kiefer and Wolfowitz for several servers, both of which chance has on either side.
"""

import numpy as np
import pytest

from ovbench.common.samples import SampleArray
from ovbench.coordinator.request.nullbackend import parse_null
from scripts.bench.atrate import ideal_waits
from tests.attempts import undisturbed
from tests.nullservices import service_times
from tests.process.driver import Run

SHARE = 0.25
"""Of the mean wait: services and starts on a busy machine are some ms late, which is doubled at half load."""


@pytest.mark.parametrize(
    ("agents", "service", "rate"), [(1, "20000", 25), (1, "20000,exp", 25), (2, "20000", 60), (2, "20000,exp", 60)]
)
@undisturbed("services that others make end late hold up all that wait")
def test_waits_are_those_of_the_ideal_queue(run: Run, agents: int, service: str, rate: int) -> None:
    options = ("--backend", f"null:{service}", "-api", "sync", "--agents", str(agents), "--rate", str(rate))
    ran = run(*options, "-t", "4", "--warmup", "0.2", "--save-samples")
    assert (ran.folder / "samples.npz").exists(), ran.out + ran.err
    parts, services = [], []
    spec = parse_null(f"null:{service}")
    with np.load(ran.folder / "samples.npz") as arrays:
        for agent in range(agents):
            columns = (
                [arrays[f"agent_{agent}{where}_{what}_ns"] for what in ("start", "end", "due")]
                for where in ("", "_outside")
            )
            part = SampleArray.joined([SampleArray.of(*column) for column in columns], timed=True)
            parts.append(part[np.argsort(part.starts)])
            services.append(service_times(spec.of_agent(agent, agents), len(part)))
    every, nominal = SampleArray.joined(parts, timed=True), np.concatenate(services)
    order = np.argsort(every.dues, kind="stable")
    ideal = ideal_waits(every.dues[order], nominal[order], agents)
    assert ideal.mean() > 1e6
    # No service is shorter than asked for and no start is early, so none waits for less, however busy the machine is.
    assert (every.waits[order] >= ideal).all()
    assert every.waits.mean() == pytest.approx(ideal.mean(), rel=SHARE)
