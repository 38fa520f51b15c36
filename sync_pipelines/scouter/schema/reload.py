"""Reloads the destination's schema cache, and waits until writes find every column.

Replaces the Edge Function `reload-gestao-scouter-schema-cache`, which took a missing function for a success and waited
for a fixed time. A reload is asynchronous, and only a probe of a write shows its end: right after an ALTER TABLE a
column can be read but not written (contract of PostgREST, section 7).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.lib.http.postgrest import PostgrestClient
from sync_pipelines.scouter.schema.columns import DESTINATION, KEY_SETTING
from sync_pipelines.scouter.schema.probe import Probed, probe, probe_verdicts
from sync_pipelines.scouter.schema.suggestions import RELOAD_FUNCTION

FUNCTION = "notify_pgrst_reload"


class MissingFunctionError(PermanentError):
    """The destination has no function that reloads its cache; RELOAD_FUNCTION creates it."""


@dataclass(frozen=True)
class Reloaded:
    """How long it took until writes found all columns: probes, and seconds."""

    probes: int
    seconds: float


@dataclass(frozen=True)
class Patience:
    """Seconds to wait for a reload, and between two probes (doubling from `first` to `longest`)."""

    deadline: float = 30.0
    first: float = 0.2
    longest: float = 2.0


def reload_schema(
    client: PostgrestClient,
    columns: Sequence[str],
    *,
    patience: Patience | None = None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Reloaded:
    """Reload, then probe until writes find `columns`.

    Raises PermanentError if the function is missing (with its SQL), or if columns are still missing at the deadline.
    """
    patience = patience or Patience()
    _call(client)
    started, pause, probes = clock(), patience.first, 0
    while True:
        probes += 1
        seen = _probe(client, columns)
        if seen == Probed():
            return Reloaded(probes, clock() - started)
        if clock() - started + pause > patience.deadline:
            raise PermanentError(_not_reloaded(seen, patience.deadline))
        sleep(pause)
        pause = min(2 * pause, patience.longest)


def _call(client: PostgrestClient) -> None:
    answer = client.rpc(FUNCTION, {})
    problem = client.problem(answer)
    if problem is None:
        return
    if problem.code in ("PGRST202", "42883"):
        raise MissingFunctionError(
            f"{DESTINATION} has no function {FUNCTION}() that we may call ({problem}), so its schema cache was not"
            f" reloaded. To run there:\n{RELOAD_FUNCTION}"
        )
    raise problem.error(f"{DESTINATION} ({FUNCTION})", setting=KEY_SETTING)


def _probe(client: PostgrestClient, columns: Sequence[str]) -> Probed | None:
    """What writes find; None while the server rebuilds its cache or does not answer for a moment."""
    try:
        seen = probe(client, columns)
    except TransientError:
        return None
    # A missing key on `id` is not a matter of the cache: waiting does not help.
    if seen.problem and (seen.problem.kind != "schema" or seen.problem.code == "42P10"):
        raise PermanentError(" ".join(one.sentence for one in probe_verdicts(seen, None)))
    return seen


def _not_reloaded(seen: Probed | None, deadline: float) -> str:
    after = f"{deadline:.0f} s after the reload"
    if seen is None:
        return f"{DESTINATION} did not answer {after}."
    missing = " ".join(one.sentence for one in probe_verdicts(seen, None))
    return f"{after[0].upper()}{after[1:]}: {missing} Add what is not there (scouter_validate_schema shows the SQL)."
