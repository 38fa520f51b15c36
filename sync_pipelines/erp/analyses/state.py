"""What each analysis of a user was last made of, what it left, and what its calls may have overwritten.

A row is written before a call, so that a run that is cut off between the call and its record leaves what the next one
needs: the analysis is still due, and what a person wrote, or another company's rows, can be put back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from sync_pipelines.erp.outcome import Analysis
from sync_pipelines.lib import exact_json, postgres

TABLE = "sync_private.analyses"
_READ: LiteralString = (
    "select subject, company_id, inputs, found::text, attempts, kept::text, error is not null"
    " from sync_private.analyses"
    " where user_id = %s and analysis = %s"
)
_BEGIN: LiteralString = (
    "insert into sync_private.analyses as t (user_id, analysis, subject, company_id, attempts, began_at, kept)"
    " values (%(user)s, %(analysis)s, %(subject)s, %(company)s, 1, clock_timestamp(), %(kept)s::jsonb)"
    " on conflict (user_id, analysis, subject) do update set company_id = excluded.company_id,"
    " attempts = least(t.attempts, 999999) + 1, began_at = coalesce(t.began_at, excluded.began_at),"
    " kept = excluded.kept"
)
_MADE: LiteralString = (
    "update sync_private.analyses set inputs = %(inputs)s, made_at = clock_timestamp(), found = %(found)s::jsonb,"
    " error = null, attempts = 0, began_at = null, kept = case when attempts > 1 then kept end"
    " where user_id = %(user)s and analysis = %(analysis)s and subject = %(subject)s"
)
_SETTLE: LiteralString = (
    "update sync_private.analyses set kept = case when attempts > 0 then kept end, attempts = 0, began_at = null"
    " where user_id = %(user)s and analysis = %(analysis)s and subject = %(subject)s"
)
_FAILED: LiteralString = (
    "update sync_private.analyses set error = %(error)s"
    " where user_id = %(user)s and analysis = %(analysis)s and subject = %(subject)s"
)


class State(NamedTuple):
    """One analysis. `found` is what its last proved call left; JSON with exact numbers, as `kept` is."""

    company_id: UUID | None = None
    inputs: str | None = None
    found: Any = None
    #: Calls since then that were not proved.
    attempts: int = 0
    #: What they may have overwritten.
    kept: Any = None
    has_failed: bool = False


@dataclass(frozen=True)
class StateKey:
    """Whose analysis: `subject` is a company or a row of `company_dre`, empty for all that the user has."""

    user_id: UUID
    analysis: Analysis
    subject: str = ""
    company_id: UUID | None = None

    @property
    def given(self) -> dict[str, object]:
        return {
            "user": self.user_id,
            "analysis": self.analysis.value,
            "subject": self.subject,
            "company": self.company_id,
        }


def read_states(connection: postgres.Connection, user_id: UUID, analysis: Analysis) -> dict[str, State]:
    """The states of one analysis of a user, by subject."""
    rows = connection.execute(_READ, (user_id, analysis.value)).fetchall()
    return {
        subject: State(
            company, inputs, _value(found), attempts=attempts, kept=_value(kept), has_failed=has_failed
        )
        for subject, company, inputs, found, attempts, kept, has_failed in rows
    }


def begin(connection: postgres.Connection, key: StateKey, kept: object = None) -> None:
    """Note that a call begins, and what it may overwrite."""
    connection.execute(_BEGIN, {**key.given, "kept": _text(kept)})


def record_made(connection: postgres.Connection, key: StateKey, *, inputs: str, found: object) -> None:
    """The effect of a call was seen: `inputs` is what the function read, as it was before the call.

    After calls whose end nobody knows, what was kept stays for the next sync, as in `settle`.
    """
    connection.execute(_MADE, {**key.given, "inputs": inputs, "found": _text(found)})


def settle(connection: postgres.Connection, key: StateKey) -> None:
    """What a lost call overwrote is put back, and no other call is due.

    The lost one may still go on: what was kept is put back once more by the next sync.
    """
    connection.execute(_SETTLE, key.given)


def record_failed(connection: postgres.Connection, key: StateKey, sentence: str) -> None:
    """The call is made again by the next sync; what it may have overwritten stays known."""
    connection.execute(_FAILED, {**key.given, "error": sentence})


def _value(text: str | None) -> Any:
    return None if text is None else exact_json.loads(text)


def _text(value: object) -> str | None:
    return None if value is None else exact_json.dumps(value)
