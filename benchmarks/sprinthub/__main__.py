"""A segment of 20,000 leads with their details, 10 ms a call, 10 at once: `python -m benchmarks.sprinthub [--dlt]`.

The CRM is a process of its own that delays each call (`crm`), the destination a durable Postgres. Beside ours: the
limit that latency alone sets, computed from the time of one call in the same run, the bare loops of `calls`, which
store nothing, and with `--dlt` the parallel path of dlt into the same Postgres (`dlt_path`), which needs the package
index once. Ours keeps the list, reads every detail, validates, merges, records what was read and proves the segment.
Each figure is a process of its own; rounds are interleaved, and medians count.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil
import psycopg

from benchmarks.sprinthub import calls, limiter
from benchmarks.sprinthub.crm import SEGMENT
from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines.migrations import runner
from sync_pipelines.migrations.history import OPS, History
from sync_pipelines.sandbox.sprinthub.database import build_oficialmed

HERE = Path(__file__).resolve().parents[2]
LATENCY_SECONDS = 0.010
#: Leads of the sequential loop; its time is scaled to all of them.
SLICE = 1_000
#: Leads of the run whose memory is looked at.
MANY = 60_000
DLT = HERE / ".state" / "bench" / "dlt"
DATABASES = ("oficialmed", "ops")
Figure = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dlt", action="store_true", help="also by dlt, in an environment of its own")
    parser.add_argument("--only", choices=("speed", "limiter", "memory"), help="a part of it")
    parser.add_argument("--many", type=int, default=MANY, help="leads of the run whose memory is looked at")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        print(json.dumps(STEPS[given.step]() | _own_use()))
        return
    with tempfile.TemporaryDirectory() as folder, PostgresServer(Path(folder) / "postgres") as server:
        bench = Bench(Path(folder), server)
        bench.prepare()
        if given.only in (None, "speed"):
            bench.speed(given.leads, given.rounds, dlt=given.dlt)
        if given.only in (None, "limiter"):
            bench.limiter()
        if given.only in (None, "memory"):
            bench.memory(given.many)


@dataclass
class Bench:
    """One server with both databases as templates; each figure of ours and of dlt has copies of its own."""

    folder: Path
    server: PostgresServer

    def prepare(self) -> None:
        with psycopg.connect(self.server.url(), autocommit=True) as connection:
            for role in ("anon", "authenticated", "service_role"):
                connection.execute(f"create role {role} nologin")
        oficialmed, ops = (self.server.create_database(name) for name in DATABASES)
        with psycopg.connect(oficialmed) as connection:
            build_oficialmed(connection)
        runner.upgrade(History("oficialmed"), oficialmed)
        runner.upgrade(OPS, ops)

    def speed(self, leads: int, rounds: int, *, dlt: bool) -> None:
        slice_ = min(SLICE, leads)
        found: dict[str, list[Figure]] = {}

        def take(name: str, figure: Figure) -> None:
            found.setdefault(name, []).append(figure)

        for _ in range(rounds):
            with self.crm(slice_) as crm:
                take("one call", step("latency", crm))
                take("one after another", step("sequential", crm))
            with self.crm(leads) as crm:
                take("bare asyncio", step("bare", crm))
            with self.crm(leads) as crm, self.databases() as urls:
                take("ours", self.watched(crm, urls))
                take("ours again", step("sync", crm | urls))
            if dlt:
                with self.crm(leads) as crm, self.databases() as urls:
                    take("dlt, parallel", by_dlt(crm | urls))
        figures = {
            name: {key: median(one[key] for one in taken) for key in taken[0]}
            for name, taken in found.items()
        }
        figures["one after another"]["seconds"] *= leads / slice_
        report(figures, leads, with_dlt=dlt)

    def limiter(self) -> None:
        for parties in (1, 2):
            with self.databases() as urls:
                found = step(f"limiter-{parties}", urls)
            print(
                f"an hour at {limiter.RATE} a minute, {parties} on one token: {found['share']:.1%} of the rate used"
                f" (at least 97 %), {found['throttled']:.0f} calls throttled (0), at most {found['busiest']:.0f} in any"
                f" 60 s (at most {limiter.RATE})"
            )

    def memory(self, leads: int) -> None:
        with self.crm(leads, latency=0.0) as crm, self.databases() as urls:
            found = step("sync", crm | urls)
        print(
            f"{leads:,} leads without latency: {found['peak']:.0f} MiB peak (below 200), {found['seconds']:.1f} s"
        )

    def watched(self, crm: Mapping[str, str], urls: Mapping[str, str]) -> Figure:
        """A first sync, and what the CRM and Postgres used of the processor meanwhile."""
        before = _cpu_of(int(crm["CRM_PID"])), self._postgres_cpu()
        found = step("sync", {**crm, **urls})
        after = _cpu_of(int(crm["CRM_PID"])), self._postgres_cpu()
        return found | {"crm_cpu": after[0] - before[0], "postgres_cpu": after[1] - before[1]}

    def _postgres_cpu(self) -> float:
        """Seconds of the server and its sessions, of ended ones too."""
        with psycopg.connect(self.server.url()) as connection:
            (folder,) = connection.execute("show data_directory").fetchone() or ("",)
        pid = int((Path(folder) / "postmaster.pid").read_text().split("\n", 1)[0])
        living = sum(_cpu_of(child.pid) for child in psutil.Process(pid).children())
        ended = psutil.Process(pid).cpu_times()
        return ended.user + ended.system + ended.children_user + ended.children_system + living

    @contextmanager
    def databases(self) -> Iterator[dict[str, str]]:
        """Copies of the databases, as settings."""
        names = {f"{name.upper()}_DATABASE_URL": f"{name}_copy" for name in DATABASES}
        for name in DATABASES:
            self.server.create_database(f"{name}_copy", template=name)
        home = tempfile.mkdtemp(dir=self.folder)
        urls = {setting: self.server.url(name) for setting, name in names.items()}
        yield {**urls, "LANDING_URL": home, "SYNC_ENV": "development", "SPRINTHUB_RATE_PER_MINUTE": "0"}
        for name in names.values():
            self.server.drop_database(name)

    @contextmanager
    def crm(self, leads: int, latency: float = LATENCY_SECONDS) -> Iterator[dict[str, str]]:
        """A CRM with so many leads in one segment, as settings."""
        ready = Path(tempfile.mkdtemp(dir=self.folder)) / "ready"
        command = [sys.executable, "-m", "benchmarks.sprinthub.crm", str(ready), str(leads), str(latency)]
        process = subprocess.Popen(command, cwd=HERE)
        try:
            while not ready.exists():
                time.sleep(0.05)
            yield {**json.loads(ready.read_text()), "CRM_PID": str(process.pid)}
        finally:
            process.terminate()
            process.wait()


def report(figures: Mapping[str, Figure], leads: int, *, with_dlt: bool) -> None:
    ours, again = figures["ours"], figures["ours again"]
    one_call = figures.pop("one call")["seconds"]
    limit = ours["calls"] / calls.IN_FLIGHT * one_call
    print(f"{leads:,} leads, {one_call * 1000:.1f} ms a call, {calls.IN_FLIGHT} at once:")
    print(f"  {'limit of latency':<20}{limit:7.2f} s {leads / limit:8.0f} leads/s")
    for name, found in figures.items():
        seconds = found["seconds"]
        print(f"  {name:<20}{seconds:7.2f} s {leads / seconds:8.0f} leads/s")
    ratios = {
        "ours / one after another": (figures["one after another"]["seconds"] / ours["seconds"], "at least 8"),
        "share of the limit": (limit / ours["seconds"], "0.65 would be fine"),
        "ours / bare asyncio": (figures["bare asyncio"]["seconds"] / ours["seconds"], ""),
        "calls of a rerun / of the first": (again["calls"] / ours["calls"], "at most 0.02"),
        "time of a rerun / of the first": (again["seconds"] / ours["seconds"], ""),
    }
    if with_dlt:
        ratios["ours / dlt, parallel"] = (figures["dlt, parallel"]["seconds"] / ours["seconds"], "above 1")
    for name, (ratio, wanted) in ratios.items():
        print(f"  {name:<34} {ratio:7.3f}   ({wanted})" if wanted else f"  {name:<34} {ratio:7.3f}")
    used = {"ours": ours["cpu"], "the CRM": ours["crm_cpu"], "Postgres": ours["postgres_cpu"]}
    shares = ", ".join(f"{name} {seconds / ours['seconds']:.0%}" for name, seconds in used.items())
    print(f"  of a core were used by {shares}; {os.cpu_count()} cores")
    if not with_dlt:
        print("  dlt was left out: --dlt makes an environment for it")


def step(name: str, environment: Mapping[str, str]) -> Figure:
    """The figures of a step in a process of its own."""
    return _run([sys.executable, "-m", "benchmarks.sprinthub", "--step", name], environment)


def by_dlt(environment: Mapping[str, str]) -> Figure:
    """The same by dlt, in its environment, which is made the first time."""
    python = DLT / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(DLT)], check=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "dlt[postgres]>=1,<2", "httpx"], check=True
        )
    own = {
        "EXTRACT__WORKERS": str(calls.IN_FLIGHT),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "ERROR",
    }
    return _run([str(python), str(Path(__file__).with_name("dlt_path.py"))], {**environment, **own})


def _run(command: list[str], environment: Mapping[str, str]) -> Figure:
    whole = {**os.environ, **environment}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=HERE, env=whole)
    result: Figure = json.loads(done.stdout.splitlines()[-1])
    return result


def sync() -> Figure:
    """A run of the segment as the asset makes it: claimed, listed, detailed, proved, logged."""
    from sync_pipelines.settings import read_as
    from sync_pipelines.settings.sprinthub import SprinthubSettings
    from sync_pipelines.sprinthub.pipeline import SegmentSync

    pipeline = SegmentSync.from_settings(read_as(SprinthubSettings, None))
    pipeline.access.client(
        "warm"
    ).http.close()  # loads its library, as the loops' clients did before their time began
    began, cpu = time.perf_counter(), time.process_time()
    outcome = pipeline.sync(SEGMENT, run_id=f"bench-{began}")
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    assert not outcome.errors
    return {"seconds": seconds, "cpu": cpu, "leads": outcome.leads, "calls": outcome.calls}


def _own_use() -> Figure:
    return {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _cpu_of(pid: int) -> float:
    """Seconds of a process; 0 where it has ended."""
    with suppress(psutil.NoSuchProcess):
        times = psutil.Process(pid).cpu_times()
        return times.user + times.system
    return 0.0


STEPS: dict[str, Callable[[], Figure]] = {
    "sync": sync,
    "latency": calls.latency,
    "sequential": calls.sequential,
    "bare": calls.bare,
    "limiter-1": lambda: limiter.hour(1),
    "limiter-2": lambda: limiter.hour(2),
}

if __name__ == "__main__":
    main()
