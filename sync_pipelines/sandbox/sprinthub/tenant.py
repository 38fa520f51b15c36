"""The tenant of the CRM: segments and their leads, which change while somebody reads.

Leads are made from their number when they are asked for; only what differs from that is kept. So a segment of 60,000
costs a list of numbers.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import RLock
from typing import Any

from sync_pipelines.sandbox.sprinthub.lead import created, generated, stamp

#: The numbers of leads begin here (contract, section 1: from about 2,000).
FIRST_LEAD = 2_001


@dataclass
class Segment:
    """A segment: `members` are the numbers of its leads in the order of their creation, archived ones among them."""

    id: int
    name: str
    members: list[int]
    category: str = "Clientes"
    is_published: bool = True
    last_lead_update: datetime | None = None
    visible: list[int] | None = field(default=None, repr=False)


class Tenant:
    """What the CRM knows. Every method may be called while the fake serves."""

    def __init__(self, *, now: datetime | None = None) -> None:
        #: The moment of the next change; each change is a second after the one before.
        self.now = now or datetime(2026, 11, 1, 12, tzinfo=UTC)
        self.segments: dict[int, Segment] = {}
        self.hidden: set[int] = set()
        self._changed: dict[int, dict[str, Any]] = {}
        self._next_lead = FIRST_LEAD
        self._lock = RLock()

    def add_segment(
        self, segment_id: int, leads: int = 0, *, name: str | None = None, shared: Iterable[int] = ()
    ) -> list[int]:
        """Make a segment of so many new leads, beside those of other segments in `shared`; returns all numbers."""
        with self._lock:
            first = self._next_lead
            # Gaps, as deleted leads leave them.
            members = [first + n + n // 7 for n in range(leads)]
            self._next_lead = members[-1] + 1 if members else first
            members = sorted({*members, *shared}, key=self._order)
            segment = Segment(segment_id, name or f"Segmento {segment_id}", members)
            segment.last_lead_update = max((created(each) for each in members[-1:]), default=None)
            self.segments[segment_id] = segment
            return list(members)

    def visible(self, segment_id: int, *, archived: bool = False) -> Sequence[int]:
        """The numbers of a segment's leads, oldest first."""
        with self._lock:
            segment = self.segments[segment_id]
            if archived or not self.hidden:
                return segment.members
            if segment.visible is None:
                segment.visible = [each for each in segment.members if each not in self.hidden]
            return segment.visible

    def everybody(self) -> list[int]:
        """The numbers of all leads that are not archived, oldest first."""
        with self._lock:
            members = {each for segment in self.segments.values() for each in segment.members}
            return sorted(members - self.hidden, key=self._order)

    def knows(self, lead_id: int) -> bool:
        """Whether a lead is in any segment, or was."""
        return FIRST_LEAD <= lead_id < self._next_lead

    def detail(self, lead_id: int) -> dict[str, Any]:
        """What the CRM knows of a lead, as a new dictionary."""
        with self._lock:
            lead = generated(lead_id) | self._changed.get(lead_id, {})
        if lead_id in self.hidden:
            lead["archived"] = True
        return lead

    def insert_lead(self, segment_id: int, lead_id: int | None = None, **fields: Any) -> int:
        """Make a lead, the newest of all, or take one of another segment into this one; returns its number."""
        with self._lock:
            if lead_id is None:
                lead_id, self._next_lead = self._next_lead, self._next_lead + 1
                moment = stamp(self._tick())
                fields = {"createDate": moment, "updatedDate": moment, **fields}
            if fields:
                self._changed.setdefault(lead_id, {}).update(fields)
            insort(self.segments[segment_id].members, lead_id, key=self._order)
            self._touch(segment_id)
            return lead_id

    def change_lead(self, lead_id: int, **fields: Any) -> None:
        """Change fields of a lead; updatedDate and lastActive become now unless they are given."""
        with self._lock:
            moment = stamp(self._tick())
            own = self._changed.setdefault(lead_id, {})
            own.update({"updatedDate": moment, "lastActive": moment, **fields})
            for segment in self.segments.values():
                if lead_id in segment.members:
                    self._touch(segment.id)

    def change_quietly(self, lead_id: int, **fields: Any) -> None:
        """Change fields of a lead and nothing that says so."""
        with self._lock:
            self._changed.setdefault(lead_id, {}).update(fields)

    def archive_lead(self, lead_id: int) -> None:
        """Archive a lead: no list shows it any more, its detail does."""
        with self._lock:
            self._tick()
            self.hidden.add(lead_id)
            self._forget_visible()

    def restore_lead(self, lead_id: int) -> None:
        """The opposite of `archive_lead`."""
        with self._lock:
            self.hidden.discard(lead_id)
            self._forget_visible()

    def leave_segment(self, segment_id: int, lead_id: int) -> None:
        """Take a lead out of a segment; the CRM still knows it."""
        with self._lock:
            self._tick()
            self.segments[segment_id].members.remove(lead_id)
            self._touch(segment_id)

    def describe(self, segment_id: int) -> dict[str, Any]:
        """A segment as the CRM lists it."""
        segment = self.segments[segment_id]
        moved = segment.last_lead_update
        return {
            "id": segment.id,
            "name": segment.name,
            "alias": f"segmento-{segment.id}",
            "isPublished": segment.is_published,
            "createDate": "2023-01-02T03:04:05.000Z",
            "category": {"title": segment.category, "id": 1},
            "totalLeads": len(self.visible(segment_id)),
            "lastLeadUpdate": stamp(moved) if moved else None,
        }

    def _order(self, lead_id: int) -> tuple[str, int]:
        changed = self._changed.get(lead_id, {})
        return changed.get("createDate") or stamp(created(lead_id)), lead_id

    def _tick(self) -> datetime:
        self.now = datetime.fromtimestamp(self.now.timestamp() + 1, UTC)
        return self.now

    def _touch(self, segment_id: int) -> None:
        segment = self.segments[segment_id]
        segment.last_lead_update, segment.visible = self.now, None

    def _forget_visible(self) -> None:
        for segment in self.segments.values():
            segment.visible = None
