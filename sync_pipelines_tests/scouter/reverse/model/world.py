"""Both sides with everything that moves between them.

| what | of what it is |
|---|---|
| TabuladorMax | its own trigger, which dates each row that is written |
| Gestão Scouter | the shipped trigger with a Vault and pg_net, or the shipped outbox; the fake PostgREST on a socket |
| the receiver | as it is served, on a socket |
| the workers | push, drain, collection and replay, as the assets call them |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
from hypothesis import note

from sync_pipelines.lib.failures import PermanentError, SyncError
from sync_pipelines.lib.records.inbox_pool import InboxPool
from sync_pipelines.receiver.serving import build
from sync_pipelines.sandbox.scouter import net
from sync_pipelines.sandbox.servers import BackgroundServer
from sync_pipelines.sandbox.vault import make_vault
from sync_pipelines.scouter.endpoints import WEBHOOK, endpoints
from sync_pipelines.scouter.push.job_end import PausedError
from sync_pipelines.scouter.push.options import PushOptions
from sync_pipelines.settings import read_as
from sync_pipelines.settings.scouter import ScouterSettings
from sync_pipelines_tests.scouter.gestao_scouter import SECRET, SQL
from sync_pipelines_tests.scouter.installation import FIRST, Installation
from sync_pipelines_tests.scouter.reverse.model.fields import ONE_WAY, TWO_WAY, Side, Value, telephone
from sync_pipelines_tests.scouter.reverse.model.incidents import Incident, Incidents
from sync_pipelines_tests.scouter.reverse.model.journal import Edit, Journal, Listed, Place
from sync_pipelines_tests.scouter.reverse.model.network import Webhooks
from sync_pipelines_tests.scouter.reverse.model.people import Change, Dated, People
from sync_pipelines_tests.scouter.reverse.model.wire import Killed, Wire

#: The `updated_at` of the leads that are there from the first.
LEADS = {
    FIRST: "now() - interval '20 hours'",
    FIRST + 1: "now()",
    FIRST + 2: "null",
    FIRST + 3: "timestamptz '2090-01-01'",
}
#: Pushes and drains after which all must be at rest.
ROUNDS = 6


@dataclass
class World:
    """`log` says what was done, for whoever reads a failure."""

    installation: Installation
    wire: Wire
    people: People
    webhooks: Webhooks
    uses_outbox: bool
    log: list[str]
    _conflicts: int = 0
    _is_disturbed: bool = False
    incidents: Incidents = field(init=False)

    def __post_init__(self) -> None:
        self.incidents = Incidents(self.installation, self.wire, people=self.people, webhooks=self.webhooks)

    def begin(self) -> None:
        """Empty everything, make the first leads, and let them arrive."""
        made = self.installation
        self.webhooks.fetch()
        self.webhooks.queued.clear()
        self.webhooks.stale.clear()
        self.log.clear()
        self.set_clock(timedelta())
        self.people.journal.begin({})
        self.people.undated.clear()
        for connection, tables in (
            (made.tab, _tables(made.tab, "sync_private", "public.leads", "public.sync_events")),
            (made.tab, ["public.gestao_scouter_export_jobs"]),
            (made.gestao, _tables(made.gestao, "sync_outbox", "public.leads")),
            (made.ops, [one for one in _tables(made.ops, "ops") if one != "ops.schema_reports"]),
        ):
            connection.execute(f"truncate {', '.join(tables)} cascade".encode())
        if self.uses_outbox:
            made.gestao.execute("insert into sync_outbox.last_change (change_id) values (0)")
        for lead, updated_at in LEADS.items():
            self.people.make("here", lead, updated_at)
        self.rest()

    def edit(self, side: Side, index: int, changes: Sequence[Change], *, dated: Dated) -> None:
        """Somebody edits one of the leads that are there."""
        for lead in self.people.one_of(side, index):
            self.people.edit(side, lead, changes, dated=dated)

    def delete(self, side: Side, index: int) -> None:
        """Somebody deletes one of the leads that are there."""
        for lead in self.people.one_of(side, index):
            self.people.delete(side, lead)

    def choose(self, index: int) -> None:
        """A person wants the other value of a conflict: that is an edit here."""
        open_ones = self.installation.tab.execute(
            "select id from sync_private.lead_conflicts where chosen is null order by id desc"
        ).fetchall()
        if not open_ones:
            return
        before = self.people.rows("here")
        try:
            self.installation.reverse_sync().choose([open_ones[index % len(open_ones)][0]], "other")
        except PermanentError as error:
            self.log.append(f"not chosen: {error}")
        for lead, row in self.people.rows("here").items():
            edits = [
                Edit("here", (lead, name), before[lead][name], value=value)
                for name, value in row.items()
                if value != before[lead][name]
            ]
            self.people.journal.edits += edits
            self.log += [f"chosen: {edit}" for edit in edits]

    def report(self) -> None:
        """What was done, and what it left behind, for whoever looks at a failure."""
        conflicts = "select to_jsonb(c)::text from sync_private.lead_conflicts as c order by id"
        inbox = "select to_jsonb(i)::text from ops.inbox as i order by id"
        exchanges = "select to_jsonb(e)::text from ops.lead_exchanges as e order by lead_id"
        left = [
            *self.installation.tab.execute(conflicts.encode()),
            *self.installation.ops.execute(inbox.encode()),
            *self.installation.ops.execute(exchanges.encode()),
        ]
        note("\n".join([*self.log, *(row[0] for row in left)]))

    def set_clock(self, ahead: timedelta) -> None:
        """The workers' machine; the databases have clocks of their own."""
        self.installation.push = replace(self.installation.push, clock=lambda: datetime.now(UTC) + ahead)
        self.log.append(f"the clock is {ahead} ahead")

    # The workers.

    def push(self, *, compare: bool = True, mapping: Mapping[str, str] | None = None) -> str:
        """Push as the sensor would: first the export that was left, if there is one.

        With `compare` all leads, else those of today and yesterday; `mapping` is that of an export from the screen.
        """
        made, said = self.installation, ""
        made.reap()
        left = made.tab.execute(
            "select id::text, status from public.gestao_scouter_export_jobs"
            " where status in ('pending', 'running', 'paused')"
        ).fetchall()
        for job_id, status in left:
            job = made.resume(job_id) if status == "paused" else made.run(job_id)
            said += f"the export that was left {job.status}, "
        today = datetime.now(made.push.zone).date()
        oldest = None if compare else today - timedelta(days=1)
        if mapping is not None:
            self.people.journal.sent_in_part |= self.people.journal.made
        job_id = made.actions().create(today, oldest, field_mappings=mapping).id
        job = made.run(job_id, options=PushOptions(compare=compare))
        said += f"push {job.status} {job.pause_reason or ''} {made.failures or ''}"
        assert self._is_disturbed or (job.status, made.failures) == ("completed", {}), said
        return said

    def drain(self) -> str:
        sync = replace(self.installation.reverse_sync(), probe=self.installation.push.probe)
        return f"drain {sync.run('drain')}"

    def collect(self) -> str:
        return f"collected {self.installation.reverse_sync().collect()}"

    def replay(self) -> str:
        rejected = "select key::bigint from ops.inbox where status = 'rejected'"
        leads = [row[0] for row in self.installation.ops.execute(rejected.encode())]
        names = [one.tab for one in TWO_WAY if one.invalid]
        self.people.journal.replayed |= {(lead, name) for lead in leads for name in names}
        return f"replayed {self.installation.reverse_sync().replay()}"

    def attempt(self, work: Callable[[], str], incident: Incident | None = None) -> int:
        """Let a worker work, which may fail if an incident befalls it; how many requests carried leads."""
        # Where `updated_at` does not rise, nothing tells a late announcement from a new one (README).
        self.webhooks.deliver_of(self.people.undated)
        if self.uses_outbox and self.people.undated:
            self.installation.reverse_sync().collect()
        self._is_disturbed = incident is not None
        self.log += [f"planned: {incident}"] if incident else []
        with self.incidents.befalling(incident):
            try:
                self.log.append(work())
            except (SyncError, PausedError, psycopg.Error, Killed) as error:
                self.log.append(f"{type(error).__name__}: {error}")
                if incident is None:
                    raise
            return self.wire.written

    # Rest.

    def rest(self) -> None:
        """Let all arrive, and push and drain until nothing moves; then both sides must hold what they must."""
        for _ in range(ROUNDS):
            before = self._marks()
            moved = self.webhooks.deliver_all()
            moved += self.attempt(lambda: self.push(compare=True))
            self.attempt(self.drain)
            if not moved and before == self._marks():
                break
        else:
            raise AssertionError(f"not at rest after {ROUNDS} pushes and drains")
        held, differences = self._held()
        assert not differences, differences
        wrong = self.people.journal.wrong(held, self._listed())
        assert not wrong, wrong
        self.people.journal.begin(held)
        self.people.undated.clear()
        self.log.append("at rest")

    def _marks(self) -> object:
        """Something else as soon as anything was written on either side, or waits."""
        stamp = "select array_agg((id, xmin::text) order by id)::text from public.leads"
        waiting = "select count(*) from ops.inbox where status = 'waiting'"
        outbox = "select count(*) from sync_outbox.lead_changes" if self.uses_outbox else "select 0"
        made = self.installation
        return (
            made.tab.execute(stamp.encode()).fetchone(),
            made.gestao.execute(stamp.encode()).fetchone(),
            made.ops.execute(waiting.encode()).fetchone(),
            made.gestao.execute(outbox.encode()).fetchone(),
        )

    def _held(self) -> tuple[dict[Place, Value], list[str]]:
        """What both sides hold, and where they differ."""
        here, there = self.people.rows("here"), self.people.rows("there")
        # What was deleted here may stand there for ever.
        known = {lead for lead, _ in self.people.journal.quiet}
        apart = (here.keys() ^ there.keys()) & (known | here.keys())
        differences = [f"lead {lead} is at one side only" for lead in sorted(apart)]
        held: dict[Place, Value] = {}
        for lead in sorted(here.keys() & there.keys()):
            expected = here[lead] | {ONE_WAY.tab: telephone(here[lead]["celular"])}
            for name, value in expected.items():
                held[lead, name] = there[lead][name]
                if value != there[lead][name]:
                    differences.append(f"{(lead, name)}: {value!r} here, {there[lead][name]!r} there")
        return held, differences

    def _listed(self) -> Listed:
        rows = self.installation.tab.execute(
            "select id > %s, chosen is null, lead_id, case field when 'nome' then 'name' else field end"
            " from sync_private.lead_conflicts",
            [self._conflicts],
        ).fetchall()
        newest = self.installation.tab.execute("select coalesce(max(id), 0) from sync_private.lead_conflicts")
        ((self._conflicts,),) = newest.fetchall()
        return Listed(
            {(lead, name) for is_new, _, lead, name in rows if is_new},
            {(lead, name) for is_new, is_open, lead, name in rows if is_new or is_open},
        )


def _tables(connection: psycopg.Connection[tuple[object, ...]], schema: str, *more: str) -> list[str]:
    rows = connection.execute("select tablename from pg_tables where schemaname = %s", [schema]).fetchall()
    return [*more, *(f"{schema}.{name}" for (name,) in rows)]


@contextmanager
def open_world(installation: Installation, *, uses_outbox: bool) -> Iterator[World]:
    """The world of an installation, with what is shipped for Gestão Scouter installed there."""
    wire, log, ops_url = Wire(), list[str](), installation.settings.ops_url
    installation.use(scouter_way_back=True, scouter_outbox=uses_outbox, scouter_in_flight=1)
    installation.use_client(transport=wire)
    people = People(installation.tab, installation.gestao, Journal(), log=log)
    settings = read_as(
        ScouterSettings,
        None,
        ops_database_url=ops_url,
        scouter_way_back=True,
        scouter_webhook_secret=SECRET,
    )
    with (
        closing(wire),
        closing(InboxPool(ops_url)) as inbox,
        BackgroundServer(build(settings, [endpoints(settings)], inbox=inbox)) as server,
        httpx.Client() as receiver,
    ):
        net.install(installation.gestao)
        make_vault(
            installation.gestao_url,
            GESTAO_WEBHOOK_URL=server.url + WEBHOOK.path,
            GESTAO_WEBHOOK_SECRET=SECRET,
        )
        shipped = "outbox.sql" if uses_outbox else "webhook_trigger.sql"
        installation.gestao.execute((SQL / shipped).read_bytes())
        webhooks = Webhooks(installation.gestao, receiver)
        world = World(installation, wire, people, webhooks=webhooks, uses_outbox=uses_outbox, log=log)
        world.incidents.install()
        try:
            yield world
        finally:
            world.incidents.remove()
            wire.end()
