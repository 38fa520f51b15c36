"""The proof of a push: what the destination holds for the keys that were sent, read back and compared.

Values are compared as the destination's types keep them: a boolean in a text column is its word, a number has no
trailing zeros, a time is an instant whatever zone it is written in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.json import Decoder

from sync_pipelines.lib import exact_json
from sync_pipelines.lib.http.postgrest import PostgrestClient, SchemaError, column_list
from sync_pipelines.scouter.lead import Lead
from sync_pipelines.scouter.mapping.contract_columns import STAMPS
from sync_pipelines.scouter.push.load import KEY, TABLE, SchemaChangedError

#: Keys in one question: its address stays below 8 KiB, and below the 1,000 rows at which Supabase caps an answer.
KEYS_AT_ONCE = 400
DATE = "updated_at"
_TEXTS = {"text", "character varying", "character"}
#: Their blanks at the end are cut where they do not fit.
_SIZED_TEXTS = {"character varying", "character"}
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_TIMES = {"timestamp with time zone", "timestamp without time zone"}


class _Keyed(Struct):
    """A row of which only the key is looked at."""

    id: int


_KEYED = Decoder(_Keyed)
_KEY = b'"id":'


def _key_of(row: bytes) -> int:
    try:
        return _KEYED.decode(row).id
    except RecursionError:
        return next(int(part.removeprefix(_KEY)) for part in exact_json.parts(row) if part.startswith(_KEY))


@dataclass
class ReadBack:
    """What a comparison found: which of the leads are equal, which are missing, which differ and where."""

    compared: int = 0
    equal: int = 0
    equal_leads: list[Lead] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    different: dict[int, list[str]] = field(default_factory=dict)
    requests: int = 0

    def add(self, other: ReadBack) -> None:
        """Add another's counts; its leads are not kept, they are many."""
        self.compared += other.compared
        self.equal += other.equal
        self.missing += other.missing
        self.different |= other.different
        self.requests += other.requests

    def forgive_dates(self, leads: Mapping[int, Lead]) -> None:
        """Count `leads` that differ in their date alone as equal: they came from there, and each side dates its own."""
        for lead_id in [one for one, columns in self.different.items() if columns == [DATE] and one in leads]:
            del self.different[lead_id]
            self.equal += 1
            self.equal_leads.append(leads[lead_id])

    @property
    def holds(self) -> bool:
        return self.equal == self.compared

    @property
    def wrong_ids(self) -> list[int]:
        return [*self.missing, *self.different]

    def sentence(self) -> str:
        """What was found, without any value."""
        if self.holds:
            return f"All {self.compared} leads that were sent are at the destination as they were sent."
        columns = sorted({column for columns in self.different.values() for column in columns})
        parts = [f"{len(self.missing)} are missing (such as {self.missing[0]})"] if self.missing else []
        if self.different:
            first = next(iter(self.different))
            parts.append(f"{len(self.different)} differ in {', '.join(columns)} (such as lead {first})")
        return f"Of {self.compared} leads that were sent {' and '.join(parts)}."


@dataclass(frozen=True)
class Comparison:
    """Reads leads back by one client; `types` are the destination's, by column, as its document names them."""

    client: PostgrestClient
    columns: Sequence[str]
    types: Mapping[str, str]

    def of_content(self) -> Comparison:
        """A comparison without the stamps, which say when a lead was pushed and not what it is."""
        return replace(self, columns=[name for name in self.columns if name not in STAMPS])

    def unstamped(self, lead: Lead) -> Lead:
        """The lead as `of_content` compares it. The stamps are the end of its body."""
        body, found, _ = lead.body.rpartition(_FIRST_STAMP)
        return replace(lead, body=f"{body}}}") if found else lead

    def read_back(self, leads: Sequence[Lead]) -> ReadBack:
        """Compare leads with what the destination holds for them now.

        SchemaChangedError where it lacks a column.
        """
        found = ReadBack(compared=len(leads))
        for at in range(0, len(leads), KEYS_AT_ONCE):
            self._compare({lead.id: lead for lead in leads[at : at + KEYS_AT_ONCE]}, found)
        return found

    def lost(self, ids: Collection[int], stamp: str) -> ReadBack:
        """Those of leads that were sent with this `last_sync_at` that are not there any more.

        A later write may take away what was proved before it (a trigger there that knows a phone once). One count
        tells that none is lost; only where it is too low are the numbers looked up.
        """
        found = ReadBack(requests=1)
        if self.client.count(TABLE, (("select", KEY), ("last_sync_at", f"eq.{stamp}"))) >= len(ids):
            return found
        left = sorted(ids)
        for at in range(0, len(left), KEYS_AT_ONCE):
            wanted = set(left[at : at + KEYS_AT_ONCE])
            while wanted:
                found.requests += 1
                asked = ("select", KEY), (KEY, f"in.({','.join(map(str, sorted(wanted)))})")
                rows = self.client.row_texts(TABLE, asked)
                wanted -= {_key_of(row) for row in rows}
                if not rows:  # what a cap cut off was asked for again
                    found.missing += sorted(wanted)
                    break
        found.compared = len(found.missing)
        return found

    def _compare(self, wanted: dict[int, Lead], found: ReadBack) -> None:
        while wanted:
            found.requests += 1
            params = (("select", column_list(self.columns)), (KEY, f"in.({','.join(map(str, wanted))})"))
            try:
                rows = self.client.row_texts(TABLE, params)
            except SchemaError as error:
                raise SchemaChangedError(error.problem) from None
            for row in rows:
                if lead := wanted.pop(_key_of(row), None):
                    if columns := self._differences(lead.body, row):
                        found.different[lead.id] = columns
                    else:
                        found.equal += 1
                        found.equal_leads.append(lead)
            if not rows:  # what a cap cut off was asked for again, and nothing more came
                found.missing += wanted
                return

    def _differences(self, body: str, row: bytes) -> list[str]:
        # Both were written by a Postgres, mostly in the same words.
        if row == body.encode():
            return []
        try:
            return self.differences(exact_json.loads(body), exact_json.loads(row))
        except (ValueError, RecursionError):  # JSON that is none to our reader, in a column of the type json
            return ["a value that cannot be compared"]

    def differences(self, sent: Mapping[str, Any], held: Mapping[str, Any]) -> list[str]:
        """The columns in which a row is not what was sent."""
        return [
            column
            for column, value in sent.items()
            if not (column in held and self._is_same(column, value, held[column]))
        ]

    def _is_same(self, column: str, sent: Any, held: Any) -> bool:
        if sent is None or held is None:
            return sent is held
        if _strictly(sent) == _strictly(held):
            return True
        kind = self.types.get(column, "text").partition("(")[0]
        try:
            if kind in _TEXTS and not isinstance(sent, str | bool):
                return _strictly(exact_json.loads(held)) == _strictly(sent)
            if kind in _TIMES and _DAY.fullmatch(sent):
                # Its midnight in the destination's zone, in which the answer is written.
                return datetime.fromisoformat(held).replace(tzinfo=None) == datetime.fromisoformat(sent)
            return as_kept(sent, kind) == as_kept(held, kind)
        except (ValueError, ArithmeticError):
            return False


_FIRST_STAMP = f',"{next(iter(STAMPS))}":'
_INFINITE = {"infinity", "-infinity"}
#: A day as Postgres writes it, whose year may be one that Python does not hold: the year, the rest, its time, BC.
_WRITTEN = re.compile(r"(\d{4,})(-\d\d-\d\d)(.*?)( BC)?", re.DOTALL)
#: After so many years, and days, the calendar is the same again.
_CYCLE_YEARS, _CYCLE_DAYS = 400, 146_097


def as_kept(value: Any, kind: str) -> object:
    """A JSON value as a column of this type keeps it; ValueError where it cannot.

    A numeric column with fewer places rounds, which is a loss: there the values differ, and that is said.
    """
    text = value if isinstance(value, str) else json.dumps(value, default=str).strip('"')
    if kind == "text":
        return text
    if kind in _SIZED_TEXTS:
        return text.rstrip(" ")
    if kind in _TIMES:
        return _moment(text)
    if kind == "date":
        return _moment(text)[0]
    if kind == "uuid":
        return text.casefold()
    if kind in {"double precision", "real"}:
        return float(text)
    if kind in {"integer", "bigint", "smallint", "numeric"}:
        return Decimal(text)
    if kind == "boolean":
        word = text.strip().casefold()  # Postgres reads any beginning of its words
        return word in {"1", "on"} or (word != "" and ("true".startswith(word) or "yes".startswith(word)))
    return _strictly(value)


def _strictly(value: Any) -> object:
    """A JSON value whose equality is that of jsonb: to Python true is 1, and a number is not told from its text."""
    if isinstance(value, bool):
        return "yes or no", value
    if isinstance(value, dict):
        return {name: _strictly(one) for name, one in value.items()}
    return [_strictly(one) for one in value] if isinstance(value, list) else value


def _moment(text: str) -> tuple[object, object]:
    """An instant in UTC as its day, counted through all years, and its time; ValueError where it is none."""
    if text in _INFINITE:
        return text, None
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise ValueError(text)
    year, day, clock, bc = found.groups()
    cycles, rest = divmod((1 - int(year) if bc else int(year)) - 2000, _CYCLE_YEARS)
    # Blanks on both sides of the time are Postgres's; ISO has none.
    clock = clock.upper().replace(" ", "").removeprefix("T")
    moment = datetime.fromisoformat(f"{2000 + rest}{day}{'T' if clock else ''}{clock}")
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return cycles * _CYCLE_DAYS + moment.toordinal(), moment.time()
