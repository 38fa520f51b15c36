"""A run that is cancelled ends at once, whatever it waits for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import psycopg
import pytest

from sync_pipelines.lib.cancellation import Cancellation
from sync_pipelines.lib.interruptions import InterruptedRunError
from sync_pipelines.sprinthub.pipeline import SegmentSync
from sync_pipelines_tests.sprinthub.installation import Installed


@pytest.mark.parametrize(
    "fault", ["list_throttled", "list_hang", "list_server_error", "detail_throttled", "detail_hang"]
)
def test_a_cancelled_run_ends_at_once_whatever_the_crm_makes_it_wait_for(
    installed: Installed, fault: str
) -> None:
    installed.crm.tenant.add_segment(7, leads=30)
    installed.add_control()
    installed.crm.fail(fault)
    kind, _, _ = fault.partition("_")
    assert _interrupted(installed, lambda: installed.crm.calls.count(kind) > 0) < 10
    status, message, _ = installed.log()
    assert status == "error"
    assert "foi interrompida" in message
    assert installed.value("select status from public.sync_segments_control") == "active"


def test_a_cancelled_run_does_not_wait_for_somebodys_lock(installed: Installed, oficialmed_url: str) -> None:
    installed.crm.tenant.add_segment(7, leads=3)
    installed.add_control()
    (lead, *_) = installed.truth()
    installed.oficialmed.execute("insert into api.leads (id) values (%s)", (lead,))
    waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    with psycopg.connect(oficialmed_url) as other:
        other.execute("select from api.leads for update")
        assert _interrupted(installed, lambda: installed.value(waiting) > 0) < 10
    assert "foi interrompida" in installed.log()[1]


def _interrupted(installed: Installed, is_time: Callable[[], bool]) -> float:
    """Cancel a run with production's waits when it is time; returns the seconds until it ended."""
    cancellation, ended = Cancellation(), []
    sync = SegmentSync.from_settings(installed.settings)

    def work() -> None:
        try:
            installed.sync(pipeline=sync, cancellation=cancellation)
        except BaseException as error:
            ended.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    while not is_time() and thread.is_alive():
        pass
    began = time.monotonic()
    cancellation.cancel()
    thread.join(60)
    assert [type(error) for error in ended] == [InterruptedRunError]
    return time.monotonic() - began
