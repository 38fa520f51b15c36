"""One run of one segment, with everything open that it needs: list, details, proof."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sync_pipelines.lib import postgres
from sync_pipelines.lib import progress as shown
from sync_pipelines.lib.failures import SyncError, TransientError
from sync_pipelines.lib.postgres.digest import Proof
from sync_pipelines.lib.records import Records
from sync_pipelines.lib.records.proofs import RecordableProof
from sync_pipelines.lib.records.rejects import RejectedRow
from sync_pipelines.lib.storage.landing import LandedFile, LandingStore
from sync_pipelines.sprinthub.client import SprinthubClient
from sync_pipelines.sprinthub.leads.drift import read_drift
from sync_pipelines.sprinthub.leads.enrich import Enricher, Enrichment
from sync_pipelines.sprinthub.leads.extract import ListReader, SegmentList, read_items
from sync_pipelines.sprinthub.leads.lead_number import lead_number
from sync_pipelines.sprinthub.leads.load import DetailLoader
from sync_pipelines.sprinthub.leads.mass_rejection import MASS_REJECTION, refuse_mass_rejection
from sync_pipelines.sprinthub.leads.promotion import Promotion
from sync_pipelines.sprinthub.leads.prove import SegmentProof, prove
from sync_pipelines.sprinthub.leads.segment_state import SegmentState, SegmentStates, gate_of, is_gate_shut
from sync_pipelines.sprinthub.leads.snapshot import MASS_LEAVING, Listed, Snapshot
from sync_pipelines.sprinthub.leads.validate import list_document, list_hash
from sync_pipelines.sprinthub.leads.work_list import WorkList, content_hash
from sync_pipelines.sprinthub.outcome import SegmentOutcome
from sync_pipelines.sprinthub.segments.execution import SegmentWork

LIST_ASSET, LEADS_ASSET = "sprinthub/segment_leads", "sprinthub/leads"
#: What a person accepts where the CRM's own count and its list disagree.
TOTAL_MISMATCH = "total_mismatch"


class DetailsError(SyncError):
    """The list of the segment stands, its details do not; `outcome` has the figures."""

    def __init__(self, cause: SyncError, outcome: SegmentOutcome) -> None:
        super().__init__(str(cause))
        self.outcome = outcome


@dataclass
class SegmentRun:
    """The way of one segment; `work` holds its lock and gets its figures."""

    work: SegmentWork
    crm: SprinthubClient
    store: LandingStore
    records: Records
    connection: postgres.Connection
    loader: DetailLoader
    page_size: int
    in_flight: int
    refresh: timedelta
    #: For how long the CRM's word that nothing changed is trusted; zero: the list is always read.
    gate: timedelta
    accepted: Collection[str]
    report: shown.Report
    pace: shown.Pace
    is_listed: bool = False
    #: Items of the list that have no number of a lead.
    unidentified: int = 0

    @property
    def outcome(self) -> SegmentOutcome:
        return self.work.outcome

    @property
    def segment_id(self) -> int:
        return self.work.segment_id

    def sync(self, *, full: bool, may_skip: bool) -> None:
        """Raises SyncError; `is_listed` says whether the list was stored before."""
        try:
            self._sync(full=full, may_skip=may_skip)
        finally:
            self.outcome.calls = self.crm.budget.calls
            self.outcome.wait_seconds = self.crm.budget.waited

    def _sync(self, *, full: bool, may_skip: bool) -> None:
        states = SegmentStates(self.connection)
        state = states.read(self.segment_id)
        if full:
            state = state._replace(
                full_since=states.begin_full(self.segment_id, self.work.started, self.work.fence)
            )
        work_list = self._work_list(state)
        gate = gate_of(self.crm.segment(self.segment_id)) if self.gate else None
        if (
            may_skip
            and is_gate_shut(state, gate, now=self.work.started, trusted=self.gate)
            and not work_list.count()
            and self._skip()
        ):
            return
        listed = self._list(gate)
        self.is_listed = True
        Promotion.open(self.loader).run(self.segment_id)
        done = self._details(work_list, listed)
        self._prove(listed, [*done.rejected_leads, *done.unread])
        if MASS_REJECTION not in self.accepted:
            refuse_mass_rejection(self.outcome)
        if not self.outcome.unread:
            states.end_full(self.segment_id, self.work.fence)

    def _work_list(self, state: SegmentState) -> WorkList:
        older_than = self.work.started - self.refresh
        return WorkList(
            self.connection,
            self.segment_id,
            older_than=max(older_than, state.full_since) if state.full_since else older_than,
            content=content_hash(self.loader.columns.detailed),
        )

    def _skip(self) -> bool:
        """Nothing changed by the CRM's own word: whether what is stored still is so. If not, the list mends it."""
        rows = self.connection.execute(
            "select lead_id from sync_private.segment_leads where segment_id = %s", (self.segment_id,)
        ).fetchall()
        ids = frozenset(lead_id for (lead_id,) in rows)
        found = self._compared(ids)
        if not found.holds:
            return False
        self.outcome.leads = self.outcome.counted = self.outcome.up_to_date = len(ids)
        self.outcome.skipped = "the CRM says that nothing changed since the newest list"
        self._proved(found)
        return True

    def _list(self, gate: str | None) -> frozenset[int]:
        """Read and store the list; returns the numbers of its leads."""
        reader = ListReader(
            self.crm,
            self.store,
            segment_id=self.segment_id,
            page_size=self.page_size,
            on_page=self._on_page,
            accept_mismatch=TOTAL_MISMATCH in self.accepted,
        )
        read, landed = self._kept(reader)
        hashes, lines = self._hashes(read)
        listed = Listed(self.segment_id, hashes, total=read.total, read_at=self.work.started, gate=gate)
        snapshot = Snapshot.open(self.connection, self.loader.columns, self.work)
        absent = snapshot.absent(listed)
        changes = snapshot.replace(
            listed,
            self._documents(read.file, lines, absent=absent),
            accept_leaving=MASS_LEAVING in self.accepted,
        )
        self.records.landings.mark_usable(
            landed,
            content_digest=changes.proof.source["digest"],
            sheet_digest="",
            details={"passes": read.passes},
            contents={str(self.segment_id): {"leads": len(hashes)}},
        )
        self._record(LIST_ASSET, changes.proof)
        outcome = self.outcome
        outcome.leads, outcome.entered, outcome.left = len(hashes), changes.entered, changes.left
        outcome.leads += read.unidentified
        outcome.counted = read.total
        outcome.rejected = self.unidentified = read.unidentified
        outcome.pages_path, outcome.passes = self.store.describe(read.file.path), read.passes
        outcome.bytes += read.file.bytes
        # Leads that are new to the table count as inserted, though their detail finds the row that the list made.
        self.loader.fresh = changes.inserted
        return read.ids

    def _kept(self, reader: ListReader) -> tuple[SegmentList, int]:
        """The list and the number of its landed pages; those of a list that cannot be used are kept as well."""
        details = {"segment": self.segment_id}
        landings, run_id = self.records.landings, self.work.run_id
        try:
            read = reader.read()
        except SyncError as error:
            if reader.file is not None:
                landed = landings.record(LIST_ASSET, reader.file, run_id=run_id, details=details)
                landings.mark_refused(landed, str(error))
            raise
        details["total"] = read.total
        return read, landings.record(LIST_ASSET, read.file, run_id=run_id, details=details)

    def _hashes(self, read: SegmentList) -> tuple[dict[int, UUID], dict[int, int]]:
        """The hash of each lead's newest item, and where in the file that stands."""
        hashes: dict[int, UUID] = {}
        places: dict[int, int] = {}
        bad: dict[UUID, RejectedRow] = {}
        for place, item in enumerate(read_items(self.store, read.file)):
            if (lead_id := lead_number(item)) is None:
                bad[list_hash(item)] = self._without_number(item, place)
            elif lead_id in read.ids:
                hashes[lead_id], places[lead_id] = list_hash(item), place
        self.loader.reject([*bad.values()])
        return hashes, places

    def _without_number(self, item: object, place: int) -> RejectedRow:
        return RejectedRow(
            partition_key=str(self.segment_id),
            locator={"item": place},
            value=None,
            rule="lead_has_a_number",
            reason="an item of the segment's list has no number of a lead",
            raw={"item": item},
        )

    def _documents(
        self, file: LandedFile, places: Mapping[int, int], *, absent: Collection[int]
    ) -> Iterator[tuple[int, str]]:
        """The columns of the leads that the table does not have, as their list items fill them."""
        if not absent:
            return
        for place, item in enumerate(read_items(self.store, file)):
            lead_id = lead_number(item)
            if lead_id is not None and lead_id in absent and places[lead_id] == place:
                valid = list_document(item, self.segment_id, self.loader.columns)
                self.loader.reject(valid.rejects)
                yield lead_id, valid.json

    def _details(self, work_list: WorkList, listed: Collection[int]) -> Enrichment:
        """Read and load the details that are due."""
        due = work_list.count()
        self.outcome.up_to_date = len(listed) - due
        enricher = Enricher(
            self.crm,
            self.loader,
            in_flight=self.in_flight,
            on_commit=lambda done: self._on_commit(done, due),
        )
        done = enricher.run(work_list)
        # Not what was due: the run of another segment may have read some of them meanwhile.
        self.outcome.up_to_date = len(listed) - done.done
        return done

    def _on_commit(self, done: Enrichment, due: int) -> None:
        outcome = self.outcome
        outcome.inserted, outcome.changed, outcome.unchanged = done.inserted, done.changed, done.unchanged
        outcome.rejected, outcome.unread = self.unidentified + done.rejected, len(done.unread)
        outcome.rejected_fields = done.rejected_fields
        self.work.keep_lock()
        self._show("details", done.done, due)

    def _on_page(self, done: int, total: int) -> None:
        self.work.keep_lock()
        self._show("list", done, total)

    def _show(self, stage: str, done: int, total: int) -> None:
        told = self.pace.told(
            str(self.segment_id),
            stage,
            done=done,
            total=total,
            calls=self.crm.budget.calls,
            waited=self.crm.budget.waited,
        )
        self.report(told._replace(estimate=self._estimate(told.estimate, stage, total - done)))

    def _estimate(self, paced: float | None, stage: str, left: int) -> float | None:
        """By the pace so far, or by the budget: the first minute goes fast, because nobody has used it yet."""
        allowed = 0.0
        with suppress(SyncError):  # who cannot be asked for an estimate will be asked for the next call
            allowed = self.crm.budget.estimate(left if stage == "details" else left // self.page_size)
        return max(paced or 0.0, allowed) if paced is not None or allowed else None

    def _prove(self, listed: Collection[int], left_out: Collection[int]) -> None:
        """Raises TransientError when the segment is not what the CRM said: the next run reads those leads again."""
        found = self._compared(listed, left_out)
        self._proved(found)
        if not found.holds:
            raise TransientError(
                f"Segment {self.segment_id} is not proved: {found.sentence()} The next run puts it right."
            )

    def _compared(self, listed: Collection[int], left_out: Collection[int] = ()) -> SegmentProof:
        columns = self.loader.columns.detailed
        return prove(self.connection, self.segment_id, listed, columns=columns, left_out=left_out)

    def _proved(self, found: SegmentProof) -> None:
        """Keep what was compared."""
        self._record(LEADS_ASSET, found.proof)
        self.outcome.drift = read_drift(self.connection, self.segment_id, self.loader.columns)
        self.outcome.digest = found.proof.destination["content"]
        self.outcome.oldest_reading = found.oldest_reading

    def _record(self, asset: str, proof: Proof) -> None:
        version = self.work.started.isoformat()
        self.records.proofs.record(
            self.work.run_id,
            [RecordableProof(asset, str(self.segment_id), source_version=version, proof=proof)],
        )
