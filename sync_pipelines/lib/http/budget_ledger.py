"""The state of budgets in the ops database: calls, parties and blocks of a scope, changed under the scope's lock."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

from sync_pipelines.lib import postgres
from sync_pipelines.lib.http.budget_turns import Answer, Party, Situation, Window, WindowState, decide
from sync_pipelines.lib.postgres.reconnecting import Reconnecting

#: What has expired is deleted at every so many-th call.
PRUNE_EVERY = 100
#: A call this far in the future was recorded before the clock was set back; who records one holds the scope's lock.
TOLERANCE = timedelta(seconds=1)
# A process that is stopped between reading and writing must not keep the lock: the server ends its session. A call need
# not wait for the disk: what a crash of the server forgets is less than a second of calls.
_LIMITS = """
select set_config('idle_in_transaction_session_timeout', '5s', true), set_config('lock_timeout', '30s', true),
    set_config('synchronous_commit', 'off', true)
"""
_NOW = "select coalesce(%s::timestamptz, clock_timestamp())"
_WINDOWS = """
select
    (
        select called_at from ops.budget_calls as call where call.scope = asked.scope
        order by called_at desc offset asked.calls - 1 limit 1
    ),
    (select max(called_at) from ops.budget_calls as call where call.scope = asked.scope),
    (select blocked_until from ops.budget_blocks as block where block.scope = asked.scope)
from unnest(%s::text[], %s::int[]) with ordinality as asked (scope, calls, position)
order by position
"""
_PARTIES = """
select party, scopes, seen_at, ready_at, served_at from ops.budget_parties
where party = %(party)s or scopes && %(scopes)s::text[]
"""
_REMEMBER = """
insert into ops.budget_parties as known (party, scopes, seen_at, ready_at, served_at)
values (%(party)s, %(scopes)s, %(now)s, %(ready_at)s, %(served_at)s)
on conflict (party) do update set
    scopes = excluded.scopes, seen_at = excluded.seen_at, ready_at = excluded.ready_at,
    served_at = coalesce(excluded.served_at, known.served_at)
"""
_CALL = """
insert into ops.budget_calls (scope, called_at, expires_at)
select scope, %s, %s + longest from unnest(%s::text[], %s::interval[]) as called (scope, longest)
"""
_BLOCK = """
insert into ops.budget_blocks as known (scope, blocked_until)
select scope, coalesce(%(now)s::timestamptz, clock_timestamp()) + %(length)s from unnest(%(scopes)s::text[]) as scope
on conflict (scope) do update set blocked_until = greatest(known.blocked_until, excluded.blocked_until)
"""
# Otherwise everybody would wait until the clock has passed those moments again. The newest call counts as one of now:
# then none of them counts for less than its window.
_SET_BACK = (
    "update ops.budget_calls set called_at = called_at - %(ahead)s, expires_at = expires_at - %(ahead)s"
    " where scope = any(%(scopes)s)",
    "update ops.budget_blocks set blocked_until = blocked_until - %(ahead)s where scope = any(%(scopes)s)",
    "update ops.budget_parties set seen_at = seen_at - %(ahead)s, ready_at = ready_at - %(ahead)s,"
    " served_at = served_at - %(ahead)s where scopes && %(scopes)s::text[]",
)
# Scopes that nobody uses any more, such as an old key's, lose their rows after a day.
_PRUNE = (
    "delete from ops.budget_calls where expires_at <= %(now)s and scope = any(%(scopes)s)"
    " or expires_at < %(now)s - interval '1 day'",
    "delete from ops.budget_blocks where blocked_until < %(now)s - interval '1 day'",
    "delete from ops.budget_parties where party in (select party from ops.budget_parties"
    " where seen_at < %(now)s - interval '1 day' for update skip locked)",
)


class BudgetLedger:
    """One connection to the state of budgets, for the threads of a process. Raises SyncError where it is away."""

    def __init__(self, ops_url: str) -> None:
        self._database = Reconnecting(ops_url, what="the budget of calls in the ops database")
        self._lock = threading.Lock()
        self._granted, self._is_closed = 0, False

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            self._database.close()

    def ask(self, party: str, windows: Sequence[Window], now: datetime | None) -> tuple[datetime, Answer]:
        """Whether the party may call now; that it called, or waits, is recorded. `now` is None for the server's clock.

        Returns the moment that counted as well.
        """

        def work(connection: postgres.Connection) -> tuple[datetime, Answer]:
            # A pipeline, because the way to the database may be long: two round trips, and the lock is held for one.
            with connection.pipeline(), connection.transaction():
                self._take_locks(connection, windows)
                situation = _situation(connection, party, windows, now=now)
                if (ahead := _ahead(situation)) > TOLERANCE:
                    _set_back(connection, situation, ahead)
                    situation = _situation(connection, party, windows, now=now)
                answer = decide(situation)
                self._record(connection, situation, answer)
            return situation.now, answer

        with self._lock:
            return self._database.do(work)

    def block(self, windows: Sequence[Window], seconds: float, now: datetime | None) -> None:
        """Let nobody call these scopes for so long."""
        values = {"scopes": sorted(_spans(windows)), "length": timedelta(seconds=seconds), "now": now}
        with self._lock:
            self._database.do(lambda connection: connection.execute(_BLOCK, values))

    def calls(
        self, party: str, windows: Sequence[Window], now: datetime | None
    ) -> tuple[Situation, list[list[datetime]]]:
        """What the party would find, and the calls in each window."""

        def work(connection: postgres.Connection) -> tuple[Situation, list[list[datetime]]]:
            situation = _situation(connection, party, windows, now=now)
            return situation, [
                [
                    called_at
                    for (called_at,) in connection.execute(
                        "select called_at from ops.budget_calls where scope = %s and called_at > %s",
                        (window.scope, situation.now - window.span),
                    )
                ]
                for window in windows
            ]

        with self._lock:
            return self._database.do(work)

    def leave(self, party: str) -> None:
        """The party calls no more: the others need not share with it. Once this is closed nothing is said."""
        leave = "delete from ops.budget_parties where party = %s"
        with self._lock:
            if not self._is_closed:
                self._database.do(lambda connection: connection.execute(leave, (party,)))

    def _take_locks(self, connection: postgres.Connection, windows: Sequence[Window]) -> None:
        connection.execute(_LIMITS)
        # In one order, so that two that share two scopes do not wait for each other.
        for key in sorted(postgres.lock_key("budget", scope) for scope in _spans(windows)):
            connection.execute("select pg_advisory_xact_lock(%s)", (key,))

    def _record(self, connection: postgres.Connection, situation: Situation, answer: Answer) -> None:
        now, spans = situation.now, _spans([state.window for state in situation.windows])
        served_at = now if answer.ready_at is None else None
        values = {"party": situation.me.name, "scopes": sorted(spans), "now": now}
        connection.execute(_REMEMBER, {**values, "ready_at": answer.ready_at, "served_at": served_at})
        if served_at is None:
            return
        connection.execute(_CALL, (now, now, list(spans), list(spans.values())))
        self._granted += 1
        if self._granted % PRUNE_EVERY == 0:
            for statement in _PRUNE:
                connection.execute(statement, {"now": now, "scopes": sorted(spans)})


def _situation(
    connection: postgres.Connection, party: str, windows: Sequence[Window], *, now: datetime | None
) -> Situation:
    scopes = sorted(_spans(windows))
    clock = connection.execute(_NOW, (now,))
    states = connection.execute(
        _WINDOWS, ([window.scope for window in windows], [window.calls for window in windows])
    )
    parties = connection.execute(_PARTIES, {"party": party, "scopes": scopes})
    row = clock.fetchone()
    assert row is not None
    moment: datetime = row[0]
    known = [Party(*found) for found in parties.fetchall()]
    served_at = next((one.served_at for one in known if one.name == party), None)
    return Situation(
        now=moment,
        windows=[
            WindowState(window, *state) for window, state in zip(windows, states.fetchall(), strict=True)
        ],
        me=Party(name=party, scopes=scopes, seen_at=moment, ready_at=None, served_at=served_at),
        others=[one for one in known if one.name != party],
    )


def _ahead(situation: Situation) -> timedelta:
    """How far the newest call lies in the future."""
    moments = [state.newest for state in situation.windows if state.newest is not None]
    return max(moments, default=situation.now) - situation.now


def _set_back(connection: postgres.Connection, situation: Situation, ahead: timedelta) -> None:
    """Set what is known of the scopes back with the clock."""
    for statement in _SET_BACK:
        connection.execute(statement, {"ahead": ahead, "scopes": situation.me.scopes})


def _spans(windows: Sequence[Window]) -> dict[str, timedelta]:
    """The scopes, and how long a call of each counts in any of their windows."""
    spans: dict[str, timedelta] = {}
    for window in windows:
        spans[window.scope] = max(window.span, spans.get(window.scope, window.span))
    return spans
