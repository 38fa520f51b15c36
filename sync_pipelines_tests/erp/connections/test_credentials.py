"""Credentials as rows hold them: sealed, from before they were sealed, in clear, and those that nobody can use."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from sync_pipelines.erp.connections import credentials
from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.erp.connections.credentials import CredentialsError, read_credentials
from sync_pipelines.lib.failures import PermanentError, RefusedError
from sync_pipelines.lib.redaction import redact
from sync_pipelines.lib.sealed import seal, unseal

KEY = "segredo-de-teste-com-mais-de-32-caracteres"
OMIE = {"app_key": "3833329500001", "app_secret": "segredo-omie-1"}


def sealed(text: str, key: str = KEY) -> str:
    """The same at each call: it stands in the name of a test."""
    return seal(text, key, random_bytes=lambda count: b"n" * count)


def connection(stored: Any, erp_type: str = "omie") -> ErpConnection:
    number = UUID("1a2b3c4d-0000-4000-8000-000000000001")
    return ErpConnection(
        number, user_id=number, erp_type=erp_type, name="Loja", status="active", credentials=stored
    )


@pytest.mark.parametrize(
    ("stored", "form"),
    [
        (sealed(json.dumps(OMIE)), credentials.SEALED),
        (json.dumps(sealed(json.dumps(OMIE))), credentials.SEALED),
        (OMIE, credentials.PLAIN),
        (json.dumps(OMIE), credentials.CLEAR_TEXT),
    ],
)
def test_each_form_is_read(stored: Any, form: str) -> None:
    found = read_credentials(connection(stored), KEY)
    assert (dict(found.values), found.form) == (OMIE, form)
    assert redact("app: segredo-omie-1") == "app: ***"
    assert "segredo" not in repr(found)


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        (None, "are empty: enter them in the application"),
        ({}, "are empty: enter them in the application"),
        ("", "are empty"),
        (sealed("{}"), "are empty"),
        ([OMIE], "neither an object nor a sealed one"),
        (7, "neither an object nor a sealed one"),
        (sealed("apenas um texto"), "neither an object nor a sealed one"),
        ("[object Object]", "no base64"),
        (sealed(json.dumps(OMIE))[:16], "was cut"),
        (sealed(json.dumps(OMIE), "outra chave de teste com 32 caracteres!!"), "another key, or altered"),
        ({"app_key": "  ", "app_secret": None}, "lack app_key and app_secret"),
        ({"app_key": "1234"}, "lack app_secret"),
    ],
)
def test_what_nobody_can_use_waits_for_a_person(stored: Any, words: str) -> None:
    with pytest.raises(CredentialsError, match=words) as caught:
        read_credentials(connection(stored), KEY)
    assert isinstance(caught.value, RefusedError)
    assert "omie_1a2b3c4d" in str(caught.value)


def test_sealed_ones_without_a_key_name_the_setting_and_not_the_connection_as_the_cure() -> None:
    with pytest.raises(PermanentError, match="set ERP_CREDENTIALS_KEY") as caught:
        read_credentials(connection(sealed(json.dumps(OMIE))), None)
    assert not isinstance(caught.value, RefusedError)


def test_a_number_is_a_key_too() -> None:
    found = read_credentials(connection({"app_key": 3833329500001, "app_secret": "segredo-omie-2 "}), None)
    assert (found.text("app_key"), found.text("app_secret")) == ("3833329500001", "segredo-omie-2")


@pytest.mark.parametrize(
    "value",
    [
        1795953600000,
        1795953600,
        "1795953600000",
        " 1795953600 ",
        1795953600.0,
        "2026-11-29T12:00:00Z",
        "2026-11-29T09:00:00-03:00",
        "2026-11-29T12:00:00",
    ],
)
def test_the_end_of_a_token_is_read_in_whatever_form(value: Any) -> None:
    found = credentials.open_stored({"access_token": "abcd", "expires_at": value}, None, what="They")
    assert found.expires_at == datetime(2026, 11, 29, 12, tzinfo=UTC)
    assert credentials.milliseconds(datetime(2026, 11, 29, 12, tzinfo=UTC)) == 1795953600000


@pytest.mark.parametrize("value", [None, "", True, 0, -5, "amanhã", "9" * 17, {"at": 1}, float("nan")])
def test_an_end_that_says_nothing_is_none(value: Any) -> None:
    assert credentials.moment_of(value) is None


def test_changes_are_sealed_where_there_is_a_key_and_keep_the_rest() -> None:
    found = read_credentials(connection(OMIE | {"obs": "fica"}), KEY)
    stored = found.stored({"app_secret": "novo-segredo"}, KEY)
    assert json.loads(unseal(stored, KEY)) == OMIE | {"obs": "fica", "app_secret": "novo-segredo"}
    assert found.stored({"app_secret": "novo-segredo"}, None)["obs"] == "fica"
