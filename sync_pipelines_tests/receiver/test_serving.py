"""The receiver as a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing

import httpx
import psycopg
import pytest

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.http.endpoints import Answer, Credentials, Endpoint, Mount, Setting
from sync_pipelines.lib.records.inbox_pool import InboxPool
from sync_pipelines.receiver.app import HEALTH_PATH, Options
from sync_pipelines.receiver.limits import networks_of
from sync_pipelines.receiver.serving import build, options_of, serve
from sync_pipelines.scouter.endpoints import endpoints
from sync_pipelines.settings import read_as
from sync_pipelines.settings.scouter import ScouterSettings
from sync_pipelines.systems import read_settings
from sync_pipelines_tests.receiver.conftest import OWN, WEBHOOK_PATH, WEBHOOK_SECRET, lead

CODE = """
from sync_pipelines.receiver.serving import serve
from sync_pipelines.scouter.endpoints import endpoints
from sync_pipelines.systems import read_settings
settings = read_settings(None)
serve(settings, [endpoints(settings)], port=0)
"""


def test_it_serves_says_little_and_stops_when_asked(new_database: Callable[[str | None], str]) -> None:
    ops_url = new_database("ops")
    given = {
        "OPS_DATABASE_URL": ops_url,
        "SCOUTER_WAY_BACK": "true",
        "SCOUTER_WEBHOOK_SECRET": WEBHOOK_SECRET,
    }
    command = [sys.executable, "-c", CODE]
    with subprocess.Popen(command, env=os.environ | given, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = []
        try:
            for line in process.stderr:
                said.append(line)
                if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                    break
            url = found[0] if found else ""
            assert httpx.get(url + HEALTH_PATH).json() == {"status": "ok", "ops_database": True}
            secret = f"{url}{WEBHOOK_PATH}?segredo=na-linha"
            assert httpx.post(secret, json=lead(), headers=OWN).status_code == 200
            assert httpx.post(secret, json=lead()).status_code == 401
        finally:
            process.send_signal(signal.SIGTERM)
            said += process.stderr
    assert process.returncode in (0, -signal.SIGTERM)
    text = "".join(said)
    assert not [word for word in (WEBHOOK_SECRET, "segredo", "Ana Exemplo", "Traceback") if word in text]
    with psycopg.connect(ops_url) as connection:
        rows = connection.execute("select key::bigint, payload from ops.inbox").fetchall()
    assert rows == [(600_001, json.loads(json.dumps(lead())))]


def options(**given: str) -> Options:
    return options_of([endpoints(read_as(ScouterSettings, None, **given))])


def test_the_settings_name_origins_and_proxies_and_by_default_there_are_none() -> None:
    assert (options().origins, options().proxies) == ((), ())
    some = options(
        scouter_screen_origins="https://a.example,https://b.example",
        scouter_trusted_proxies="10.0.0.7, ::1",
    )
    assert some.origins == ("https://a.example", "https://b.example")
    assert some.proxies == networks_of(["10.0.0.7", "::1"])


def test_the_origins_and_proxies_of_every_mount_count() -> None:
    nobody = Credentials("Some project", Setting("A"), signing_secret=Setting("B"), project_url=Setting("C"))
    mounts = [
        Mount(nobody, origins=["https://a.example"], proxies=["10.0.0.7"]),
        Mount(nobody),
        Mount(nobody, origins=["https://b.example"], proxies=["::1"]),
    ]
    assert options_of(mounts).origins == ("https://a.example", "https://b.example")
    assert options_of(mounts).proxies == networks_of(["10.0.0.7", "::1"])


def test_without_any_mount_there_is_nothing_to_serve() -> None:
    with pytest.raises(PermanentError, match=r"nothing to serve: no system has an endpoint\.$"):
        serve(read_settings(None), [])


def mount(name: str, *paths: str, secret: str | None = None) -> Mount:
    shared = Setting(f"{name}_SECRET", secret)
    unset = {"signing_secret": Setting(f"{name}_JWT"), "project_url": Setting(f"{name}_URL")}
    endpoints = [
        Endpoint(path, handler=lambda _: Answer(200, {}), takes_shared_secret=True) for path in paths
    ]
    return Mount(Credentials(name, shared, **unset), endpoints)


def test_a_system_whose_calls_would_all_be_refused_is_named_beside_one_that_is_fine() -> None:
    mounts = [mount("ONE", "/one", secret=WEBHOOK_SECRET), mount("TWO", "/two"), mount("THREE")]
    with pytest.raises(PermanentError, match="none of TWO_SECRET, TWO_JWT, TWO_URL is set"):
        serve(read_settings(None), mounts)


@pytest.mark.parametrize(("paths", "shared"), [(["/a", "/b", "/b"], "/b"), ([HEALTH_PATH], HEALTH_PATH)])
def test_an_endpoint_does_not_hide_another(paths: list[str], shared: str) -> None:
    mounts = [mount(f"M{number}", path, secret=WEBHOOK_SECRET) for number, path in enumerate(paths)]
    with pytest.raises(PermanentError, match=f"at {shared}\\.$"), closing(InboxPool("")) as inbox:
        build(read_settings(None), mounts, inbox=inbox)
