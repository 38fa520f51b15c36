"""The systems, each named once. What a system is follows from its name, because all have one shape:

| part | where |
|---|---|
| settings, with its databases | `settings/<name>.py`: `<Name>Settings` |
| assets, checks, jobs, schedules, sensors | `<name>/defs/definitions.py`: `definitions(settings)` |
| what `sync-pipelines` can do with it | `<name>/command.py`: `RUNS`, and `app` with commands of its own |
| what `doctor` asks | `<name>/doctor.py`: `checks(settings, inquiry)` |
| run logs whose orphans are closed | `<name>/run_logs.py`: `run_logs(settings)` |
| what the receiver mounts | `<name>/endpoints.py`: `endpoints(settings)` |
| its outside world in a box | `sandbox/<name>/part.py`: `PART` |

Definitions, command line, doctor, migrations, sizes, sandbox, reaper and receiver loop over `SYSTEMS`. Each part is
imported when it is asked for: `--help` must not wait for Dagster, and production never imports the sandbox.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # heavy, or above this module
    import dagster as dg
    import typer

    from sync_pipelines.lib.findings import Check, Inquiry
    from sync_pipelines.lib.http.endpoints import Mount
    from sync_pipelines.lib.records.orphaned_runs import WatchedProject
    from sync_pipelines.lib.runs import Run
    from sync_pipelines.sandbox.part import Part
    from sync_pipelines.settings import Settings


@dataclass(frozen=True)
class System:
    """A system by its name: the folder, the asset group, the word on the command line."""

    name: str
    #: Whether its applications keep run logs, whose rows a dead process leaves open.
    has_run_logs: bool = False
    #: Whether the receiver serves something for it.
    has_endpoints: bool = False
    #: Whether its command module brings commands besides what `run` runs.
    has_commands: bool = False

    @property
    def settings(self) -> type[Settings]:
        return self._part(f"settings.{self.name}:{self.name.title()}Settings")  # type: ignore[no-any-return]

    def is_configured(self, settings: Settings) -> bool:
        """Whether the database is set without which the system is absent: the first of its own."""
        databases_of = self._part("settings.databases:databases_of")
        own = [one for one in databases_of(self.settings) if one.database.is_a_projects]
        return own[0].url(settings) is not None

    def definitions(self, settings: Settings) -> dg.Definitions:
        return self._part(f"{self.name}.defs.definitions:definitions")(settings)  # type: ignore[no-any-return]

    @property
    def notifies_itself(self) -> frozenset[str]:
        """Steps, and assets whose checks, that notify a person themselves: `operations` leaves them out."""
        return self._part(f"{self.name}.defs.definitions:NOTIFIES_ITSELF")  # type: ignore[no-any-return]

    @property
    def reject_folder(self) -> str:
        """Where the landing store keeps the workbooks of its rejected rows."""
        return f"{self.name}/rejects"

    @property
    def runs(self) -> Sequence[Run]:
        return self._part(f"{self.name}.command:RUNS")  # type: ignore[no-any-return]

    @property
    def commands(self) -> typer.Typer | None:
        return self._part(f"{self.name}.command:app") if self.has_commands else None

    def doctor_checks(self, settings: Settings, inquiry: Inquiry) -> Sequence[Check]:
        return self._part(f"{self.name}.doctor:checks")(settings, inquiry)  # type: ignore[no-any-return]

    def run_logs(self, settings: Settings) -> Sequence[WatchedProject]:
        return self._part(f"{self.name}.run_logs:run_logs")(settings) if self.has_run_logs else ()

    def endpoints(self, settings: Settings) -> Mount:
        return self._part(f"{self.name}.endpoints:endpoints")(settings)  # type: ignore[no-any-return]

    @property
    def sandbox(self) -> Part:
        return self._part(f"sandbox.{self.name}.part:PART")  # type: ignore[no-any-return]

    def _part(self, reference: str) -> Any:
        return resolve_name(f"{__package__}.{reference}")


SYSTEMS = (
    System("hitss", has_run_logs=True, has_commands=True),
    System("aimindset", has_commands=True),
    System("scouter", has_endpoints=True, has_commands=True),
    System("sprinthub", has_run_logs=True, has_endpoints=True, has_commands=True),
    System("erp", has_run_logs=True, has_endpoints=True, has_commands=True),
)


def configured(settings: Settings) -> Iterator[System]:
    """The systems that are in this installation, in order."""
    return (system for system in SYSTEMS if system.is_configured(settings))


@cache
def whole_class() -> type[Settings]:
    """The class of an object that holds the settings of every system: a subclass of each one's own."""
    return type("WholeSettings", tuple(system.settings for system in SYSTEMS), {})


def read_settings(env_file: str | None = ".env", **overrides: object) -> Settings:
    """Read and validate the environment for all systems, and register its secrets with the redactor.

    Raises SettingsError: one line a wrong variable, without its value (it may be a secret).
    """
    from sync_pipelines.settings import read_as

    harmless = frozenset[str]().union(*(system.settings.harmless_parameters for system in SYSTEMS))
    return read_as(whole_class(), env_file, harmless_parameters=harmless, **overrides)


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The process's settings, read at first use."""
    return read_settings()
