"""Every lead beside what Gestão Scouter holds for it, a page at a time; nothing is sent.

Leads are compared through the mapping of the export that was completed last. One that was changed here since its last
push waits for the next; one that a finished export says it brought does not wait, also where nothing is known of it.

What is equal is recorded as seen now, so that later pushes rest on a recent reading. What differs is read a second
time at the end: a push or a person may have been at work between the two readings of a lead.
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
from sync_pipelines.scouter.client import destination_label
from sync_pipelines.scouter.export_jobs.table import ExportJobs
from sync_pipelines.scouter.last_synced import LastSynced
from sync_pipelines.scouter.push.extract import PAGE, WHAT, Content, LeadReader, require_sight
from sync_pipelines.scouter.push.pipeline import LeadPush
from sync_pipelines.scouter.push.prefetch import BATCHERS
from sync_pipelines.scouter.push.prove import Comparison, ReadBack

#: Leads that an export came to: one that was completed, or that failed at its end by its proof. A lead that was
#: refused has its row, and a check of its own.
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
    """What a comparison of everything found. `waiting` leads were changed here and not pushed yet, or are new."""

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

    def sentence(self) -> str:
        """What was found, without any value."""
        told = [f"Of {self.read} leads {self.equal} are at the destination as they are here."]
        if self.missing:
            told.append(f"{len(self.missing)} are missing there (such as {min(self.missing)}).")
        if self.different:
            columns = sorted({column for columns in self.different.values() for column in columns})
            told.append(
                f"{len(self.different)} differ in {', '.join(columns)} (such as {min(self.different)})."
            )
        if not self.holds:
            told.append("Launch scouter_repair: it sends exactly these.")
        if self.waiting:
            told.append(f"{self.waiting} are new or were changed here, and wait for a push.")
        if self.left:
            told.append(f"{self.left} were changed there and wait for the reverse sync.")
        if self.unreadable:
            told.append(f"{self.unreadable} hold a value that cannot be read.")
        return " ".join(told)

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
    """Compare every lead of TabuladorMax, two pages at once. SyncError where one of the sides cannot be read."""
    found = Compared()
    with ExitStack() as stack:
        control = stack.enter_context(push.source())
        require_sight(control)
        report = push.examine(control, ExportJobs(control).newest_completed(), fresh=True)
        if not report.fits:
            raise PermanentError(report.refusal())
        stack.enter_context(postgres.errors_about(WHAT))
        client = stack.enter_context(push.client(push.settings))
        comparison = Comparison(client, report.mapping.columns, report.destination_columns)
        reader = LeadReader.for_report(report, control, sent_at=push.clock())
        pages = [
            _Pages(
                reader=replace(reader, connection=stack.enter_context(push.source())),
                last_synced=LastSynced(stack.enter_context(push.ops()), destination_label(push.settings)),
                comparison=comparison.of_content(),
                run_id=run_id,
                zone=push.settings.zone,
            )
            for _ in range(BATCHERS)
        ]
        for part in _side_by_side(pages, reader.all_ids()):
            _add(found, part)
        suspects, found.missing, found.different = found.wrong_ids, [], {}
        found.read -= len(suspects)
        for part in _side_by_side(pages, _batches(suspects)):
            _add(found, part)
    return found


@dataclass(frozen=True)
class _Pages:
    """One thread's connections."""

    reader: LeadReader
    last_synced: LastSynced
    comparison: Comparison
    run_id: str
    zone: ZoneInfo

    def compare(self, ids: Sequence[int]) -> Compared:
        known = self.last_synced.known(ids)
        content = self.reader.content(ids, known, compare=True)
        leads = {**content.same, **content.changed}
        back = self.comparison.read_back([self.comparison.unstamped(lead) for lead in leads.values()])
        back.forgive_dates({one: lead for one, lead in content.same.items() if one in known.taken_back})
        self.last_synced.seen([one for one in back.equal_leads if one.id in content.same], run_id=self.run_id)
        # Of these nothing was known, or something else: an older export brought them.
        new = [one for one in back.equal_leads if one.id in content.changed]
        self.last_synced.record(new, run_id=self.run_id)
        left = self.last_synced.waiting(back.wrong_ids)
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
        """Leads that should be there as they are here, or at all: the others were changed here, or are new."""
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


def _add(total: Compared, part: Compared) -> None:
    total.read += part.read
    total.equal += part.equal
    total.waiting += part.waiting
    total.left += part.left
    total.unreadable += part.unreadable
    total.missing += part.missing
    total.different |= part.different
    total.requests += part.requests


def _side_by_side(pages: Sequence[_Pages], batches: Iterator[list[int]]) -> Iterator[Compared]:
    with ThreadPoolExecutor(len(pages), thread_name_prefix="compare") as pool:
        while batch := list(islice(batches, len(pages))):
            yield from pool.map(_Pages.compare, pages, batch)


def _batches(ids: Sequence[int]) -> Iterator[list[int]]:
    return (list(ids[at : at + PAGE]) for at in range(0, len(ids), PAGE))
