"""Commands in processes of their own: one is killed in the middle of the details, one has a large segment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sync_pipelines_tests.slow.conftest import VARIABLES, until
from sync_pipelines_tests.sprinthub.installation import Installed, adds_up

pytestmark = pytest.mark.slow

#: Runs the command line and says how much memory it took at most, in KiB. Not by getrusage: its peak begins with that
#: of the process which started this one, and a test session is large.
MEASURED = """
import re, sys
from pathlib import Path
from sync_pipelines.cli.app import app
status = 0
try:
    app()
except SystemExit as ended:
    status = ended.code or 0
print("peak", re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
sys.exit(status)
"""


def start(installed: Installed, home: Path, *command: str) -> subprocess.Popen[str]:
    settings = installed.settings
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES} | {
        "OFICIALMED_DATABASE_URL": settings.oficialmed_url,
        "OPS_DATABASE_URL": settings.ops_url,
        "LANDING_URL": settings.landing_url,
        "SPRINTHUB_BASE_URL": settings.base_url,
        "SPRINTHUB_API_TOKEN": settings.api_token,
        "SPRINTHUB_INSTANCE": settings.instance,
        "SPRINTHUB_RATE_PER_MINUTE": "0",
        "DAGSTER_HOME": str(home),
    }
    return subprocess.Popen(
        [sys.executable, "-c", MEASURED, *command],
        cwd=home,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def free(installed: Installed) -> bool:
    """Whether the server has noticed that the process is gone."""
    query = "select count(*) from pg_locks where locktype = 'advisory' and pid <> pg_backend_pid()"
    return bool(installed.value(query) == 0)


def test_a_run_that_is_killed_in_the_middle_goes_on_with_the_calls_that_were_left(
    installed: Installed, tmp_path: Path
) -> None:
    installed.crm.tenant.add_segment(7, leads=400)
    installed.add_control()
    victim = start(installed, tmp_path, "run", "sprinthub", "--segment", "7")
    installed.crm.before_detail(350, lambda: os.kill(victim.pid, signal.SIGKILL))
    output, _ = victim.communicate(timeout=120)
    assert victim.returncode == -signal.SIGKILL, output
    until(lambda: free(installed), "the end of its locks")
    loaded = {lead for (lead,) in installed.rows("select lead_id from sync_private.lead_details")}
    # What came in the last quarter of a second was not committed yet.
    assert 0 < len(loaded) < 350
    assert installed.rows("select status from public.sync_segments_logs") == [("running",)]
    assert installed.rows("select status, last_execution from public.sync_segments_control") == [
        ("active", None)
    ]

    installed.crm.calls.clear()
    second = start(installed, tmp_path, "run", "sprinthub")
    output, _ = second.communicate(timeout=120)
    assert second.returncode == 0, output
    assert sorted(installed.crm.calls.subjects("detail")) == sorted(installed.truth() - loaded)
    log = installed.rows("select status, stats ->> 'up_to_date' from public.sync_segments_logs order by id")
    assert log == [("error", None), ("success", str(len(loaded)))]
    assert installed.value("select count(*) from api.leads") == 400
    assert installed.members() == installed.truth()
    assert installed.value("select status from public.sync_segments_control") == "active"
    assert installed.crm.token not in output


def test_a_segment_of_twenty_thousand_leads_takes_less_than_200_mb(
    installed: Installed, tmp_path: Path
) -> None:
    installed.crm.tenant.add_segment(7, leads=20_000)
    installed.add_control()
    run = start(installed, tmp_path, "run", "sprinthub")
    output, _ = run.communicate(timeout=900)
    assert run.returncode == 0, output
    assert installed.value("select count(*) from sync_private.lead_details") == 20_000
    peak = int(output.rpartition("peak ")[2])
    assert peak < 200 << 10, f"{peak >> 10} MiB"
    # A second run makes the calls of the list, at most 2 % of the first one's.
    before = installed.crm.calls.count()
    installed.crm.calls.clear()
    outcome = installed.sync()
    assert (outcome.up_to_date, adds_up(outcome)) == (20_000, True)
    assert installed.crm.calls.count() <= 0.02 * before
