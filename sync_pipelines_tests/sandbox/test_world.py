"""The sandbox as a whole: its databases, its processes, and the environment that names them."""

from __future__ import annotations

import email.policy
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from sync_pipelines.lib import processes
from sync_pipelines.migrations import runner
from sync_pipelines.migrations.history import OPS
from sync_pipelines.sandbox import common
from sync_pipelines.sandbox.world import Sandbox
from sync_pipelines.systems import whole_class
from sync_pipelines_tests.parts import PARTS

#: The fakes by name, those of every system.
UPSTREAMS = {upstream.name: upstream for part in (common.PART, *PARTS) for upstream in part.upstreams}
REAL_DATABASE = "postgresql://someone:uma-senha-longa@db.example/projeto"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox that runs; the variables of the machine are not for these tests."""
    made = Sandbox(tmp_path_factory.mktemp("world") / "home", PARTS, {"scale": 0.05, "wait_seconds": 0})
    with pytest.MonkeyPatch.context() as machine:
        for name in whole_class().model_fields:
            machine.delenv(name.upper(), raising=False)
        try:
            made.start()
            yield made
        finally:
            made.stop()


def note(sandbox: Sandbox, name: str) -> Path:
    return sandbox.home / name / "process.json"


def alert(environment: dict[str, str]) -> httpx.Response:
    return httpx.post(
        f"{environment['AIMINDSET_PROJECT_URL']}/functions/v1/alert-processor",
        headers={"Authorization": f"Bearer {environment['AIMINDSET_SERVICE_KEY']}"},
        json={"type": "critical", "source": "auto_backup_system", "message": "não houve backup"},
    )


def test_an_option_that_no_part_has_is_refused(tmp_path: Path) -> None:
    defaults = Sandbox(tmp_path, PARTS).options
    assert defaults["leads"] != 5
    assert Sandbox(tmp_path, PARTS, {"leads": 5}).options == {**defaults, "leads": 5}
    with pytest.raises(ValueError, match="no option size"):
        Sandbox(tmp_path, PARTS, {"size": 1})


def test_everything_runs_and_every_project_has_a_database(sandbox: Sandbox) -> None:
    assert sandbox.status() == dict.fromkeys(("postgres", *UPSTREAMS), True)
    own = sandbox.environment({})
    for variable, table in (
        ("FABRICIO_DATABASE_URL", "dre_hitss"),
        ("HITSS_DATABASE_URL", "dre_hitss"),
        ("AIMINDSET_DATABASE_URL", "articles"),
    ):
        with psycopg.connect(own[variable]) as connection:
            assert connection.execute("select to_regclass(%s) is not null", (table,)).fetchone() == (True,)
    with psycopg.connect(own["AIMINDSET_DATABASE_URL"]) as connection:
        assert connection.execute("select count(*) from articles").fetchone() == (40,)
    with psycopg.connect(own["SCRATCH_DATABASE_URL"], autocommit=True) as connection:
        connection.execute("create database scratch_of_a_test")
        connection.execute("drop database scratch_of_a_test")


def test_an_alert_of_the_sandbox_ends_in_a_file_that_only_its_owner_may_read(sandbox: Sandbox) -> None:
    own = sandbox.environment({})
    answer = alert(own)

    assert (answer.status_code, answer.json()["emails_sent"]) == (200, 1)
    (path,) = (sandbox.home / "mail" / "mails").glob("*.eml")
    assert path.stat().st_mode & 0o777 == 0o600
    mail = message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert mail["Subject"] == "🚨 [AIMindset] Alerta CRÍTICO - auto_backup_system"
    with psycopg.connect(own["AIMINDSET_DATABASE_URL"]) as connection:
        logged = connection.execute("select count(*) from system_logs where type = 'email'").fetchone()
    assert logged == (1,)


def test_nothing_below_its_home_is_for_others(sandbox: Sandbox) -> None:
    """The ready files hold keys, the process' logs what they say."""
    assert sandbox.home.stat().st_mode & 0o077 == 0
    named = [sandbox.home / name / f"{name}.{kind}" for name in UPSTREAMS for kind in ("json", "log")]
    files = [*named, sandbox.home / "aimindset" / "service_key"]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def test_a_variable_that_is_given_takes_the_whole_fake_out_of_play(sandbox: Sandbox) -> None:
    """A fake endpoint of a real database would say `delivered` of alerts that nobody gets."""
    own = sandbox.environment({})
    endpoints = {"AIMINDSET_PROJECT_URL", "AIMINDSET_SERVICE_KEY", "SANDBOX_AIMINDSET_FAULTS"}

    for name, value in (
        ("AIMINDSET_DATABASE_URL", REAL_DATABASE),
        ("AIMINDSET_SERVICE_KEY", "uma-chave-de-verdade"),
    ):
        mixed = sandbox.environment({name: value})
        assert mixed[name] == value
        assert endpoints.isdisjoint(set(mixed) - {name})
        assert {key: mixed[key] for key in mixed if key != name} == {
            key: own[key] for key in own if key not in endpoints | {name}
        }


def test_a_real_project_or_secret_takes_the_screens_token_out_of_play(sandbox: Sandbox) -> None:
    """The sandbox's secret would let its token into a receiver of a real database."""
    own = sandbox.environment({})
    of_the_screen = {"TABULADORMAX_JWT_SECRET", "SCOUTER_SCREEN_ORIGINS", "SANDBOX_SCREEN_TOKEN"}
    assert of_the_screen <= set(own)
    for name, value in (
        ("TABULADORMAX_DATABASE_URL", REAL_DATABASE),
        ("TABULADORMAX_JWT_SECRET", "um-segredo-de-verdade-de-um-projeto"),
    ):
        mixed = sandbox.environment({name: value})
        assert of_the_screen.isdisjoint(set(mixed) - {name})


def test_its_variables_start_the_receiver_and_its_token_is_let_in(sandbox: Sandbox) -> None:
    own = sandbox.environment({})
    runner.upgrade(OPS, own["OPS_DATABASE_URL"])
    command = [sys.executable, "-m", "sync_pipelines.cli.app", "webhook", "--port", "0"]
    with subprocess.Popen(command, env=os.environ | own, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            lines = (re.search(r"http://127\.0\.0\.1:\d+", line) for line in process.stderr)
            url = next(found[0] for found in lines if found)
            path = f"{url}/functions/v1/validate-gestao-scouter-config"
            headers = {"Authorization": f"Bearer {own['SANDBOX_SCREEN_TOKEN']}"}
            answer = httpx.post(path, headers=headers, timeout=30)
            assert httpx.post(path).status_code == 401
        finally:
            process.terminate()
    assert (answer.status_code, answer.json()["errors"], answer.json()["warnings"]) == (200, [], [])


def test_the_faults_of_a_fake_are_switched_at_its_address(sandbox: Sandbox) -> None:
    own, switches = sandbox.environment({}), sandbox.switches()
    assert set(switches) == {name for name, upstream in UPSTREAMS.items() if upstream.address}
    for name, address in switches.items():
        assert own[f"SANDBOX_{name.upper()}_FAULTS"] == address
    for name in ("hitss", "aimindset", "scouter"):
        address = switches[name]
        assert httpx.post(address, json={"name": "bad_gateway", "times": 1}).status_code == 201
        assert "bad_gateway" in httpx.get(address).text
        httpx.delete(address)


def test_a_second_start_starts_only_what_has_died(sandbox: Sandbox) -> None:
    before = {name: processes.noted(note(sandbox, name)) for name in UPSTREAMS}
    key = sandbox.environment({})["AIMINDSET_SERVICE_KEY"]
    dead = before["aimindset"]
    assert dead is not None
    dead.kill()
    psutil.wait_procs([dead], timeout=10)
    assert sandbox.status()["aimindset"] is False

    sandbox.start()

    after = {name: processes.noted(note(sandbox, name)) for name in UPSTREAMS}
    assert after["aimindset"] not in (None, dead)
    assert (after["mail"], after["hitss"]) == (before["mail"], before["hitss"])
    own = sandbox.environment({})
    assert own["AIMINDSET_SERVICE_KEY"] == key
    assert alert(own).json()["emails_sent"] == 1


@pytest.mark.slow
def test_a_real_mail_server_gets_no_mail_of_a_fake_and_data_and_addresses_stay(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sandbox.environment({})
    with psycopg.connect(sandbox.environment({})["AIMINDSET_DATABASE_URL"]) as connection:
        connection.execute("insert into system_logs (type, message) values ('kept', 'x')")
    sandbox.stop()
    assert sandbox.status() == dict.fromkeys(("postgres", *UPSTREAMS), False)

    # A shell that took its variables is no reason to leave a fake out.
    for name, value in before.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SMTP_URL", "smtp://someone:uma-senha-longa@127.0.0.1:1")
    sandbox.start()

    assert sandbox.status() == dict.fromkeys(("postgres", *UPSTREAMS), True) | {"mail": False}
    assert sandbox.replaced(os.environ) == {"mail"}
    mixed = sandbox.environment(os.environ)
    assert mixed["SMTP_URL"] == os.environ["SMTP_URL"]
    assert mixed == before | {"SMTP_URL": mixed["SMTP_URL"]}
    # The fake has no mail server now, and counts as the real function does without a provider.
    assert alert(mixed).json()["emails_sent"] == 1
    with psycopg.connect(mixed["AIMINDSET_DATABASE_URL"]) as connection:
        assert connection.execute("select count(*) from system_logs where type = 'kept'").fetchone() == (1,)
