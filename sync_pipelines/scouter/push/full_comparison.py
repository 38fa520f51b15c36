"""Compares every lead with its row at Gestão Scouter, a page at a time; nothing is sent.

Leads are compared through the mapping of the export that completed last. A lead that changed here since its last push
waits for the next push. A lead that a finished export claims to have sent does not wait, even if the last-synced state
does not know it.

Equal leads are recorded as seen now, so later pushes rest on a recent reading. Different ones are read a second time
at the end: a push or a person may have changed a side between its two readings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.scouter.export_jobs.table import ExportJobs
from sync_pipelines.scouter.last_synced import LastSynced
from sync_pipelines.scouter.push.extract import PAGE, WHAT, Content, LeadReader, require_sight
from sync_pipelines.scouter.push.pipeline import LeadPush
from sync_pipelines.scouter.push.prefetch import BATCHERS
from sync_pipelines.scouter.push.prove import Comparison, ReadBack

#: Leads in the range of an export that completed, or that failed at its end by its proof. Rejected leads are left out:
#: they have an error row, and a check of their own.
_EXPORTED: LiteralString = """
    select id from public.leads as lead where id = any(%(ids)s::bigint[]) and exists (
        select from public.gestao_scouter_export_jobs as job
        join sync_private.export_progress as progress on job_id = job.id
        where (status = 'completed' or status = 'failed' and phase = 'catch_up')
            and coalesce(lead.updated_at, '-infinity') < watermark
            and coalesce(lead.updated_at, '-infinity') < (start_date + 1)::timestamp at time zone %(zone)s
            and (end_date is null or lead.updated_at >= end_date::timestamp at time zone %(zone)s)
    ) and not exists (select from public.gestao_scouter_export_errors where lead_id = lead.id)
"""


@dataclass
class Compared:
    """What the comparison of all leads found. `waiting` leads were changed here and not pushed yet, or are new."""

    read: int = 0
    equal: int = 0
    waiting: int = 0
    left: int = 0
    unreadable: int = 0
    missing: list[int] = field(default_factory=list)
    different: dict[int, list[str]] = field(default_factory=dict)
    requests: int = 0

    @property
    def holds(self) -> bool:
        return not (self.missing or self.different)

    @property
    def wrong_ids(self) -> list[int]:
        return [*self.missing, *self.different]

    def add(self, other: Compared) -> None:
        """Add what was found in other leads."""
        self.read += other.read
        self.equal += other.equal
        self.waiting += other.waiting
        self.left += other.left
        self.unreadable += other.unreadable
        self.missing += other.missing
        self.different |= other.different
        self.requests += other.requests

    def sentence(self) -> str:
        """What was found, without any value."""
        parts = [f"Of {self.read} leads {self.equal} are at the destination as they are here."]
        if self.missing:
            parts.append(f"{len(self.missing)} are missing there (such as {min(self.missing)}).")
        if self.different:
            columns = sorted({column for columns in self.different.values() for column in columns})
            parts.append(
                f"{len(self.different)} differ in {', '.join(columns)} (such as {min(self.different)})."
            )
        if not self.holds:
            parts.append("Launch scouter_repair: it sends exactly these.")
        if self.waiting:
            parts.append(f"{self.waiting} are new or were changed here, and wait for a push.")
        if self.left:
            parts.append(f"{self.left} were changed there and wait for the reverse sync.")
        if self.unreadable:
            parts.append(f"{self.unreadable} hold a value that cannot be read.")
        return " ".join(parts)

    def metadata(self) -> dict[str, Any]:
        """As a check reports it."""
        return {
            "rows_read": self.read,
            "rows_equal": self.equal,
            "rows_missing": len(self.missing),
            "rows_different": len(self.different),
            "rows_waiting_for_a_push": self.waiting,
            "calls": self.requests,
            "such_as": self.wrong_ids[:100],
        }


def compare_all(push: LeadPush, run_id: str) -> Compared:
    """Compare every lead of TabuladorMax, two pages at once. Raises SyncError if one of the sides cannot be read."""
    found = Compared()
    with ExitStack() as stack:
        control = stack.enter_context(push.source())
        require_sight(control)
        report = push.examine(control, ExportJobs(control).newest_completed(), fresh=True)
        if not report.fits:
            raise PermanentError(report.refusal())
        stack.enter_context(postgres.errors_about(WHAT))
        client = stack.enter_context(push.destination.client())
        comparison = Comparison(client, report.mapping.columns, report.destination_columns)
        reader = LeadReader.for_report(report, control, sent_at=push.clock())
        comparers = [
            _PageComparer(
                reader=replace(reader, connection=stack.enter_context(push.source())),
                last_synced=LastSynced(stack.enter_context(push.ops()), push.destination.label),
                comparison=comparison.of_content(),
                run_id=run_id,
                zone=push.zone,
                has_reverse_sync=push.merges_first,
            )
            for _ in range(BATCHERS)
        ]
        for part in _side_by_side(comparers, reader.all_ids()):
            found.add(part)
        suspects, found.missing, found.different = found.wrong_ids, [], {}
        found.read -= len(suspects)
        for part in _side_by_side(comparers, _pages(suspects)):
            found.add(part)
    return found


@dataclass(frozen=True)
class _PageComparer:
    """Compares pages by the connections of one thread."""

    reader: LeadReader
    last_synced: LastSynced
    comparison: Comparison
    run_id: str
    zone: ZoneInfo
    #: Then each side dates its own rows, and a change there may wait.
    has_reverse_sync: bool

    def compare(self, ids: Sequence[int]) -> Compared:
        known = self.last_synced.known(ids)
        content = self.reader.content(ids, known, compare=True)
        leads = {**content.same, **content.changed}
        back = self.comparison.read_back([self.comparison.unstamped(lead) for lead in leads.values()])
        own = leads if self.has_reverse_sync else known.from_reverse_sync
        back.forgive_dates({one: lead for one, lead in content.same.items() if one in own})
        self.last_synced.record_seen(
            [one for one in back.equal_leads if one.id in content.same],
            self.comparison.columns,
            run_id=self.run_id,
        )
        # The last-synced state does not know them, or another content: an older export sent them. Where the reverse
        # sync is on, the fields that it keeps of them say more than an export of some fields.
        new = [one for one in back.equal_leads if one.id in content.changed]
        self.last_synced.record(new, run_id=self.run_id, only_unknown=self.has_reverse_sync)
        left = self.last_synced.waiting(back.wrong_ids if self.has_reverse_sync else ())
        wrong = self._wrong(content, back) - left
        return Compared(
            read=len(ids) - len(content.gone),
            equal=back.equal,
            waiting=len(set(back.wrong_ids) - wrong - left),
            left=len(left),
            unreadable=len(content.unreadable),
            missing=[lead_id for lead_id in back.missing if lead_id in wrong],
            different={lead_id: names for lead_id, names in back.different.items() if lead_id in wrong},
            requests=back.requests,
        )

    def _wrong(self, content: Content, back: ReadBack) -> set[int]:
        """Leads that should be equal there, or there at all. The others were changed here, or are new."""
        new = {
            lead_id
            for lead_id in back.wrong_ids
            if lead_id in content.changed and content.changed[lead_id].is_new
        }
        exported = self.reader.connection.execute(
            _EXPORTED, {"ids": postgres.array(new), "zone": self.zone.key}
        ).fetchall()
        lost = {lead_id for lead_id in back.missing if lead_id not in new}
        same = {lead_id for lead_id in back.wrong_ids if lead_id in content.same}
        return same | lost | {lead_id for (lead_id,) in exported}


def _side_by_side(comparers: Sequence[_PageComparer], pages: Iterator[list[int]]) -> Iterator[Compared]:
    with ThreadPoolExecutor(len(comparers), thread_name_prefix="compare") as pool:
        while together := list(islice(pages, len(comparers))):
            yield from pool.map(_PageComparer.compare, comparers, together)


def _pages(ids: Sequence[int]) -> Iterator[list[int]]:
    return (list(ids[at : at + PAGE]) for at in range(0, len(ids), PAGE))
