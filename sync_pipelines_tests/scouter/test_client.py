"""Where Gestão Scouter is and by which key it is reached."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import psycopg
import pytest

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.sandbox.vault import VAULT
from sync_pipelines.scouter.client import GestaoScouter
from sync_pipelines.settings import SettingsError
from sync_pipelines.systems import read_settings

KEY = "GESTAO_SCOUTER_SERVICE_KEY"


def gestao(url: str | None = "https://gestao.example", **settings: Any) -> GestaoScouter:
    return GestaoScouter.from_settings(read_settings(None, gestao_scouter_url=url, **settings))


@pytest.mark.parametrize(
    ("url", "path", "root"),
    [
        ("https://gestao.example", None, "https://gestao.example/rest/v1"),
        ("https://gestao.example/", None, "https://gestao.example/rest/v1"),
        ("https://gestao.example/rest/v1", None, "https://gestao.example/rest/v1"),
        ("https://gestao.example/rest/v1/", None, "https://gestao.example/rest/v1"),
        ("http://127.0.0.1:3000", "/", "http://127.0.0.1:3000"),
        ("https://gestao.example/db", "/api/", "https://gestao.example/db/api"),
    ],
)
def test_the_address_with_and_without_its_path(url: str, path: str | None, root: str) -> None:
    more = {"gestao_scouter_rest_path": path} if path else {}
    with gestao(url, gestao_scouter_service_key="k", **more).client() as client:
        assert client.root == root


@pytest.mark.parametrize(
    ("url", "label"),
    [
        ("https://Gestao.Example/rest/v1", "gestao.example"),
        ("https://user:word@gestao.example:8443", "gestao.example:8443"),
    ],
)
def test_what_is_kept_of_a_destination_is_kept_under_its_host(url: str, label: str) -> None:
    assert gestao(url).label == label


def test_without_an_address_or_a_key_the_setting_is_named() -> None:
    with pytest.raises(PermanentError, match="GESTAO_SCOUTER_URL is not set"):
        gestao(None).client()
    with pytest.raises(PermanentError, match=f"{KEY} is not set"):
        gestao().client()
    assert gestao().known_key() is None


@pytest.mark.parametrize("given", ["a-key", " a-key\n"])
def test_a_key_of_the_environment(given: str) -> None:
    assert gestao(gestao_scouter_service_key=given).service_key() == "a-key"


@pytest.mark.parametrize("bad", ["uma-çhave", "a\nb", "a\x00b"])
def test_a_key_with_signs_that_no_header_takes_is_refused_and_not_shown(bad: str) -> None:
    with pytest.raises(PermanentError, match="characters that no key has") as told:
        replace(gestao(), key=bad).client()
    assert bad not in str(told.value)
    with pytest.raises(SettingsError, match=f"{KEY} must be letters, digits and signs") as refused:
        gestao(gestao_scouter_service_key=bad)
    assert bad not in str(refused.value)


@pytest.mark.parametrize("name", [KEY, KEY.lower()])
def test_a_key_of_the_vault_is_read_anew_each_time_and_that_of_the_environment_wins(
    name: str, new_database: Any
) -> None:
    url = new_database(None)
    given = {
        "tabuladormax_database_url": url,
        "ops_database_url": url,
        "gestao_scouter_secrets_from": "vault",
    }
    with psycopg.connect(url, autocommit=True) as owner:
        with pytest.raises(PermanentError, match="TabuladorMax has no Vault"):
            gestao(**given).service_key()
        owner.execute(VAULT.encode())
        with pytest.raises(PermanentError, match=f"holds none of {KEY}"):
            gestao(**given).service_key()
        assert gestao(**given).known_key() is None
        for secret in ("first", "renewed"):
            owner.execute("delete from vault.secrets")
            owner.execute(
                "insert into vault.secrets (name, secret) values (%s, encode(convert_to(%s, 'utf8'), 'base64'))",
                [name, f"{secret}\n"],
            )
            assert gestao(**given).service_key() == secret
    assert (
        gestao(**given, gestao_scouter_service_key="of-the-environment").service_key() == "of-the-environment"
    )


def test_an_error_of_the_connection_names_neither_the_address_nor_the_key() -> None:
    made = gestao("http://127.0.0.1:9", gestao_scouter_service_key="a-secret-key")
    with made.client() as client, pytest.raises(Exception, match="Gestão Scouter") as told:
        client.request("GET", "/leads")
    assert "127.0.0.1" not in str(told.value)
    assert "a-secret-key" not in str(told.value)
