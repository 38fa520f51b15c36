"""What Dagster itself costs: a range run over 108 months beside the same months without it, and the import."""

import os
import subprocess
import sys
from pathlib import Path

from sync_pipelines.lib.postgres.embedded import PostgresServer

HERE = Path(__file__).resolve().parents[1]
ASSETS = 4

IMPORTS = {
    "dagster": "import dagster, dagster_postgres",
    "location": "import sync_pipelines.definitions",
}
#: The months are loaded already, so that the run measures bookkeeping only.
RUN = """
import resource, sys, time
from sync_pipelines.hitss.defs import definitions as system
from sync_pipelines.hitss.dre.pipeline import DrePipeline
from sync_pipelines.lib.orchestration import in_process
from sync_pipelines.settings import read_as
from sync_pipelines.settings.hitss import HitssSettings
settings = read_as(HitssSettings, None)
dre = DrePipeline.from_settings(settings)
months = sorted(dre.contents(dre.newest_landing()))
started = time.perf_counter()
with dre.load("bench", months) as run:
    for month in months:
        run.load(month)
bare = time.perf_counter() - started
with in_process.instance(settings.installation, print) as instance:
    started = time.perf_counter()
    done = in_process.materialize(system.definitions(settings, dre), "hitss_load", instance, config={},
                                  partitions=(months[0], months[-1]))
    assert not done.problems, done.problems
    print((time.perf_counter() - started - bare) * 1000 / len(months) / 4)
"""


def measure(folder: Path, server: PostgresServer) -> None:
    """Print milliseconds a month and asset, and the ratio of import times."""
    home = folder / "dagster"
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_bytes((HERE / "dagster.yaml").read_bytes())
    server.create_database("dagster")
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(home),
        "DAGSTER_PG_URL": server.socket_url("dagster"),
        "DAGSTER_EVENT_BATCH_SIZE": "200",
        "FABRICIO_DATABASE_URL": server.url("bench_0"),
        "OPS_DATABASE_URL": server.url("bench_ops_0"),
        "LANDING_URL": str(folder / "landing"),
    }
    done = subprocess.run(
        [sys.executable, "-c", RUN], env=environment, check=True, capture_output=True, text=True, cwd=folder
    )
    print(f"  Dagster, a month and asset  {float(done.stdout.split()[-1]):6.1f} ms   (at most 60)")
    cpu = {name: min(_cpu(code, environment) for _ in range(3)) for name, code in IMPORTS.items()}
    print(f"  import definitions / dagster{cpu['location'] / cpu['dagster']:6.2f}   (at most 1.6)")


def _cpu(code: str, environment: dict[str, str]) -> float:
    """CPU seconds of a fresh interpreter that runs `code`."""
    report = f"{code}; import resource; r = resource.getrusage(resource.RUSAGE_SELF); print(r.ru_utime + r.ru_stime)"
    done = subprocess.run(
        [sys.executable, "-c", report], env=environment, check=True, capture_output=True, text=True
    )
    return float(done.stdout.split()[-1])
