"""The proof of a push: rows of the destination are read back and compared with what was sent.

What is equal is recorded in the last-synced state, what is missing or different is deleted from it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any

from msgspec import Struct
from msgspec.json import Decoder

from sync_pipelines.lib import exact_json
from sync_pipelines.lib.http.postgrest import PostgrestClient, SchemaError, column_list
from sync_pipelines.scouter.last_synced import LastSynced
from sync_pipelines.scouter.lead import Lead
from sync_pipelines.scouter.mapping.contract_columns import KEY, STAMPS
from sync_pipelines.scouter.push.load import SchemaChangedError
from sync_pipelines.scouter.push.stored_value import is_same
from sync_pipelines.scouter.schema.columns import TABLE

#: Keys in one query: its address stays below 8 KiB, and the answer below the 1,000 rows at which Supabase caps it.
KEYS_AT_ONCE = 400
DATE = "updated_at"
_FIRST_STAMP = f',"{next(iter(STAMPS))}":'


class _Keyed(Struct):
    """A row of which only the key is decoded."""

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
        """Add another's counts. Its equal leads are not kept: their bodies would fill the memory."""
        self.compared += other.compared
        self.equal += other.equal
        self.missing += other.missing
        self.different |= other.different
        self.requests += other.requests

    def forgive_dates(self, leads: Mapping[int, Lead]) -> None:
        """Count those of `leads` as equal that differ in `updated_at` only.

        They came by the reverse sync, and each side dates its own row.
        """
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
    """Reads leads back by one client; `types` are the destination's column types, as its document names them."""

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
        """Compare leads with the destination's rows. Raises SchemaChangedError if it lacks a column."""
        found = ReadBack(compared=len(leads))
        for at in range(0, len(leads), KEYS_AT_ONCE):
            self._compare({lead.id: lead for lead in leads[at : at + KEYS_AT_ONCE]}, found)
        return found

    def lost(self, ids: Collection[int], stamp: str) -> ReadBack:
        """Those of `ids`, which were sent with this `last_sync_at`, that the destination does not hold any more.

        A later write can delete a row that was proved before it, for example a trigger against duplicate phones. One
        count shows that none is lost; the ids are queried only if it is too low.
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
                if not rows:  # rows beyond a cap were queried again
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
            if not rows:  # rows beyond a cap were queried again, and nothing more came
                found.missing += wanted
                return

    def _differences(self, body: str, row: bytes) -> list[str]:
        # Postgres wrote both, mostly with the same bytes.
        if row == body.encode():
            return []
        try:
            return self.differences(exact_json.loads(body), exact_json.loads(row))
        except (ValueError, RecursionError):  # JSON that our reader does not accept, in a json column
            return ["a value that cannot be compared"]

    def differences(self, sent: Mapping[str, Any], held: Mapping[str, Any]) -> list[str]:
        """The columns in which a row is not what was sent."""
        return [
            column
            for column, value in sent.items()
            if not (column in held and is_same(value, held[column], self.types.get(column, "text")))
        ]


@dataclass
class Prover:
    """Proves the accepted leads of one job. Several threads share it."""

    #: Of everything that is sent, also the stamps.
    comparison: Comparison
    last_synced: LastSynced
    run_id: str
    #: The `last_sync_at` of everything that the job sends.
    stamp: str
    _proved: set[int] = field(default_factory=set)
    # One connection: a thread must not write inside another one's transaction.
    _writing: Lock = field(default_factory=Lock)

    def prove(self, leads: Sequence[Lead]) -> ReadBack:
        """Read leads back, and record which of them the destination holds."""
        found = self.comparison.read_back(leads)
        with self._writing:
            self.last_synced.record(found.equal_leads, run_id=self.run_id)
            self.last_synced.forget(found.wrong_ids)
            self._proved.update(lead.id for lead in found.equal_leads)
        return found

    def prove_lasting(self) -> ReadBack:
        """Those of the proved leads that the destination does not hold any more; they are sent again next time."""
        if not self._proved:
            return ReadBack()
        found = self.comparison.lost(self._proved, self.stamp)
        self.last_synced.forget(found.missing)
        return found
