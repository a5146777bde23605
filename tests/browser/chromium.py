"""A headless Chromium that is told what to do by the DevTools protocol over two pipes, so without any library.

https://chromedevtools.github.io/devtools-protocol/; `--remote-debugging-pipe` has commands on descriptor 3 and answers
on 4, each ended by a zero byte.
"""

import base64
import contextlib
import itertools
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

FLAGS: Final = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe",
)  # fmt: skip
AS_3_AND_4: Final = """
import fcntl, os, sys
commands, answers = (fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3])
os.dup2(commands, 3), os.dup2(answers, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
DEADLINE_S: Final = 60.0

Message = dict[str, Any]


def program() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Chromium:
    """One page. `problems`: what the console and uncaught errors said; `requested`: every address asked for."""

    def __init__(self, profile: Path, width: int = 1280, height: int = 900) -> None:
        name = program()
        assert name is not None
        self.problems: list[str] = []
        self.requested: list[str] = []
        self._numbers = itertools.count(1)
        self._rest = b""
        commands, self._write = os.pipe()
        self._read, answers = os.pipe()
        size = f"--window-size={width},{height}"
        line = [name, *FLAGS, f"--user-data-dir={profile}", size, "about:blank"]
        shell = [sys.executable, "-c", AS_3_AND_4, str(commands), str(answers), *line]
        self._process = subprocess.Popen(
            shell, pass_fds=(commands, answers), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        os.close(commands)
        os.close(answers)
        self._session: str | None = None

    def __enter__(self) -> Self:
        targets = self._send("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self._session = self._send("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self._send(f"{domain}.enable")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            os.close(self._write)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._read)

    def open(self, file: Path, *, dark: bool = False) -> None:
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self._send("Emulation.setEmulatedMedia", media="", features=scheme)
        self.visit(file.as_uri())

    def visit(self, url: str) -> None:
        self._send("Page.navigate", url=url)

    def value(self, expression: str) -> Any:
        """What it evaluates to in the page; a promise is waited for."""
        answer = self._send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_until(self, expression: str) -> None:
        end = time.monotonic() + DEADLINE_S
        while not self.value(expression):
            assert time.monotonic() < end, f"{expression} did not become true; {self.problems}"
            select.select([], [], [], 0.05)

    def point_at(self, x: float, y: float) -> None:
        self._send("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def emulate_print(self) -> None:
        """As on paper, on a screen that is dark."""
        scheme = [{"name": "prefers-color-scheme", "value": "dark"}]
        self._send("Emulation.setEmulatedMedia", media="print", features=scheme)

    def picture(self) -> bytes:
        """PNG of the whole page."""
        found = self._send("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": found["width"], "height": found["height"], "scale": 1}
        answer = self._send("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        return base64.b64decode(answer["data"])

    def printed(self) -> bytes:
        """PDF as it would go on paper."""
        return base64.b64decode(self._send("Page.printToPDF", printBackground=False)["data"])

    def _send(self, method: str, **parameters: Any) -> Message:
        number = next(self._numbers)
        message: Message = {"id": number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        for answer in self._messages():
            if answer.get("id") == number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                result: Message = answer["result"]
                return result
            self._hear(answer)
        raise AssertionError(f"{method}: no answer; Chromium has ended")

    def _messages(self) -> Iterator[Message]:
        end = time.monotonic() + DEADLINE_S
        while True:
            while b"\0" in self._rest:
                one, _, self._rest = self._rest.partition(b"\0")
                yield json.loads(one)
            readable, _, _ = select.select([self._read], [], [], max(0.0, end - time.monotonic()))
            data = os.read(self._read, 1 << 20) if readable else b""
            if not data:
                return
            self._rest += data

    def _hear(self, event: Message) -> None:
        parameters = event.get("params", {})
        match event.get("method"):
            case "Runtime.exceptionThrown":
                self.problems.append(str(parameters["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if parameters["type"] in ("error", "warning", "assert"):
                self.problems.append(" ".join(str(one.get("value", one)) for one in parameters["args"]))
            case "Log.entryAdded":
                self.problems.append(parameters["entry"]["text"])
            case "Network.requestWillBeSent":
                self.requested.append(parameters["request"]["url"])
            case _:
                pass
