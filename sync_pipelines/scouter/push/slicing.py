"""A page of the walk cut into slices: what has to be sent, what is as it was, what must not be overwritten."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sync_pipelines.lib.postgrest import PostgrestClient
from sync_pipelines.scouter.marks import normalised
from sync_pipelines.scouter.push.exchanges import Exchanges
from sync_pipelines.scouter.push.leads import Lead, Position, Rejected, Slice
from sync_pipelines.scouter.push.reading import LeadReader
from sync_pipelines.scouter.push.sending import KEY, TABLE

OURS = "tabuladormax"
#: Leads in one question for marks: with numbers of six digits its address stays below 8 KiB.
ASKED_AT_ONCE = 1000
#: What tells a lead of TabuladorMax from one that somebody made at the destination under the same number.
MARKS = ("criado", "sync_source")
LOCAL_LEAD = (
    "não enviado: este número pertence a um lead criado no próprio Gestão Scouter; confira os dois e, se for o caso,"
    " aceite overwrite_local_leads"
)


@dataclass(frozen=True)
class Slicer:
    """Cuts pages by one connection to each database. `size` leads are sent in one request."""

    reader: LeadReader
    exchanges: Exchanges
    client: PostgrestClient
    size: int
    send_all: bool = False
    #: Whether leads that the destination made itself may be replaced by ours of the same number.
    overwrites: bool = False
    has_marks: bool = True

    def slices(
        self, page: Sequence[Position], apart: Callable[[Position], object] = lambda _: None
    ) -> Iterator[Slice]:
        """The page in order; every position is in exactly one slice, with none of another day if `apart` is the day."""
        ids = [position.id for position in page]
        known = self.exchanges.known(ids)
        changed, gone = self.reader.content(ids, known, send_all=self.send_all)
        held_back = self._held_back([lead for lead in changed.values() if lead.is_new])
        begin, to_send = 0, 0
        days = [apart(position) for position in page]
        for end, position in enumerate(page, 1):
            to_send += position.id in changed
            if to_send == self.size or end == len(page) or days[end] != days[end - 1]:
                yield _slice(page[begin:end], changed, held_back, gone)
                begin, to_send = end, 0

    def _held_back(self, new: Sequence[Lead]) -> frozenset[int]:
        """Leads whose number the destination gave to another lead of its own (its sequence meets ours)."""
        if self.overwrites or not self.has_marks:
            return frozenset()
        created = {lead.id: lead.created_at for lead in new}
        found: set[int] = set()
        for at in range(0, len(new), ASKED_AT_ONCE):
            ids = [lead.id for lead in new[at : at + ASKED_AT_ONCE]]
            found |= {lead_id for lead_id, marks in self._marks(ids) if _is_local(marks, created[lead_id])}
        return frozenset(found)

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


def _is_local(marks: Mapping[str, Any], created: datetime | None) -> bool:
    if normalised(marks["sync_source"] or "") == OURS:
        return False
    there = marks["criado"]
    # A lead that an older export brought bears no mark, but the hour in which the CRM made it.
    return created is None or there is None or datetime.fromisoformat(there) != created


def _slice(
    page: Sequence[Position], changed: Mapping[int, Lead], held_back: Collection[int], gone: Collection[int]
) -> Slice:
    leads = [changed[position.id] for position in page if position.id in changed]
    still = [position.id for position in page if position.id not in changed]

    def those(keep: Callable[[Lead], bool]) -> list[Lead]:
        return [lead for lead in leads if lead.id not in held_back and keep(lead)]

    return Slice(
        page[-1],
        clean=those(lambda lead: not lead.is_suspect),
        suspects=those(lambda lead: lead.is_suspect),
        held_back=[Rejected(lead, None, LOCAL_LEAD) for lead in leads if lead.id in held_back],
        unchanged=sum(lead_id not in gone for lead_id in still),
        gone=sum(lead_id in gone for lead_id in still),
    )
