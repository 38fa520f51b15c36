"""A push of 20,000 leads beside bare loops: `python -m benchmarks.scouter [--endpoint postgrest] [--leads 20000]`.

`--reverse [--rounds 3]`: the same pushes with the reverse sync off and on, in turns.

The destination is a process of its own that delays each request by 10 ms: by default one that holds leads in memory,
with `--endpoint postgrest` the sandbox's fake of PostgREST over Postgres, whose work then weighs more than the delay.
The loops post batches that were made beforehand, and prove nothing. Ours reads its source, renders, compares with the
last-synced state, sends, updates the control table and reads every lead back. Each figure is a process of its own.
"""

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from benchmarks.scouter_loops import BATCH, IN_FLIGHT, bare, sequential
from sync_pipelines.lib.http.postgrest import PostgrestClient
from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines.migrations import runner
from sync_pipelines.migrations.history import OPS, History
from sync_pipelines.sandbox.postgrest.fake import PostgrestFake
from sync_pipelines.sandbox.scouter.database import build_gestao_scouter, build_tabuladormax, with_dirt_rules
from sync_pipelines.sandbox.scouter.serve import DATABASE, READY_FILE
from sync_pipelines.scouter.export_jobs.actions import ExportActions
from sync_pipelines.scouter.push.day_outcome import DayOutcome
from sync_pipelines.scouter.push.options import PushOptions
from sync_pipelines.scouter.push.pipeline import LeadPush
from sync_pipelines.settings import read_as
from sync_pipelines.settings.scouter import ScouterSettings

HERE = Path(__file__).resolve().parents[1]
LATENCY_SECONDS = 0.010
NEWEST = datetime(2025, 10, 21, 15, tzinfo=UTC)
DAYS = 60
#: One bad lead in a hundred, spread over all batches. The destination's document shows the length of a text, so leads
#: with a longer one are suspect, and are sent alone from the start; it does not show the rule about the age.
SPOILS = {
    "unexpected": "update public.leads set age = 1999 where id % 100 = 50",
    "suspect": "update public.leads set horario_agendamento = repeat('tarde ', 9) where id % 100 = 50",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--endpoint", choices=("memory", "postgrest"), default="memory")
    parser.add_argument("--reverse", action="store_true", help="with the reverse sync off and on")
    parser.add_argument("--rounds", type=int, default=1, help="of --reverse; the quickest counts")
    parser.add_argument("--once", action="store_true", help="push once, for time and peak memory")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        result = STEPS[given.step]()
        print(json.dumps({**result, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
        return
    with tempfile.TemporaryDirectory() as folder, PostgresServer(Path(folder) / "postgres") as server:
        bench = Bench(Path(folder), server, given.endpoint)
        bench.prepare(given.leads, given.days)
        if given.once:
            with bench.world() as environment:
                print(step("push", environment))
        elif given.reverse:
            bench.measure_reverse(given.leads, given.rounds)
        else:
            bench.measure(given.leads)


@dataclass
class Bench:
    """One server with the databases of both projects as templates; each figure has copies of its own."""

    folder: Path
    server: PostgresServer
    endpoint: str
    spoilt: int = 0

    def prepare(self, leads: int, days: int) -> None:
        with psycopg.connect(self.server.url(), autocommit=True) as connection:
            for role in ("anon", "authenticated", "service_role"):
                bypass = "bypassrls" if role == "service_role" else ""
                connection.execute(f"create role {role} nologin {bypass}")
        tab, gestao, ops = (self.server.create_database(name) for name in ("tab", "gestao", "ops"))
        with psycopg.connect(tab) as connection:
            build_tabuladormax(connection, leads=leads, newest=NEWEST, days=days)
            connection.execute("alter table public.leads disable trigger user")
        runner.upgrade(History("tabuladormax"), tab)
        runner.upgrade(OPS, ops)
        with psycopg.connect(gestao) as connection:
            build_gestao_scouter(connection, local_leads=False, collision=False)
            with_dirt_rules(connection)
        for url in (tab, gestao, ops):
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("vacuum analyze")
        with PostgrestFake(gestao) as fake, PostgrestClient(fake.url, fake.service_key) as client:
            (self.folder / "document.json").write_bytes(client.request("GET", "/").body)

    def measure(self, leads: int) -> None:
        with self.world() as environment:
            sequential = step("sequential", environment)
        with self.world() as environment:
            bare = step("bare", environment)
        with self.world() as environment:
            full = step("push", environment)
            same = step("hourly", environment)
            seen = step("push", environment)
        with self.world("unexpected") as environment:
            unexpected = step("push", environment)
        with self.world("suspect") as environment:
            suspect = step("push", environment)
        bad = unexpected["rejected"]
        assert full["accepted"] == same["unchanged"] == seen["unchanged"] == leads
        assert bad == suspect["rejected"] == self.spoilt
        figures = {
            "one after another": sequential,
            f"bare, {IN_FLIGHT} in flight": bare,
            "push, proved": full,
            "nothing changed": same,
            "and seen there": seen,
            "1 % bad": unexpected,
            "1 % bad, suspect": suspect,
        }
        limits = {
            "push / bare": (bare["seconds"] / full["seconds"], "at least 0.7"),
            "push / one after another": (sequential["seconds"] / full["seconds"], "at least 2"),
            "full / nothing changed": (full["seconds"] / same["seconds"], "at least 10"),
            "full / nothing changed, seen": (full["seconds"] / seen["seconds"], "at least 1.3"),
            "further requests a bad lead": ((unexpected["requests"] - full["requests"]) / bad, "at most 14"),
            "1 % bad, suspect / clean": (suspect["seconds"] / full["seconds"], "at most 2"),
        }
        milliseconds = LATENCY_SECONDS * 1000
        print(f"push of {leads:,} leads in batches of {BATCH}, {milliseconds:.0f} ms, {self.endpoint}:")
        for name, found in figures.items():
            rate = leads / found["seconds"]
            print(f"  {name:<20}{found['seconds']:7.2f} s {rate:8.0f} leads/s {found['peak']:5.0f} MiB peak")
        for name, (ratio, limit) in limits.items():
            print(f"  {name:<32} {ratio:6.2f}   ({limit})")

    def measure_reverse(self, leads: int, rounds: int) -> None:
        off: dict[str, dict[str, float]] = {}
        on: dict[str, dict[str, float]] = {}
        for _ in range(rounds):
            for way_back, quickest in (("false", off), ("true", on)):
                for name, found in self._pushes(way_back, leads).items():
                    quickest[name] = min(found, quickest.get(name, found), key=lambda one: one["seconds"])
        print(f"push of {leads:,} leads with the reverse sync off and on, {self.endpoint}:")
        for name, without in off.items():
            times = without["seconds"], on[name]["seconds"]
            print(
                f"  {name:<24}{times[0]:7.2f} s {times[1]:7.2f} s   {times[1] / times[0]:5.2f}   (at most 1.2)"
                f" {without['peak']:5.0f} MiB {on[name]['peak']:5.0f} MiB peak"
            )

    def _pushes(self, way_back: str, leads: int) -> dict[str, dict[str, float]]:
        """A first push, two of which nothing is new, one of which everything is."""
        with self.world() as environment:
            given = {**environment, "SCOUTER_WAY_BACK": way_back}
            found = {
                "first push": step("push", given),
                "nothing changed": step("hourly", given),
                "and seen there": step("push", given),
            }
            with psycopg.connect(environment["TABULADORMAX_DATABASE_URL"]) as connection:
                connection.execute(
                    "update public.leads set name = name || '.', updated_at = updated_at + interval '1 second'"
                )
            found["every lead changed"] = step("push", given)
        assert [one["accepted"] for one in found.values()] == [leads, 0, 0, leads]
        return found

    @contextmanager
    def world(self, spoil: str | None = None) -> Iterator[dict[str, str]]:
        """Copies of the databases and a destination of their own; the settings, as an environment."""
        names = ("tab", "gestao", "ops")
        urls = {name: self.server.create_database(f"{name}_copy", template=name) for name in names}
        if spoil:
            with psycopg.connect(urls["tab"]) as connection:
                self.spoilt = connection.execute(SPOILS[spoil]).rowcount
        home = Path(tempfile.mkdtemp(dir=self.folder))
        process = subprocess.Popen(
            [sys.executable, "-m", *self._destination(home)],
            env={**os.environ, DATABASE: urls["gestao"]},
            cwd=HERE,
        )
        try:
            while not (home / READY_FILE).exists():
                time.sleep(0.05)
            yield {
                **json.loads((home / READY_FILE).read_text()),
                "TABULADORMAX_DATABASE_URL": urls["tab"],
                "OPS_DATABASE_URL": urls["ops"],
                "SCOUTER_BATCH_SIZE": str(BATCH),
                "SCOUTER_IN_FLIGHT": str(IN_FLIGHT),
                "SYNC_ENV": "development",
            }
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
            for name in names:
                self.server.drop_database(f"{name}_copy")

    def _destination(self, home: Path) -> list[str]:
        """The module that serves the destination, with its arguments."""
        latency = str(LATENCY_SECONDS)
        if self.endpoint == "memory":
            document = str(self.folder / "document.json")
            return ["benchmarks.endpoint", str(home / READY_FILE), document, latency]
        return ["sync_pipelines.sandbox.scouter.serve", "--home", str(home), "--latency-seconds", latency]


def step(name: str, environment: Mapping[str, str]) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.scouter", "--step", name]
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, cwd=HERE, env={**os.environ, **environment}
    )
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def hourly() -> dict[str, float]:
    """As the hourly schedule pushes: what has not changed rests on earlier readings."""
    return push(PushOptions(compare=False))


def push(options: PushOptions | None = None) -> dict[str, float]:
    """Everything from the claim of the job to its end, as the asset does it; all days there are."""
    leads = LeadPush.from_settings(read_as(ScouterSettings, None))
    leads.destination.client().close()  # loads its library, as the loops' clients did before their time began
    started = time.perf_counter()
    with leads.source() as connection:
        job = ExportActions(connection).create(NEWEST.date(), None)
    total = DayOutcome()
    with leads.open("bench", job_id=job.id, options=options) as run:
        for day in run.days:
            total.merge(run.push_day(day))
        total.merge(run.close())
    seconds = time.perf_counter() - started
    assert total.proof.holds
    counts = ("accepted", "unchanged", "rejected", "requests")
    return {"seconds": seconds, **{name: getattr(total, name) for name in counts}}


STEPS: dict[str, Callable[[], dict[str, float]]] = {
    "push": push,
    "hourly": hourly,
    "sequential": sequential,
    "bare": bare,
}

if __name__ == "__main__":
    main()
