"""Where tokens come from, by what is set of a vendor's addresses."""

from __future__ import annotations

import pytest

from sync_pipelines.erp.connections.credentials import PLAIN, Credentials
from sync_pipelines.erp.vendors import bling, contaazul
from sync_pipelines.erp.vendors.oauth import token_base
from sync_pipelines.erp.vendors.session import Opening
from sync_pipelines.settings import read_as
from sync_pipelines.settings.erp import ErpSettings
from sync_pipelines_tests.erp.vendors.accounts import connection


@pytest.mark.parametrize(
    ("base", "auth", "expected"),
    [
        (None, None, "https://www.bling.com.br/Api/v3"),
        ("https://api.bling.com.br", None, "https://www.bling.com.br/Api/v3"),
        ("http://127.0.0.1:8401/Api/v3", None, "http://127.0.0.1:8401/Api/v3"),
        ("http://127.0.0.1:8401", None, "http://127.0.0.1:8401/Api/v3"),
        ("https://proxy.example/bling/", None, "https://proxy.example/bling"),
        (None, "http://127.0.0.1:8402", "http://127.0.0.1:8402/Api/v3"),
        ("http://127.0.0.1:8401", "http://127.0.0.1:8402/auth/", "http://127.0.0.1:8402/auth"),
    ],
)
def test_the_base_of_the_token_path(base: str | None, auth: str | None, expected: str) -> None:
    found = {"BLING_URL": base, "BLING_AUTH_URL": auth}
    settings = read_as(ErpSettings, None, **{name: url for name, url in found.items() if url is not None})
    opening = Opening(
        bling.SPEC, connection("bling", {}), credentials=Credentials({}, PLAIN), settings=settings
    )
    assert token_base(opening, bling.AUTH) == expected


@pytest.mark.parametrize(
    ("base", "auth", "expected"),
    [
        (None, None, "https://auth.contaazul.com"),
        ("https://api-v2.contaazul.com", None, "https://auth.contaazul.com"),
        # Its tokens have no version in their path.
        ("http://127.0.0.1:8401", None, "http://127.0.0.1:8401"),
        ("http://127.0.0.1:8401/v1", None, "http://127.0.0.1:8401"),
        ("http://127.0.0.1:8401/v1", "http://127.0.0.1:8402/", "http://127.0.0.1:8402"),
        (None, "https://proxy.example/auth", "https://proxy.example/auth"),
    ],
)
def test_the_base_of_a_token_path_without_a_version(
    base: str | None, auth: str | None, expected: str
) -> None:
    found = {"CONTAAZUL_URL": base, "CONTAAZUL_AUTH_URL": auth}
    settings = read_as(ErpSettings, None, **{name: url for name, url in found.items() if url is not None})
    one = connection("contaazul", {})
    opening = Opening(contaazul.SPEC, one, credentials=Credentials({}, PLAIN), settings=settings)
    assert token_base(opening, contaazul.AUTH) == expected
