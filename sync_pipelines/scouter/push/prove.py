"""The proof of a push: rows of the destination are read back and compared with what was sent.

What is equal is recorded in the last-synced state, what is missing or different is deleted from it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any
from uuid import UUID

from sync_pipelines.lib import exact_json
from sync_pipelines.lib.http.postgrest import PostgrestClient, SchemaError
from sync_pipelines.scouter.destination_rows import digest_of, read_rows
from sync_pipelines.scouter.field_bases import FieldBases
from sync_pipelines.scouter.last_synced import LastSynced
from sync_pipelines.scouter.lead import Lead, Rejected
from sync_pipelines.scouter.mapping.contract_columns import KEY, STAMPS
from sync_pipelines.scouter.push.changed_meanwhile import ChangedMeanwhile
from sync_pipelines.scouter.push.load import SchemaChangedError
from sync_pipelines.scouter.push.marks import Marks
from sync_pipelines.scouter.push.stored_value import is_same
from sync_pipelines.scouter.schema.columns import TABLE

DATE = "updated_at"
_FIRST_STAMP = f',"{next(iter(STAMPS))}":'


@dataclass
class ReadBack:
    """What a comparison found: which of the leads are equal, which are missing, which differ and where."""

    compared: int = 0
    equal: int = 0
    equal_leads: list[Lead] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    different: dict[int, list[str]] = field(default_factory=dict)
    requests: int = 0
    #: Held what was sent, until a person changed it: not counted as compared.
    changed_meanwhile: int = 0
    #: Of equal leads the digest of the row; the row of those that are written otherwise there, such as a time cut to
    #: its day; and of different ones.
    digests: dict[int, UUID] = field(default_factory=dict)
    inexact: dict[int, bytes] = field(default_factory=dict)
    rows: dict[int, bytes] = field(default_factory=dict)

    def add(self, other: ReadBack) -> None:
        """Add another's counts. Its equal leads are not kept: their bodies would fill the memory."""
        self.compared += other.compared
        self.equal += other.equal
        self.missing += other.missing
        self.different |= other.different
        self.requests += other.requests
        self.changed_meanwhile += other.changed_meanwhile

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
        if self.holds and self.changed_meanwhile:
            return (
                f"All {self.compared} leads that were sent are at the destination as they were sent, but for"
                f" {self.changed_meanwhile} that were changed there since: they wait for the reverse sync."
            )
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
        self._compare({lead.id: lead for lead in leads}, found)
        return found

    def lost(self, ids: Collection[int], marks: tuple[str, str], *, others: int) -> ReadBack:
        """Those of `ids`, sent with a `last_sync_at` between `marks`, that the destination does not hold any more.

        A later write can delete a row that was proved before it, for example a trigger against duplicate phones. One
        count shows that none is lost; the ids are queried only if it is too low. `others` were sent too and may stand
        there, though they were not proved.
        """
        found = ReadBack(requests=1)
        first, last = marks
        sent = ("last_sync_at", f"gte.{first}"), ("last_sync_at", f"lte.{last}")
        if self.client.count(TABLE, (("select", KEY), *sent)) - others >= len(ids):
            return found
        left = set(ids)
        for rows in read_rows(self.client, (KEY,), sorted(ids)):
            found.requests += 1
            left.difference_update(lead_id for lead_id, _ in rows)
        found.missing += sorted(left)
        found.compared = len(found.missing)
        return found

    def _compare(self, wanted: dict[int, Lead], found: ReadBack) -> None:
        try:
            for rows in read_rows(self.client, self.columns, list(wanted)):
                found.requests += 1
                for lead_id, row in rows:
                    self._compare_one(wanted.pop(lead_id), row, found)
        except SchemaError as error:
            raise SchemaChangedError(error.problem) from None
        found.missing += wanted

    def _compare_one(self, lead: Lead, row: bytes, found: ReadBack) -> None:
        if columns := self._differences(lead.body, row):
            found.different[lead.id] = columns
            found.rows[lead.id] = row
        else:
            found.equal += 1
            found.equal_leads.append(lead)
            found.digests[lead.id] = digest_of(row)
            if row != lead.body.encode():
                found.inexact[lead.id] = row

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
    #: The `last_sync_at`s of what the job sends.
    marks: Marks
    #: Where the reverse sync is on: what is equal becomes the base of the next merge.
    meanwhile: ChangedMeanwhile | None = None
    _sent: set[int] = field(default_factory=set)
    _proved: set[int] = field(default_factory=set)
    # One connection: a thread must not write inside another one's transaction.
    _writing: Lock = field(default_factory=Lock)

    def prove(self, leads: Sequence[Lead]) -> ReadBack:
        """Read leads back, and record which of them the destination holds."""
        found = self.comparison.read_back(leads)
        with self._writing:
            if self.meanwhile is not None:
                self._leave_changed(leads, found, self.meanwhile)
                self._record_by_field(found, self.meanwhile.bases)
            else:
                self.last_synced.record(found.equal_leads, run_id=self.run_id)
                self.last_synced.forget(found.wrong_ids)
            self._sent.update(lead.id for lead in leads)
            self._proved.update(lead.id for lead in found.equal_leads)
        return found

    def _record_by_field(self, found: ReadBack, bases: FieldBases) -> None:
        assert self.meanwhile is not None
        # The base is what stands there: where that is less than we sent, the next merge must not call it a change.
        hashes, _ = self.meanwhile.drain.row_hashes(found.inexact)
        stored = {lead_id: text for lead_id, text, _ in hashes}
        leads = [
            replace(lead, field_hashes=stored[lead.id]) if lead.id in stored else lead
            for lead in found.equal_leads
        ]
        with bases.connection.transaction():
            bases.record_pushed(leads, found.digests, run_id=self.run_id)
            bases.distrust(found.wrong_ids)

    def _leave_changed(self, leads: Sequence[Lead], found: ReadBack, meanwhile: ChangedMeanwhile) -> None:
        """Leave leads that a person changed since we sent them to the reverse sync: they are no failure of ours."""
        sent = {lead.id: lead for lead in leads}
        differing = {one: (sent[one], row) for one, row in found.rows.items()}
        keeps_dates = found.equal > 0 and DATE in self.comparison.columns
        equal, changed = meanwhile.of(differing, keeps_dates=keeps_dates)
        for lead_id in (*equal, *changed):
            del found.different[lead_id]
        for lead_id in equal:  # each side dates its own row
            found.equal_leads.append(sent[lead_id])
            found.digests[lead_id] = digest_of(found.rows[lead_id])
        found.equal += len(equal)
        found.compared -= len(changed)
        found.changed_meanwhile += len(changed)

    def drop(self, rejected: Sequence[Rejected]) -> None:
        """Note that these were not written: nothing of them has to be looked for there."""
        if self.meanwhile is not None and rejected:
            with self._writing:
                self.meanwhile.bases.writes.finish_leads(one.lead for one in rejected)

    def prove_lasting(self) -> ReadBack:
        """Those of the proved leads that the destination does not hold any more; they are sent again next time."""
        if not self._proved:
            return ReadBack()
        others = len(self._sent - self._proved)
        found = self.comparison.lost(self._proved, self.marks.span(), others=others)
        if self.meanwhile is not None:
            self.meanwhile.bases.distrust(found.missing)
        else:
            self.last_synced.forget(found.missing)
        return found
