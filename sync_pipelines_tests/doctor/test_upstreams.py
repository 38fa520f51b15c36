"""The doctor before the landing bucket, the Vault and the door of HITSS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sync_pipelines.doctor import diagnose
from sync_pipelines.lib.findings import Inquiry
from sync_pipelines.sandbox.hitss.auth import PASSWORD, USERNAME
from sync_pipelines.sandbox.hitss.fake import HitssFake
from sync_pipelines.sandbox.vault import make_vault
from sync_pipelines.settings import Settings
from sync_pipelines.systems import read_settings
from sync_pipelines_tests.storage import KEYS, REGION, make_bucket, s3_server

NewDatabase = Callable[[str | None], str]


def told(settings: Settings, start: str, *, ok: bool, **options: Any) -> list[str]:
    """The right or wrong findings whose sentence starts so."""
    findings = diagnose(settings, Inquiry(**options))
    return [each.sentence for each in findings if each.ok is ok and each.sentence.startswith(start)]


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    with s3_server() as endpoint:
        yield endpoint


@pytest.fixture
def bucket(s3_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Settings]:
    """Settings that land in a bucket of this name."""
    monkeypatch.chdir(tmp_path)  # files pass through a folder below the current one

    def configure(name: str) -> Settings:
        return read_settings(
            None,
            landing_url=f"s3://{name}/ours",
            landing_s3_endpoint=s3_endpoint,
            landing_s3_region=REGION,
            landing_s3_access_key=KEYS[0],
            landing_s3_secret_key=KEYS[1],
        )

    return configure


def test_a_bucket_is_tried_and_left_as_it_was(s3_endpoint: str, bucket: Callable[[str], Settings]) -> None:
    settings = bucket(make_bucket(s3_endpoint))
    assert told(settings, "LANDING_URL: s3://", ok=True) == [
        f"LANDING_URL: {settings.landing_url} takes files and gives them back"
    ]
    assert told(settings, "LANDING_URL", ok=False) == []
    assert settings.landing_store.names("") == []


def test_a_bucket_that_is_not_there_is_told(bucket: Callable[[str], Settings]) -> None:
    [wrong] = told(bucket("nowhere"), "LANDING_URL", ok=False)
    assert "there is no such bucket" in wrong


@pytest.fixture
def door(hitss: HitssFake) -> Iterator[HitssFake]:
    yield hitss
    hitss.upstream.auth.mode = "none"
    hitss.upstream.auth.expire()


def login(hitss: HitssFake, **settings: str) -> Settings:
    hitss.upstream.auth.mode = "login"
    values = {
        "hitss_auth_mode": "login",
        "hitss_download_url": hitss.download_url,
        "hitss_base_url": hitss.base_url,
        "hitss_username": USERNAME,
        "hitss_password": PASSWORD,
    }
    return read_settings(None, **(values | settings))


def test_a_login_is_tried_without_the_export(door: HitssFake) -> None:
    before = door.state()["calls"]
    settings = login(door)
    assert "HITSS_DOWNLOAD_URL: the login is accepted" in told(settings, "HITSS_DOWNLOAD_URL", ok=True)
    assert told(settings, "HITSS", ok=False) == []
    assert door.state()["calls"] == before


def test_a_probe_logs_in_and_downloads(door: HitssFake) -> None:
    found = told(login(door), "HITSS_DOWNLOAD_URL: the export of", ok=True, probes_exports=True)
    assert len(found) == 1


def test_a_login_that_is_refused_is_told_without_its_password(door: HitssFake) -> None:
    [wrong] = told(login(door, hitss_password="senha-errada-77"), "HITSS", ok=False)
    assert "refused (401). Check HITSS_USERNAME and HITSS_PASSWORD" in wrong
    assert "senha-errada" not in wrong


def test_a_mode_without_its_settings_is_told(hitss: HitssFake, new_database: NewDatabase) -> None:
    settings = read_settings(
        None,
        fabricio_database_url=new_database("fabricio"),
        ops_database_url=new_database("ops"),
        hitss_download_url=hitss.download_url,
        hitss_auth_mode="basic",
    )
    assert told(settings, "HITSS", ok=False) == [
        "HITSS_AUTH_MODE: HITSS_USERNAME and HITSS_PASSWORD are not set; see .env.example."
    ]


def test_the_vault_of_hitss_is_read(hitss: HitssFake, new_database: NewDatabase) -> None:
    url = new_database("fabricio")
    settings = read_settings(
        None,
        fabricio_database_url=url,
        ops_database_url=new_database("ops"),
        hitss_secrets_from="vault",
    )
    [wrong] = told(settings, "HITSS", ok=False)
    assert wrong.startswith("HITSS_SECRETS_FROM: the fabricio database has no Vault")
    make_vault(url, HITSS_LINK_DOWNLOAD=hitss.download_url)
    assert told(settings, "HITSS", ok=False) == []
    assert "HITSS_DOWNLOAD_URL: 127.0.0.1 answers" in told(settings, "HITSS_DOWNLOAD_URL", ok=True)


def test_the_vault_of_aimindset_is_read(new_database: NewDatabase) -> None:
    url = new_database(None)
    settings = read_settings(
        None,
        aimindset_database_url=url,
        ops_database_url=new_database("ops"),
        aimindset_project_url="https://projeto.example",
        aimindset_secrets_from="vault",
    )
    make_vault(url)
    [wrong] = told(settings, "AIMINDSET_SECRETS_FROM", ok=False)
    assert "holds none of AIMINDSET_SERVICE_KEY, SUPABASE_SERVICE_ROLE_KEY" in wrong


def test_a_service_key_in_the_vault_is_found(new_database: NewDatabase) -> None:
    url = new_database(None)
    make_vault(url, SUPABASE_SERVICE_ROLE_KEY="chave-de-servico-ficticia")
    settings = read_settings(
        None,
        aimindset_database_url=url,
        ops_database_url=new_database("ops"),
        aimindset_project_url="https://projeto.example",
        aimindset_secrets_from="vault",
    )
    assert told(settings, "AIMINDSET_SECRETS_FROM", ok=False) == []
    assert len(told(settings, "AIMINDSET_SECRETS_FROM", ok=True)) == 1
