"""The fakes that run as processes: what each stands for, where its files are, what replaces it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sync_pipelines.sandbox.faults import FAULTS_PATH


class Upstream(NamedTuple):
    """A fake as a process: its module, the file that says it is ready, the variables that it stands for."""

    name: str
    home: Path
    module: str
    ready_file: str
    variables: tuple[str, ...]
    options: tuple[str, ...] = ()
    #: What it works upon: a fake endpoint of a real database would take alerts that nobody gets.
    upon: tuple[str, ...] = ()
    #: Its address in the ready file, below which its faults are switched; without faults none.
    address: str | None = None

    def is_replaced(self, given: Mapping[str, str]) -> bool:
        """Whether a real service stands in its place, in whole or in part: the two are never mixed."""
        return any(given.get(name) for name in (*self.variables, *self.upon))

    def switches(self, said: Mapping[str, Any]) -> dict[str, str]:
        """The variable that names where its faults are switched, by what its ready file says."""
        if self.address is None:
            return {}
        return {f"SANDBOX_{self.name.upper()}_FAULTS": f"{said[self.address]}{FAULTS_PATH}"}

    @property
    def ready(self) -> Path:
        return self.home / self.ready_file

    @property
    def note(self) -> Path:
        return self.home / "process.json"

    @property
    def output(self) -> Path:
        return self.home / f"{self.name}.log"


def upstreams(home: Path, *, scale: float, wait_seconds: float) -> list[Upstream]:
    """The fakes of a sandbox in the order in which they need each other."""
    return [
        Upstream(
            name="mail",
            home=home / "mail",
            module="sync_pipelines.sandbox.mail",
            ready_file="mail.json",
            variables=("SMTP_URL",),
        ),
        Upstream(
            name="hitss",
            home=home / "hitss",
            module="sync_pipelines.sandbox.hitss.serve",
            ready_file="hitss.json",
            variables=("HITSS_DOWNLOAD_URL",),
            options=("--scale", str(scale), "--wait-seconds", str(wait_seconds)),
            address="HITSS_BASE_URL",
        ),
        Upstream(
            name="aimindset",
            home=home / "aimindset",
            module="sync_pipelines.sandbox.aimindset.serve",
            ready_file="aimindset.json",
            variables=("AIMINDSET_PROJECT_URL", "AIMINDSET_SERVICE_KEY"),
            upon=("AIMINDSET_DATABASE_URL",),
            address="AIMINDSET_PROJECT_URL",
        ),
        Upstream(
            name="scouter",
            home=home / "scouter",
            module="sync_pipelines.sandbox.scouter.serve",
            ready_file="scouter.json",
            variables=("GESTAO_SCOUTER_URL", "GESTAO_SCOUTER_SERVICE_KEY"),
            address="GESTAO_SCOUTER_URL",
        ),
    ]
