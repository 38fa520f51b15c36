"""The doctor before what alerts leave by and leads go to, and before a machine on which nothing runs by itself."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pyrage
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sync_pipelines.aimindset import doctor as aimindset
from sync_pipelines.doctor import diagnose, machine
from sync_pipelines.lib.findings import Inquiry
from sync_pipelines.lib.http.key_set import PATH
from sync_pipelines.sandbox.servers import BackgroundServer
from sync_pipelines.scouter import doctor as scouter
from sync_pipelines.systems import read_settings

OPS = "postgresql://u@127.0.0.1:1/ops"
AWAY = "postgresql://u:uma-senha-longa@db.example.com:5432/postgres"
HERE = (
    "postgresql://u@127.0.0.1:5432/x",
    "postgresql+psycopg2://u@localhost/x",
    "postgresql://u@/x?host=/var/run/postgresql",
)


@pytest.mark.parametrize("url", HERE)
def test_a_development_beside_local_databases_is_right(url: str) -> None:
    found = machine.automation(read_settings(None, fabricio_database_url=url, ops_database_url=OPS))
    assert found.ok
    assert "switched off" in found.sentence


def test_a_development_beside_a_real_database_is_wrong_and_says_what_to_set() -> None:
    values = {"fabricio_database_url": HERE[0], "aimindset_database_url": AWAY, "ops_database_url": OPS}
    found = machine.automation(read_settings(None, **values))
    assert not found.ok
    assert "AIMINDSET_DATABASE_URL is not on this machine" in found.sentence
    assert "Set SYNC_ENV=production" in found.sentence
    assert "uma-senha-longa" not in found.sentence
    assert machine.automation(read_settings(None, sync_env="production", **values)).ok


def test_the_doctor_asks_the_mail_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    values = read_settings(None, smtp_url=f"smtp://127.0.0.1:{port}", alert_email_to="a@b.example")
    wrong = [found.sentence for found in diagnose(values) if not found.ok]
    assert any(sentence.startswith("SMTP_URL: The mail server does not answer") for sentence in wrong)


@pytest.mark.parametrize(("body", "ok"), [({"keys": []}, True), ({"nothing": 1}, False)])
def test_the_key_set_of_tabuladormax_is_fetched(body: dict[str, object], ok: bool) -> None:
    def answer(_request: Request) -> JSONResponse:
        return JSONResponse(body)

    with BackgroundServer(Starlette(routes=[Route(PATH, answer)])) as server:
        values = read_settings(None, tabuladormax_project_url=server.url)
        assert [found.ok for found in scouter.key_set(values)] == [ok]
    (gone,) = scouter.key_set(values)
    assert not gone.ok
    assert gone.sentence.startswith("TABULADORMAX_PROJECT_URL: ")


def test_what_is_not_configured_is_not_asked() -> None:
    nothing = read_settings(None)
    assert list(scouter.key_set(nothing)) == []
    assert list(scouter.checks(nothing, Inquiry())[:-1]) == []


def test_the_folder_of_dagster_is_looked_at(tmp_path: Path) -> None:
    production = read_settings(None, sync_env="production", ops_database_url=OPS)

    def told(home: str | None) -> tuple[bool, str]:
        (found,) = machine.dagster_home(production, home)
        return found.ok, found.sentence

    assert told(None)[0] is False
    assert told("dagster") == (False, "DAGSTER_HOME: dagster is not a whole path: begin it with /")
    assert "mkdir -p -m 700" in told(str(tmp_path / "home"))[1]
    assert "holds no dagster.yaml" in told(str(tmp_path))[1]
    (tmp_path / "dagster.yaml").touch()
    assert told(str(tmp_path))[0] is True
    assert next(machine.dagster_home(read_settings(None, ops_database_url=OPS), None)).ok


def test_keys_of_archives_that_do_not_fit_are_named_and_not_shown() -> None:
    key, other = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    values = {"aimindset_database_url": HERE[0], "ops_database_url": OPS}

    def told(**given: str) -> tuple[bool, str]:
        (found,) = aimindset.backups(read_settings(None, **values, **given), Inquiry())
        assert str(key) not in found.sentence
        assert str(other) not in found.sentence
        return found.ok, found.sentence

    recipient = str(key.to_public())
    assert told()[0] is True
    assert told(archive_age_recipient=recipient)[0] is True
    assert told(archive_age_recipient=recipient, archive_age_identity=str(key))[0] is True
    ok, said = told(archive_age_recipient=recipient, archive_age_identity=str(other))
    assert (ok, "does not belong to" in said) == (False, True)
    assert told(archive_age_recipient="age1nonsense") == (
        False,
        "ARCHIVE_AGE_RECIPIENT: it is no age recipient; it begins with age1",
    )
    assert told(archive_age_recipient=recipient, archive_age_identity="AGE-SECRET-KEY-1QQQQ")[0] is False


def test_the_place_of_drills_and_the_way_of_alerts_are_asked(
    new_database: Callable[[str | None], str],
) -> None:
    url = new_database(None)
    values = {"aimindset_database_url": HERE[0], "ops_database_url": OPS}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        project = f"http://127.0.0.1:{listener.getsockname()[1]}"
        good = read_settings(None, scratch_database_url=url, aimindset_project_url=project, **values)
        assert all(found.ok for found in aimindset.backups(good, Inquiry()))
    gone = read_settings(
        None,
        scratch_database_url="postgresql://u@127.0.0.1:1/postgres",
        aimindset_project_url=project,
        **values,
    )
    wrong = [found.sentence for found in aimindset.backups(gone, Inquiry()) if not found.ok]
    assert [sentence.split(":")[0] for sentence in wrong] == ["SCRATCH_DATABASE_URL", "AIMINDSET_PROJECT_URL"]
