"""A page of the walk cut into slices: what has to be sent, what is as it was, what must not be overwritten."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sync_pipelines.lib.http.postgrest import PostgrestClient
from sync_pipelines.scouter.lead import Lead, Looked, Position, Rejected, Slice, unreadable
from sync_pipelines.scouter.mapping.column_types import TIMESTAMPTZ
from sync_pipelines.scouter.push.extract import Content, LeadReader
from sync_pipelines.scouter.push.last_synced import Exchanges, Known
from sync_pipelines.scouter.push.load import KEY, TABLE
from sync_pipelines.scouter.push.options import OVERWRITE, PushOptions
from sync_pipelines.scouter.push.prove import Comparison, ReadBack, as_kept
from sync_pipelines.scouter.sync_source import normalize

OURS = "tabuladormax"
#: Leads in one question for marks: with numbers of six digits its address stays below 8 KiB.
ASKED_AT_ONCE = 1000
#: What tells a lead of TabuladorMax from one that somebody made at the destination under the same number.
CREATED = "criado"
MARKS = (CREATED, "sync_source")
LOCAL_LEAD = (
    "não enviado: este número pertence a um lead criado no próprio Gestão Scouter; confira os dois e, se for o caso,"
    " aceite overwrite_local_leads"
)


class _Page(NamedTuple):
    """What is known of the leads of a page."""

    to_send: Mapping[int, Lead]
    rejected: Mapping[int, Rejected]
    gone: Collection[int]
    #: Read at the destination now: equal, or changed there by a person.
    seen: Collection[int]
    left: Collection[int]
    differed: Collection[int]
    readings: Mapping[int, float]


@dataclass(frozen=True)
class Slicer:
    """Cuts pages by one connection to each database. `size` leads are sent in one request."""

    reader: LeadReader
    exchanges: Exchanges
    client: PostgrestClient
    #: Of the content, without the stamps.
    comparison: Comparison
    size: int
    run_id: str
    options: PushOptions
    has_marks: bool = True

    def slices(
        self, positions: Sequence[Position], apart: Callable[[Position], object] = lambda _: None
    ) -> Iterator[Slice]:
        """The page in order; every position is in exactly one slice, with none of another day if `apart` is the day."""
        page, requests = self._look_up([position.id for position in positions])
        begin, to_send = 0, 0
        days = [apart(position) for position in positions]
        for end, position in enumerate(positions, 1):
            to_send += position.id in page.to_send
            if to_send == self.size or end == len(positions) or days[end] != days[end - 1]:
                yield _slice(positions[begin:end], page, requests)
                begin, to_send, requests = end, 0, 0

    def _look_up(self, ids: Sequence[int]) -> tuple[_Page, int]:
        known = self.exchanges.known(ids)
        content = self.reader.content(
            ids, known, send_all=self.options.send_all, compare=self.options.compare
        )
        found = self._compare(content.same, known)
        left = self.exchanges.waiting(found.wrong_ids)
        missing = set(found.missing)
        held = self._held_back(content, found, known)
        # For the audit trail a lead that is not there any more is created, though it is no new one to us.
        lost = {
            lead_id: replace(content.same[lead_id], is_new=lead_id in missing)
            for lead_id in found.wrong_ids
            if lead_id not in left
        }
        leads = {**content.same, **content.changed}
        rejected = {lead_id: Rejected(leads[lead_id], None, LOCAL_LEAD) for lead_id in held - left}
        rejected |= {
            lead_id: Rejected(unreadable(lead_id), None, f"não enviado, um valor não pôde ser lido: {told}")
            for lead_id, told in content.unreadable.items()
        }
        return _Page(
            to_send={**content.changed, **lost},
            rejected=rejected,
            gone=content.gone,
            seen={lead.id for lead in found.equal_leads},
            left=left,
            differed=(lost.keys() - held) | left,
            readings=known.readings,
        ), found.requests

    def _compare(self, leads: Mapping[int, Lead], known: Known) -> ReadBack:
        """What the destination holds of leads that have not changed here; what is equal is recorded as seen now."""
        found = self.comparison.read_back([self.comparison.unstamped(lead) for lead in leads.values()])
        found.forgive_dates({one: lead for one, lead in leads.items() if one in known.taken_back})
        self.exchanges.seen(found.equal_leads, run_id=self.run_id)
        return found

    def _held_back(self, content: Content, found: ReadBack, known: Known) -> frozenset[int]:
        """Leads whose number the destination gave to another lead of its own (its sequence meets ours).

        That may happen to a known one too: ours was deleted there, and somebody made another under its number.
        """
        if OVERWRITE in self.options.accepted or not self.has_marks:
            return frozenset()
        sent = [*content.changed.values(), *(content.same[lead_id] for lead_id in found.different)]
        # What tells two leads of one number apart has to be sent; a lead that came from there was made there.
        tells = CREATED in self.comparison.columns
        asked = {lead.id: lead for lead in sent if lead.is_new or (tells and lead.id not in known.taken_back)}
        held: set[int] = set()
        for at in range(0, len(asked), ASKED_AT_ONCE):
            ids = [*asked][at : at + ASKED_AT_ONCE]
            held |= {lead_id for lead_id, marks in self._marks(ids) if _is_local(marks, asked[lead_id])}
        return frozenset(held)

    def _marks(self, ids: Sequence[int]) -> Iterator[tuple[int, Mapping[str, Any]]]:
        wanted = set(ids)
        while wanted:
            params = (
                ("select", ",".join((KEY, *MARKS))),
                (KEY, f"in.({','.join(map(str, sorted(wanted)))})"),
                # What bears our mark is ours: on a second meeting nothing comes back.
                ("or", f"(sync_source.is.null,sync_source.neq.{OURS})"),
            )
            rows = self.client.rows(TABLE, params)
            if not rows:
                return
            for row in rows:
                wanted.discard(row[KEY])
                yield row[KEY], row


def _is_local(marks: Mapping[str, Any], lead: Lead) -> bool:
    if normalize(marks["sync_source"] or "") == OURS:
        return False
    created, there = lead.created_at, marks[CREATED]
    if created is None or there is None:
        return (
            lead.is_new
        )  # ours may have no hour, and one that is known is ours until something tells otherwise
    # A lead that an older export brought bears no mark, but the hour in which the CRM made it.
    return not _is_same_moment(there, created)


def _is_same_moment(one: str, other: str) -> bool:
    try:
        return one == other or as_kept(one, TIMESTAMPTZ) == as_kept(other, TIMESTAMPTZ)
    except ValueError:
        return False


def _slice(positions: Sequence[Position], page: _Page, requests: int) -> Slice:
    ids = [position.id for position in positions]
    leads = [
        page.to_send[lead_id] for lead_id in ids if lead_id in page.to_send and lead_id not in page.rejected
    ]
    still = [lead_id for lead_id in ids if lead_id not in page.to_send and lead_id not in page.rejected]
    unchanged = [lead_id for lead_id in still if lead_id not in page.gone]
    believed = [lead_id for lead_id in unchanged if lead_id not in page.seen and lead_id not in page.left]
    return Slice(
        positions[-1],
        clean=[lead for lead in leads if not lead.is_suspect],
        suspects=[lead for lead in leads if lead.is_suspect],
        held_back=[page.rejected[lead_id] for lead_id in ids if lead_id in page.rejected],
        unchanged=len(unchanged),
        gone=len(still) - len(unchanged),
        looked=Looked(
            seen=sum(lead_id in page.seen for lead_id in unchanged),
            believed=len(believed),
            oldest=min((page.readings[lead_id] for lead_id in believed), default=None),
            differed=sum(lead_id in page.differed for lead_id in ids),
            left=sum(lead_id in page.left for lead_id in unchanged),
            requests=requests,
        ),
    )
