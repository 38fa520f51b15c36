"""An archive of a million rows beside pg_dump, and a drill beside its bare parts: `python -m benchmarks.archive`.

The embedded pg_dump is built without zstd, so the peer is `pg_dump -Fc -Z0` whose output python-zstandard compresses
at level 3 in this process, as it comes. Every figure is a process of its own against one embedded Postgres.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from benchmarks.mirror import _FILL, make
from sync_pipelines.lib.postgres.embedded import PostgresServer
from sync_pipelines.lib.postgres.embedded_binaries import installed_binaries

HERE = Path(__file__).resolve().parents[1]
TABLE = "public.dre_hitss"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--step", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        name, folder, source, scratch = given.step
        seconds = STEPS[name](Path(folder), source, scratch)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds": seconds, "peak": peak}))
        return
    with tempfile.TemporaryDirectory() as folder, PostgresServer(Path(folder) / "postgres") as server:
        measure(Path(folder), server, given.rows)


def measure(folder: Path, server: PostgresServer, rows: int) -> None:
    source = server.create_database("source")
    make(source, "seed")
    with psycopg.connect(source, autocommit=True) as connection:
        connection.execute(_FILL, {"rows": rows})
        connection.execute("vacuum (full, analyze) public.dre_hitss")
    found = {}
    for name in ("pg_dump", "archive", "bare_dump", "bare_restore", "bare_compare", "drill"):
        found[name] = step(name, folder, source, scratch=server.create_database(f"scratch_{name}"))
    print(f"archive of {rows:,} rows of {TABLE}, 13 columns:")
    for name, one in found.items():
        print(f"  {name:<13}{one['seconds']:8.2f} s {one['peak']:6.0f} MiB peak")
    ours, theirs = found["archive"]["seconds"], found["pg_dump"]["seconds"]
    print(f"  archive and proof / pg_dump with zstd     {ours / theirs:6.2f}   (at most 1.5)")
    bare = sum(found[name]["seconds"] for name in ("bare_dump", "bare_restore", "bare_compare"))
    whole = ours + found["drill"]["seconds"]
    print(f"  archive, drill, comparison / bare parts   {whole / bare:6.2f}   (at most 1.4)")


def step(name: str, folder: Path, source: str, scratch: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.archive", "--step", name, str(folder), source, scratch]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=HERE)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def pg_dump(folder: Path, source: str, scratch: str) -> float:
    import zstandard

    started = time.perf_counter()
    command = [installed_binaries() / "pg_dump", "-Fc", "-Z0", "-t", TABLE, source]
    compressor = zstandard.ZstdCompressor(level=3, threads=1)
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE) as dump,
        (folder / "peer.zst").open("wb") as file,
    ):
        assert dump.stdout is not None
        compressor.copy_stream(dump.stdout, file, read_size=1 << 20)
    assert dump.returncode == 0
    return time.perf_counter() - started


def archive(folder: Path, source: str, scratch: str) -> float:
    """Snapshot, COPY, file, manifest; then every file read back and compared."""
    from sync_pipelines.aimindset.database import open_snapshot
    from sync_pipelines.lib.archive.verify import find_problems
    from sync_pipelines.lib.archive.write import ArchiveWriter
    from sync_pipelines.lib.storage.folder_store import FolderStore

    store = FolderStore(folder / "landing")
    started = time.perf_counter()
    with open_snapshot(source) as snapshot:
        writer = ArchiveWriter(snapshot.connection, store, "archives")
        writer.write("one", [TABLE], made_at=datetime.now(UTC), run_id="bench")
    assert find_problems(store, "archives/one") == []
    return time.perf_counter() - started


def drill(folder: Path, source: str, scratch: str) -> float:
    from sync_pipelines.lib import postgres
    from sync_pipelines.lib.archive import restore
    from sync_pipelines.lib.archive.manifest import read_archive
    from sync_pipelines.lib.storage.folder_store import FolderStore

    store = FolderStore(folder / "landing")
    started = time.perf_counter()
    with postgres.connect(scratch, what="scratch") as connection:
        restored = restore.restore(
            connection, store, "archives/one", archive=read_archive(store, "archives/one")
        )
    assert restored.differences == ()
    return time.perf_counter() - started


def bare_dump(folder: Path, source: str, scratch: str) -> float:
    """COPY to a file, as it is."""
    started = time.perf_counter()
    command = f"copy {TABLE} to stdout"
    with (folder / "bare.copy").open("wb") as file:
        subprocess.run([installed_binaries() / "psql", "-qc", command, source], stdout=file, check=True)
    return time.perf_counter() - started


def bare_restore(folder: Path, source: str, scratch: str) -> float:
    """COPY from the file into a table with the same primary key."""
    with psycopg.connect(scratch, autocommit=True) as connection:
        connection.execute(
            "create table public.dre_hitss (id bigint, execution_id text, conta text, descricao text,"
            " valor numeric(15, 2), tipo text, periodo text, empresa text, sync_source varchar(50),"
            " last_sync_at timestamptz,"
            " sync_hash varchar(64), created_at timestamptz, updated_at timestamptz)"
        )
    started = time.perf_counter()
    command = f"copy {TABLE} from stdin"
    with (folder / "bare.copy").open("rb") as file:
        subprocess.run([installed_binaries() / "psql", "-qc", command, scratch], stdin=file, check=True)
    with psycopg.connect(scratch, autocommit=True) as connection:
        connection.execute("alter table public.dre_hitss add primary key (id)")
    return time.perf_counter() - started


def bare_compare(folder: Path, source: str, scratch: str) -> float:
    """COPY the restored table out again, and compare the bytes of both files."""
    started = time.perf_counter()
    command = f"copy {TABLE} to stdout"
    with (folder / "again.copy").open("wb") as file:
        subprocess.run([installed_binaries() / "psql", "-qc", command, source], stdout=file, check=True)
    subprocess.run(["cmp", folder / "bare.copy", folder / "again.copy"], check=True)
    return time.perf_counter() - started


STEPS: dict[str, Callable[[Path, str, str], float]] = {
    "pg_dump": pg_dump,
    "archive": archive,
    "drill": drill,
    "bare_dump": bare_dump,
    "bare_restore": bare_restore,
    "bare_compare": bare_compare,
}

if __name__ == "__main__":
    main()
