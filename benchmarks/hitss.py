"""The DRE from a landed 200,000-row export to proof, beside its floor and the naive way: `make bench`.

Every figure is a process of its own (its memory is its own too) against one embedded Postgres with fsync on.
`--rows 20000` is quicker, `--rounds 3` steadier (medians), `--without-naive` leaves the slow peer out.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from benchmarks import dagster_cost
from sync_pipelines.lib.postgres.embedded import PostgresServer

HERE = Path(__file__).resolve().parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--without-naive", action="store_true")
    parser.add_argument("--step", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        step, folder, url = given.step
        seconds = STEPS[step](Path(folder), url)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds": seconds, "peak": peak}))
        return
    with tempfile.TemporaryDirectory() as folder, PostgresServer(Path(folder) / "postgres") as server:
        measure(Path(folder), server, given.rows, rounds=given.rounds, naive=not given.without_naive)
        dagster_cost.measure(Path(folder), server)


def measure(folder: Path, server: PostgresServer, rows: int, rounds: int, *, naive: bool) -> None:
    step(folder, "", f"generate:{rows}")
    found: dict[str, list[dict[str, float]]] = {}
    order = ["floor", "first", "rerun", "same_sheet", *(["naive"] if naive else [])]
    for number in range(rounds):
        url = server.create_database(f"bench_{number}")
        ops = server.create_database(f"bench_ops_{number}")
        for name in order:
            if name != "naive" or number == 0:
                found.setdefault(name, []).append(step(folder, f"{url} {ops}", name))
    seconds = {name: statistics.median(run["seconds"] for run in runs) for name, runs in found.items()}
    peak = {name: max(run["peak"] for run in runs) for name, runs in found.items()}
    print(f"{rows:,} rows, median of {rounds}:")
    for name in order:
        print(f"  {name:<11}{seconds[name]:8.2f} s {peak[name]:6.0f} MiB peak")
    print(f"  first / floor           {seconds['first'] / seconds['floor']:6.2f}   (at most 1.6)")
    if naive:
        print(f"  naive / first           {seconds['naive'] / seconds['first']:6.2f}   (at least 7)")
    print(f"  rerun / first           {seconds['rerun'] / seconds['first']:6.2f}   (at most 0.75)")
    print(f"  same sheet / first      {seconds['same_sheet'] / seconds['first']:6.2f}   (at most 0.3)")


def step(folder: Path, url: str, name: str) -> dict[str, float]:
    step_name, _, given = name.partition(":")
    command = [sys.executable, "-m", "benchmarks.hitss", "--step", step_name, str(folder), given or url]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=HERE)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def generate(folder: Path, rows: str) -> float:
    """The same rows twice, in two orders and with other ZIP times."""
    from sync_pipelines.sandbox.hitss.export import ExportProfile, generate
    from sync_pipelines.sandbox.hitss.workbook import write_workbook

    # The measured export has 22,304 rows at scale 1.
    export = generate(ExportProfile(scale=int(rows) / 22_304))
    write_workbook(export, folder / "first.xlsx", stamped=datetime(2025, 9, 21, 8, 0))
    write_workbook(export, folder / "other.xlsx", stamped=datetime(2025, 9, 22, 8, 0), orcado_variant=1)
    write_workbook(export, folder / "same.xlsx", stamped=datetime(2025, 9, 23, 8, 0), orcado_variant=1)
    return 0.0


def floor(folder: Path, urls: str) -> float:
    """python-calamine to rows, plus one COPY of the nineteen columns."""
    import psycopg
    from python_calamine import CalamineWorkbook

    from sync_pipelines.hitss.dre.columns import EXPORT_COLUMNS

    types = {"amount": "numeric", "percent": "numeric", "integer": "bigint"}
    columns = ", ".join(f"{column.name} {types.get(column.kind, 'text')}" for column in EXPORT_COLUMNS)
    nullable = {index for index, column in enumerate(EXPORT_COLUMNS) if column.kind == "integer"}
    with psycopg.connect(urls.split(maxsplit=1)[0], autocommit=True) as connection:
        connection.execute("drop table if exists floor")
        connection.execute(f"create table floor ({columns})")
        started = time.perf_counter()
        rows = CalamineWorkbook.from_path(str(folder / "first.xlsx")).get_sheet_by_name("Dados").to_python()
        with connection.cursor() as cursor, cursor.copy("copy floor from stdin") as copy:
            for row in rows[1:]:
                for index in nullable:
                    row[index] = int(row[index]) if row[index] != "" else None
                copy.write_row(row)
        return time.perf_counter() - started


def naive(folder: Path, urls: str) -> float:
    """Pandas with openpyxl and `to_sql`, as a script found on the web would do it."""
    import pandas as pd
    from sqlalchemy import create_engine

    engine = create_engine(urls.split(maxsplit=1)[0])
    started = time.perf_counter()
    frame = pd.read_excel(folder / "first.xlsx", sheet_name="Dados", engine="openpyxl")
    frame.to_sql("naive", engine, if_exists="replace", index=False)
    return time.perf_counter() - started


def ours(book: str, *, prepare: bool) -> Callable[[Path, str], float]:
    """From the landed file to proof: validate, load every table, prove, record."""

    def run(folder: Path, urls: str) -> float:
        from sync_pipelines.hitss.dre.pipeline import DrePipeline
        from sync_pipelines.migrations import runner
        from sync_pipelines.migrations.history import OPS, History
        from sync_pipelines.settings import read_as
        from sync_pipelines.settings.hitss import HitssSettings

        fabricio, ops = urls.split()
        if prepare:
            runner.upgrade(History("fabricio"), fabricio)
            runner.upgrade(OPS, ops)
        settings = read_as(
            HitssSettings,
            None,
            fabricio_database_url=fabricio,
            ops_database_url=ops,
            landing_url=str(folder / "landing"),
        )
        dre = DrePipeline.from_settings(settings)
        with dre.store.incoming("bench", ".xlsx") as path:
            path.write_bytes((folder / book).read_bytes())
            file = dre.store.keep(path, "bench", ".xlsx")
        started = time.perf_counter()
        report = dre.validate("bench", file)
        months = dre.contents(report.landing)
        with dre.load("bench", sorted(months)) as run:
            for month in sorted(months):
                assert all(outcome.proof.holds for outcome in run.load(month).values())
        return time.perf_counter() - started

    return run


STEPS: dict[str, Callable[[Path, str], float]] = {
    "generate": generate,
    "floor": floor,
    "first": ours("first.xlsx", prepare=True),
    "rerun": ours("other.xlsx", prepare=False),
    "same_sheet": ours("same.xlsx", prepare=False),
    "naive": naive,
}

if __name__ == "__main__":
    main()
