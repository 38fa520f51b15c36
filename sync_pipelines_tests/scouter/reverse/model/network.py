"""The webhooks between the trigger of Gestão Scouter and the receiver: late, twice, in another order."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import httpx
import psycopg

#: So many delivered requests are kept to come once more.
_STALE = 20


class Posted(NamedTuple):
    """A request of pg_net."""

    url: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Webhooks:
    """What pg_net has taken and not sent yet is `queued`; each answer of the receiver must be 200."""

    gestao: psycopg.Connection[Any]
    receiver: httpx.Client
    queued: list[Posted] = field(default_factory=list)
    stale: deque[Posted] = field(default_factory=lambda: deque(maxlen=_STALE))

    def fetch(self) -> int:
        """Take what the triggers queued; how many requests wait now."""
        taken = self.gestao.execute(
            "with taken as (delete from net.http_request_queue returning *)"
            " select url, headers, body from taken order by id"
        ).fetchall()
        self.queued += [Posted(*row) for row in taken]
        return len(self.queued)

    def deliver(self, index: int, *, keep: bool = False) -> int:
        """Deliver one of those that wait; `keep` it, so that it comes again. How many were delivered."""
        waiting = self.fetch()
        if not waiting:
            return 0
        posted = self.queued[index % waiting] if keep else self.queued.pop(index % waiting)
        self._send(posted)
        return 1

    def deliver_all(self, *, backwards: bool = False) -> int:
        """Deliver all that wait, or the newest first; how many there were."""
        count = self.fetch()
        taken, self.queued = self.queued[:: -1 if backwards else 1], []
        for posted in taken:
            self._send(posted)
        return count

    def deliver_of(self, leads: Collection[int]) -> None:
        """Deliver all of these leads, in order."""
        self.fetch()
        mine = [posted for posted in self.queued if _lead_of(posted) in leads]
        self.queued = [posted for posted in self.queued if posted not in mine]
        for posted in mine:
            self._send(posted)

    def deliver_again(self, index: int) -> int:
        """Deliver one again that was delivered before, maybe long ago."""
        if self.stale:
            self._send(self.stale[index % len(self.stale)], again=True)
        return len(self.stale)

    def lose(self, index: int) -> int:
        """pg_net asks once, and the receiver was away.

        Never of a new lead, nor of what the row does not show any more: nobody else knows of them.
        """
        waiting = self.fetch()
        if not waiting:
            return 0
        posted = self.queued[index % waiting]
        row = self.gestao.execute(
            "select 1 from public.leads as l, (select convert_from(%s, 'utf8')::jsonb as body) as p"
            " where l.id = (p.body -> 'lead' ->> 'id')::bigint and to_jsonb(l) = p.body -> 'lead'"
            " and p.body ->> 'operation' = 'update'",
            [posted.body],
        ).fetchone()
        if row is not None:
            self.queued.remove(posted)
        return 1 if row else 0

    def _send(self, posted: Posted, *, again: bool = False) -> None:
        answer = self.receiver.post(posted.url, content=posted.body, headers=posted.headers)
        assert answer.status_code == 200, answer.text
        if not again:
            self.stale.append(posted)


def _lead_of(posted: Posted) -> int:
    return int(json.loads(posted.body)["lead"]["id"])
