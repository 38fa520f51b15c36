"""The destination's schema cache: told to reload, and waited for until writes see every column.

Replaces the function `reload-gestao-scouter-schema-cache`, which took a missing function for a success and then waited
a fixed time. A reload is asynchronous, and only a write's own eyes count: right after an ALTER TABLE a column can be
read and cannot be written (contract of PostgREST, section 7).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sync_pipelines.lib.failures import PermanentError, TransientError
from sync_pipelines.lib.http.postgrest import PostgrestClient
from sync_pipelines.scouter.schema.destination import KEY_SETTING, Probed, probe, probe_verdicts
from sync_pipelines.scouter.schema.suggestions import RELOAD_FUNCTION
from sync_pipelines.scouter.schema.tables import DESTINATION

if TYPE_CHECKING:  # it reloads by this module
    from sync_pipelines.scouter.push.pipeline import LeadPush

FUNCTION = "notify_pgrst_reload"


class MissingFunctionError(PermanentError):
    """The destination has no function that reloads its cache; RELOAD_FUNCTION makes it."""


@dataclass(frozen=True)
class Reloaded:
    """How long it took until writes saw all columns: looks at them, and seconds."""

    looks: int
    seconds: float


@dataclass(frozen=True)
class Patience:
    """Seconds: how long to wait for a reload, and between two looks (doubling from `first` to `longest`)."""

    deadline: float = 30.0
    first: float = 0.2
    longest: float = 2.0


def reload_cache(push: LeadPush) -> object:
    """Reload the cache of a push's destination, and wait until writes see every column that it maps.

    What the doctor knows is dropped before, so that a cached report does not tell the columns, and after.
    Raises what `reload_schema` raises.
    """
    doctor = push.doctor()
    with push.source() as connection, push.client(push.settings) as client:
        doctor.forget()
        columns = push.examine(connection).mapping.columns
        done = push.reload(client, columns)
        doctor.forget()
    return done


def reload_schema(
    client: PostgrestClient,
    columns: Sequence[str],
    *,
    patience: Patience | None = None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Reloaded:
    """Reload, then look until writes find `columns`.

    PermanentError where the function is missing (with its SQL), and where columns stay away until the deadline.
    """
    patience = patience or Patience()
    _call(client)
    started, pause, looks = clock(), patience.first, 0
    while True:
        looks += 1
        seen = _look(client, columns)
        if seen == Probed():
            return Reloaded(looks, clock() - started)
        if clock() - started + pause > patience.deadline:
            raise PermanentError(_still(seen, patience.deadline))
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


def _look(client: PostgrestClient, columns: Sequence[str]) -> Probed | None:
    """What writes see; None while the server rebuilds its cache or is not there for a moment."""
    try:
        seen = probe(client, columns)
    except TransientError:
        return None
    # No key on `id` is no matter of the cache: waiting brings none.
    if seen.problem and (seen.problem.kind != "schema" or seen.problem.code == "42P10"):
        raise PermanentError(" ".join(one.sentence for one in probe_verdicts(seen, None)))
    return seen


def _still(seen: Probed | None, deadline: float) -> str:
    after = f"{deadline:.0f} s after the reload"
    if seen is None:
        return f"{DESTINATION} did not answer {after}."
    told = " ".join(one.sentence for one in probe_verdicts(seen, None))
    return f"{after[0].upper()}{after[1:]}: {told} Add what is not there (scouter_validate_schema shows the SQL)."
