"""Cuts a page of positions into batches: which leads are sent, which are unchanged, which must not be overwritten."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sync_pipelines.scouter.last_synced import Known, LastSynced
from sync_pipelines.scouter.lead import Conditional, Lead, Position, Rejected, unreadable
from sync_pipelines.scouter.local_lead import is_local
from sync_pipelines.scouter.mapping.contract_columns import KEY
from sync_pipelines.scouter.push.batch import Batch, Stage
from sync_pipelines.scouter.push.extract import Content, LeadReader
from sync_pipelines.scouter.push.marks import Marks
from sync_pipelines.scouter.push.merge_first import LOCAL_LEAD, Looked, MergeFirst
from sync_pipelines.scouter.push.options import OVERWRITE, PushOptions
from sync_pipelines.scouter.push.prove import Comparison, ReadBack
from sync_pipelines.scouter.push.unchanged_check import UnchangedCheck
from sync_pipelines.scouter.schema.columns import TABLE
from sync_pipelines.scouter.sync_source import PUSHED

#: Leads in one query of `sync_source`: with numbers of six digits its address stays below 8 KiB.
QUERIED_AT_ONCE = 1000
#: The columns that tell our lead from one that somebody created at the destination under the same number.
CREATED = "criado"
ORIGIN_COLUMNS = (CREATED, "sync_source")


class _PageState(NamedTuple):
    """What is known of the leads of a page."""

    to_send: Mapping[int, Lead]
    held: Mapping[int, Rejected]
    #: Not in TabuladorMax any more.
    gone: Collection[int]
    #: Read at the destination now: equal.
    seen: Collection[int]
    #: Changed at the destination by a person.
    left: Collection[int]
    differed: Collection[int]
    #: Changed there by a person, and merged: these differ still, those do not.
    conditional: Mapping[int, Conditional]
    merged: Collection[int]
    readings: Mapping[int, float]


@dataclass(frozen=True)
class Batcher:
    """Cuts pages by one connection to each database. `size` leads are sent in one request."""

    reader: LeadReader
    last_synced: LastSynced
    #: Of the content, without the stamps.
    comparison: Comparison
    size: int
    run_id: str
    options: PushOptions
    marks: Marks
    #: Where the reverse sync is on.
    merge_first: MergeFirst | None = None

    def batches(
        self, positions: Sequence[Position], stage_of: Callable[[Position], Stage]
    ) -> Iterator[Batch]:
        """The page in order: every position is in exactly one batch, and a batch is of one stage."""
        page, requests = self._look_up([position.id for position in positions])
        begin, to_send = 0, 0
        stages = [stage_of(position) for position in positions]
        for end, position in enumerate(positions, 1):
            to_send += position.id in page.to_send
            if to_send == self.size or end == len(positions) or stages[end] != stages[begin]:
                yield _batch(positions[begin:end], stages[begin], page, requests=requests)
                begin, to_send, requests = end, 0, 0

    def _look_up(self, ids: Sequence[int]) -> tuple[_PageState, int]:
        known = self.last_synced.known(ids)
        reader = self.reader.marked(self.marks.next())
        content = reader.content(ids, known, send_all=self.options.send_all, compare=self.options.compare)
        found = self._compare(content.same, known)
        # Without a reverse sync nobody would ever take what an earlier one left waiting.
        left = self.last_synced.waiting([*found.wrong_ids, *content.changed] if self.merge_first else ())
        missing = set(found.missing)
        content = self._with_fields(reader, content, [one for one in found.wrong_ids if one not in left])
        there = self._there(content)
        local = self._local(content, found, known, there=there)
        # The audit trail calls a lead that is not there any more created, though the last-synced state knows it.
        lost = {
            lead_id: replace(content.same[lead_id], is_new=lead_id in missing)
            for lead_id in found.wrong_ids
            if lead_id not in left and lead_id not in content.gone
        }
        leads = {**content.same, **content.changed}
        held = {lead_id: Rejected(leads[lead_id], None, LOCAL_LEAD) for lead_id in local - left}
        held |= {
            lead_id: Rejected(unreadable(lead_id), None, f"não enviado, um valor não pôde ser lido: {reason}")
            for lead_id, reason in content.unreadable.items()
        }
        to_send = {one: lead for one, lead in {**content.changed, **lost}.items() if one not in left}
        looked = self._look(reader, to_send, held, there=there)
        return _PageState(
            to_send=looked.usual,
            held={**held, **looked.held},
            gone=content.gone,
            seen={lead.id for lead in found.equal_leads},
            left=left,
            differed=(lost.keys() - local) | (left & set(found.wrong_ids)),
            conditional=looked.conditional,
            merged=looked.equal,
            readings=known.readings,
        ), found.requests

    def _with_fields(self, reader: LeadReader, content: Content, ids: Sequence[int]) -> Content:
        """Where the reverse sync is on, these leads with the hashes of their fields: they are sent after all."""
        if self.merge_first is None or not ids:
            return content
        again = reader.content(ids, Known(), send_all=True)
        return Content(
            changed=content.changed,
            same=content.same | again.changed,
            gone=content.gone | again.gone,
            unreadable=content.unreadable | again.unreadable,
        )

    def _there(self, content: Content) -> frozenset[int]:
        """Where the reverse sync is on, the new leads that stand there already."""
        new = [lead_id for lead_id, lead in content.changed.items() if lead.is_new]
        return self.merge_first.there(new) if self.merge_first is not None and new else frozenset(new)

    def _look(
        self,
        reader: LeadReader,
        to_send: Mapping[int, Lead],
        held: Mapping[int, Rejected],
        *,
        there: frozenset[int],
    ) -> Looked:
        """Where the reverse sync is on, merge what people changed there before anything of it is overwritten."""
        leads = {lead_id: lead for lead_id, lead in to_send.items() if lead_id not in held}
        if self.merge_first is None or not leads:
            return Looked(leads, {}, ())
        return self.merge_first.look(
            reader, leads, there=there, overwrites=OVERWRITE in self.options.accepted
        )

    def _compare(self, leads: Mapping[int, Lead], known: Known) -> ReadBack:
        """Read leads that have not changed here at the destination; equal ones are recorded as seen now."""
        found = self.comparison.read_back([self.comparison.unstamped(lead) for lead in leads.values()])
        # With the reverse sync on each side dates its own rows.
        own = known.from_reverse_sync if self.merge_first is None else leads
        found.forgive_dates({one: lead for one, lead in leads.items() if one in own})
        self.last_synced.record_seen(found.equal_leads, self.comparison.columns, run_id=self.run_id)
        return found

    def _local(
        self, content: Content, found: ReadBack, known: Known, *, there: frozenset[int]
    ) -> frozenset[int]:
        """Leads whose number belongs to a lead that the destination created itself: its sequence meets our numbers.

        Also a lead that we know can be one: ours was deleted there, and somebody created another under its number.
        """
        if OVERWRITE in self.options.accepted or not self._has_origin_columns:
            return frozenset()
        sent = [*content.changed.values(), *(content.same[lead_id] for lead_id in found.different)]
        # Only the time of creation tells the two apart, so it has to be sent; a lead that came from there is theirs.
        tells = CREATED in self.comparison.columns
        asked = {
            lead.id: lead
            for lead in sent
            # Of a lead that was seen there the merge tells.
            if (lead.is_new and lead.id in there)
            or (self.merge_first is None and tells and lead.id not in known.from_reverse_sync)
        }
        local: set[int] = set()
        for at in range(0, len(asked), QUERIED_AT_ONCE):
            ids = [*asked][at : at + QUERIED_AT_ONCE]
            local |= {lead_id for lead_id, origin in self._origins(ids) if _is_other(origin, asked[lead_id])}
        return frozenset(local)

    @property
    def _has_origin_columns(self) -> bool:
        types = self.comparison.types
        return not types or set(ORIGIN_COLUMNS) <= set(types)

    def _origins(self, ids: Sequence[int]) -> Iterator[tuple[int, Mapping[str, Any]]]:
        wanted = set(ids)
        while wanted:
            params = (
                ("select", ",".join((KEY, *ORIGIN_COLUMNS))),
                (KEY, f"in.({','.join(map(str, sorted(wanted)))})"),
                # Rows with our `sync_source` are ours: on a second push nothing comes back.
                ("or", f"(sync_source.is.null,sync_source.neq.{PUSHED})"),
            )
            rows = self.comparison.client.rows(TABLE, params)
            if not rows:
                return
            for row in rows:
                wanted.discard(row[KEY])
                yield row[KEY], row


def _is_other(origin: Mapping[str, Any], lead: Lead) -> bool:
    return is_local(
        origin["sync_source"],
        created_here=lead.created_at,
        created_there=origin[CREATED],
        is_new=lead.is_new,
    )


def _batch(positions: Sequence[Position], stage: Stage, page: _PageState, *, requests: int) -> Batch:
    ids = [position.id for position in positions]
    leads = [page.to_send[lead_id] for lead_id in ids if lead_id in page.to_send]
    sent = page.to_send.keys() | page.conditional.keys()
    still = [lead_id for lead_id in ids if lead_id not in sent and lead_id not in page.held]
    unchanged = [lead_id for lead_id in still if lead_id not in page.gone]
    read = {*page.seen, *page.left, *page.merged}
    believed = [lead_id for lead_id in unchanged if lead_id not in read]
    return Batch(
        positions[-1],
        stage=stage,
        clean=[lead for lead in leads if not lead.is_suspect],
        suspects=[lead for lead in leads if lead.is_suspect],
        held=[page.held[lead_id] for lead_id in ids if lead_id in page.held],
        conditional=[page.conditional[lead_id] for lead_id in ids if lead_id in page.conditional],
        unchanged=len(unchanged),
        gone=len(still) - len(unchanged),
        unchanged_check=UnchangedCheck(
            seen=sum(lead_id in page.seen for lead_id in unchanged),
            believed=len(believed),
            oldest=min((page.readings[lead_id] for lead_id in believed), default=None),
            differed=sum(lead_id in page.differed for lead_id in ids),
            left=sum(lead_id in page.left for lead_id in unchanged),
            merged=sum(lead_id in page.merged or lead_id in page.conditional for lead_id in ids),
            requests=requests,
        ),
    )
