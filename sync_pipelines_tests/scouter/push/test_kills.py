"""A worker that dies between what it sent and what it wrote about it: the next one does the rest, and only that."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import UTC, date, datetime

import pytest

from sync_pipelines.sandbox.scouter.database import with_dirt_rules
from sync_pipelines.scouter.export_jobs.orphans import MAX_ATTEMPTS
from sync_pipelines_tests.scouter.installation import FIRST, Installation

DAY = date(2025, 10, 21)
NOON = datetime(2025, 10, 21, 15, tzinfo=UTC)
BAD = range(0, 200, 17)
#: A worker that says when it is before a commit and is then killed; what it is told comes by its standard input.
WORKER = """
import json, sys
from dataclasses import replace
from sync_pipelines.scouter.push.pipeline import LeadPush
from sync_pipelines.systems import read_settings
told = json.loads(sys.stdin.readline())
seen = []
def before_commit(moment):
    seen.append(1)
    if len(seen) == told["commit"]:
        print("here", flush=True)
        sys.stdin.readline()
push = replace(LeadPush.from_settings(read_settings(None, **told["settings"])), probe=before_commit)
with push.open("killed", job_id=told["job"]) as run:
    for day in run.days:
        run.push_day(day)
    run.close()
"""


class Killed(BaseException):
    """The test's own end of a worker."""


def kill_at(installation: Installation, commit: int) -> None:
    seen: list[int] = []

    def hook() -> None:
        seen.append(1)
        if len(seen) == commit:
            raise Killed

    installation.hook(hook)


def dirty(installation: Installation) -> None:
    """Two hundred leads of one day and twenty without a day, some of which the destination rejects."""
    installation.use(scouter_batch_size=10, scouter_in_flight=2)
    with_dirt_rules(installation.gestao)
    installation.leads(range(200), NOON)
    installation.leads([*BAD], NOON, age=1999)
    installation.leads(range(200, 220), None)


def assert_done(installation: Installation, job_id: str) -> None:
    """Everything is there but what is rejected, each rejected lead has one row, and the counters say just that."""
    good = [FIRST + n for n in range(220) if n not in BAD]
    assert list(installation.there()) == good
    assert [row["lead_id"] for row in installation.errors()] == [FIRST + n for n in BAD]
    assert installation.counters(job_id) == ("completed", 220, len(good), len(BAD))


@pytest.mark.parametrize("commit", [1, 2, 5])
def test_a_worker_that_dies_before_a_commit_is_taken_up(installation: Installation, commit: int) -> None:
    dirty(installation)
    job_id = installation.create(DAY, None)
    kill_at(installation, commit)
    with pytest.raises(Killed):
        installation.run(job_id, "first")
    job = installation.job(job_id)
    assert job.status == "running"
    assert job.exported_leads < len(installation.there())  # something was sent that nobody counted
    assert len(installation.errors()) == job.error_leads
    assert installation.reap() == [(job_id, "pending", "first")]
    installation.hook(lambda: None)
    installation.run(job_id, "second")
    assert_done(installation, job_id)
    assert installation.job(job_id).run_ids == ["first", "second"]


def test_a_worker_that_dies_every_time_is_given_up(installation: Installation) -> None:
    dirty(installation)
    job_id = installation.create(DAY, None)
    statuses = []
    for attempt in range(MAX_ATTEMPTS):
        kill_at(installation, 2)
        with pytest.raises(Killed):
            installation.run(job_id, f"run-{attempt}")
        ((_, status, _),) = installation.reap()
        statuses.append(status)
    assert statuses == ["pending", "pending", "failed"]
    job = installation.job(job_id)
    assert job.pause_reason is not None
    assert "3 vezes" in job.pause_reason
    installation.hook(lambda: None)
    installation.actions().reset(job_id)
    installation.run(job_id)
    assert_done(installation, job_id)


def test_a_worker_that_dies_while_it_catches_up_counts_nothing_twice(installation: Installation) -> None:
    installation.use(scouter_batch_size=10)
    installation.leads(range(100), NOON)
    job_id = installation.create(DAY, DAY)
    for number in range(30):
        installation.edit(FIRST + number, etapa="Ligou")
    with pytest.raises(Killed), installation.push.open("first", job_id=job_id) as run:
        for day in run.days:
            run.push_day(day)
        run.engine.probe = lambda _moment: (_ for _ in ()).throw(Killed)
        run.close()
    assert installation.counters(job_id) == ("running", 70, 70, 0)
    installation.reap()
    installation.run(job_id, "second")
    assert installation.counters(job_id) == ("completed", 70, 70, 0)
    assert installation.there("etapa")[FIRST] == "Ligou"
    assert len(installation.there()) == 100


def test_what_was_accepted_and_is_refused_when_it_is_sent_again_moves_from_one_counter_to_the_other(
    installation: Installation,
) -> None:
    installation.use(scouter_batch_size=10, scouter_in_flight=1)
    installation.leads(range(300), NOON)
    installation.leads([297], NOON, age=1999)
    job_id = installation.create(DAY, DAY)
    kill_at(installation, 2)
    with pytest.raises(Killed), installation.push.open("first", job_id=job_id) as run:
        run.push_day(DAY)
    counted = installation.job(job_id).exported_leads
    assert counted >= 10  # lead 297 is among the first ten of the push
    installation.reap()
    installation.gestao.execute("delete from public.leads")
    with_dirt_rules(installation.gestao)
    installation.hook(lambda: None)
    installation.run(job_id, "second")
    assert installation.counters(job_id) == ("completed", 300, 299, 1)
    assert [row["lead_id"] for row in installation.errors()] == [FIRST + 297]


@pytest.mark.parametrize("commit", [1, 3])
def test_a_process_that_is_killed_is_taken_up(installation: Installation, commit: int) -> None:
    dirty(installation)
    job_id = installation.create(DAY, None)
    settings = installation.settings.model_dump(include={"sync_env", "gestao_scouter_url"}) | {
        "scouter_batch_size": 10,
        "scouter_in_flight": 2,
        "ops_database_url": installation.settings.require("ops_database_url"),
        "tabuladormax_database_url": installation.settings.require("tabuladormax_database_url"),
        "gestao_scouter_service_key": installation.postgrest.service_key,
    }
    with subprocess.Popen(
        [sys.executable, "-c", WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(json.dumps({"job": job_id, "commit": commit, "settings": settings}) + "\n")
        worker.stdin.flush()
        assert worker.stdout.readline() == "here\n"
        assert installation.reap() == []  # it lives
        worker.send_signal(signal.SIGKILL)
    # The server sees the end of its session a moment later: this waits for it.
    lock = "select pg_advisory_{}(hashtextextended(%s, 0))"
    installation.tab.execute(lock.format("lock").encode(), [job_id])
    installation.tab.execute(lock.format("unlock").encode(), [job_id])
    assert installation.reap() == [(job_id, "pending", "killed")]
    installation.run(job_id, "second")
    assert_done(installation, job_id)
