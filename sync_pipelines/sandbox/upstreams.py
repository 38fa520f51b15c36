"""The fakes as processes: started with a folder of their own, found again by the files in it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sync_pipelines.lib import processes
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.sandbox.faults import FAULTS_PATH
from sync_pipelines.sandbox.part import Options, Upstream

START_SECONDS = 30.0


class SandboxError(PermanentError):
    """The sandbox could not be started; the message says what to look at."""


@dataclass(frozen=True)
class UpstreamProcess:
    """A fake of the sandbox whose folder is `home`."""

    upstream: Upstream
    home: Path

    @property
    def is_running(self) -> bool:
        return processes.noted(self._note) is not None

    def start(
        self, options: Options, *, environment: Mapping[str, str], detached: bool
    ) -> subprocess.Popen[bytes] | None:
        """Start it and wait until it listens; None when it runs already.

        Raises SandboxError: it ended instead, or took too long.
        """
        if self.is_running:
            return None
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._ready.unlink(missing_ok=True)
        output = self.home / f"{self.upstream.name}.log"
        module = [sys.executable, "-m", self.upstream.module, "--home", str(self.home)]
        child = processes.spawn(
            [*module, *self.upstream.arguments(options)],
            note=self._note,
            output=output,
            detached=detached,
            environment=environment,
        )
        deadline = time.monotonic() + START_SECONDS
        while not (self._ready.is_file() and self._ready.stat().st_size):
            if child.poll() is not None or time.monotonic() > deadline:
                raise SandboxError(f"The fake {self.upstream.name} did not start; see {output}.")
            time.sleep(0.05)
        return child

    def stop(self) -> None:
        """End it, if it runs."""
        processes.end(self._note)

    def variables(self) -> dict[str, str]:
        """The variables that name it to the product; none while it does not listen."""
        ready = self._read_ready()
        return {name: ready[name] for name in self.upstream.variables} if ready else {}

    def switches(self) -> dict[str, str]:
        """The address at which its faults are switched, by its variable."""
        ready = self._read_ready()
        if not ready or self.upstream.address is None:
            return {}
        address = f"{ready[self.upstream.address]}{FAULTS_PATH}"
        return {f"SANDBOX_{self.upstream.name.upper()}_FAULTS": address}

    def _read_ready(self) -> dict[str, Any]:
        return json.loads(self._ready.read_text()) if self._ready.is_file() else {}

    @property
    def _ready(self) -> Path:
        return self.home / f"{self.upstream.name}.json"

    @property
    def _note(self) -> Path:
        return self.home / "process.json"
