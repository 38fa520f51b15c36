"""Where the secrets of a download come from, and that none is told when one is missing or unfit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from sync_pipelines.hitss.dre.credentials import Credentials, CredentialSource, vault_names
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.redaction import redact
from sync_pipelines.sandbox.vault import make_vault
from sync_pipelines.settings import Settings
from sync_pipelines.systems import read_settings
from sync_pipelines_tests.conftest import House

EXPORT = (
    "https://hitss.example/export?filtroDeFiltro={inicio}&filtroAteFiltro={fim}&usuarioFiltro=pessoa.do.cofre"
)
OWN = "https://hitss.example/export?filtroDeFiltro={inicio}&filtroAteFiltro={fim}&usuarioFiltro=da.casa"
BASE = "https://hitss.example/"


@pytest.fixture
def url(new_database: Callable[[str | None], str]) -> str:
    return new_database(None)


def configured(url: str, **settings: Any) -> Settings:
    return read_settings(None, fabricio_database_url=url, ops_database_url=url, **settings)


def from_vault(url: str, **settings: Any) -> Credentials:
    return CredentialSource(configured(url, hitss_secrets_from="vault", **settings)).read()


def test_the_environment_needs_no_vault() -> None:
    # No server answers under this address: nobody is asked.
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    known = CredentialSource(configured(nowhere, hitss_download_url=OWN, hitss_secrets_from="vault")).read()
    assert known == Credentials("none", OWN)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "HITSS_DOWNLOAD_URL is not set; see"),
        (
            {"hitss_download_url": OWN, "hitss_auth_mode": "basic"},
            "HITSS_USERNAME and HITSS_PASSWORD are not",
        ),
        (
            {
                "hitss_download_url": OWN,
                "hitss_auth_mode": "login",
                "hitss_username": "u",
                "hitss_password": "p",
            },
            "HITSS_BASE_URL is not set",
        ),
    ],
)
def test_what_the_environment_lacks_is_named(url: str, settings: dict[str, str], sentence: str) -> None:
    with pytest.raises(PermanentError, match=f"^{sentence}"):
        CredentialSource(configured(url, **settings)).read()


def test_everything_can_be_in_the_vault(url: str) -> None:
    make_vault(
        url,
        HITSS_DOWNLOAD_URL=EXPORT,
        HITSS_USERNAME="robo.do.cofre",
        HITSS_PASSWORD="senha-do-cofre",
        HITSS_BASE_URL=BASE,
    )
    assert from_vault(url) == Credentials("none", EXPORT)
    known = from_vault(url, hitss_auth_mode="login")
    assert known == Credentials(
        mode="login", url=EXPORT, username="robo.do.cofre", password="senha-do-cofre", base_url=BASE
    )
    shown = redact(f"{known!r} robo.do.cofre senha-do-cofre pessoa.do.cofre")
    assert "cofre" not in shown


def test_what_the_environment_sets_wins(url: str) -> None:
    make_vault(url, HITSS_DOWNLOAD_URL=EXPORT, HITSS_USERNAME="robo", HITSS_PASSWORD="senha-do-cofre")
    known = from_vault(url, hitss_auth_mode="basic", hitss_download_url=OWN, hitss_username="outro")
    assert (known.url, known.username, known.password) == (OWN, "outro", "senha-do-cofre")


@pytest.mark.parametrize("name", vault_names("hitss_download_url"))
def test_the_address_has_four_names(url: str, name: str) -> None:
    make_vault(url, **{name: f" {EXPORT}\n"})
    assert from_vault(url).url == EXPORT


def test_a_secret_renamed_in_the_vault_counts_at_once(url: str) -> None:
    make_vault(url, HITSS_DOWNLOAD_URL=EXPORT)
    settings = configured(url, hitss_secrets_from="vault")
    assert CredentialSource(settings).read().url == EXPORT
    with psycopg.connect(url) as connection:
        connection.execute(
            "update vault.secrets set secret = encode(convert_to(%s, 'utf8'), 'base64')", (OWN,)
        )
    assert CredentialSource(settings).read().url == OWN


def test_what_the_vault_lacks_is_reported_by_its_names(url: str) -> None:
    make_vault(url, HITSS_DOWNLOAD_URL=EXPORT, HITSS_USERNAME="robo.do.cofre")
    with pytest.raises(PermanentError, match="holds none of HITSS_PASSWORD, hitss_password") as caught:
        from_vault(url, hitss_auth_mode="basic")
    assert "cofre" not in str(caught.value)


@pytest.mark.parametrize(
    ("secret", "environment", "sentence"),
    [
        ("pessoa.do.cofre", "development", "HITSS_DOWNLOAD_URL must be a whole https:// address"),
        (EXPORT.replace("https", "http"), "development", "HITSS_DOWNLOAD_URL is http:// to another machine"),
        ("https://[pessoa.do.cofre/x", "development", "HITSS_DOWNLOAD_URL must be a whole"),
        ("http://127.0.0.1:9/x", "production", "HITSS_DOWNLOAD_URL points at this machine"),
    ],
)
def test_the_vault_is_held_to_the_rules_of_the_environment(
    url: str, secret: str, environment: str, sentence: str
) -> None:
    make_vault(url, HITSS_LINK_DOWNLOAD=secret)
    with pytest.raises(PermanentError, match=f"Vault of the fabricio database.*{sentence}") as caught:
        from_vault(url, sync_env=environment)
    assert "pessoa.do.cofre" not in str(caught.value)


def test_a_download_with_everything_in_the_vault(short: House) -> None:
    make_vault(short.settings.require("fabricio_database_url"), HITSS_LINK_DOWNLOAD=short.hitss.download_url)
    vault = short.with_settings(hitss_download_url=None, hitss_secrets_from="vault")
    assert vault.dre.download("run").validation.rows > 0


def test_a_missing_address_is_in_the_execution_record(short: House) -> None:
    with pytest.raises(PermanentError, match="HITSS_DOWNLOAD_URL is not set"):
        short.with_settings(hitss_download_url=None).dre.download("run")
    ((status, message),) = short.rows("select status, error_message from public.automation_executions")
    assert status == "failed"
    assert "HITSS_DOWNLOAD_URL is not set" in message
