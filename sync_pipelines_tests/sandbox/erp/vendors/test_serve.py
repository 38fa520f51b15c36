"""The vendors as parts of the sandbox: processes with the demo's accounts, found again after a restart."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from sync_pipelines.sandbox.erp.demo import accounts_of
from sync_pipelines.sandbox.erp.part import PART
from sync_pipelines.sandbox.upstreams import UpstreamProcess

UPSTREAMS = {upstream.name: upstream for upstream in PART.upstreams}


@contextmanager
def running(name: str, home: Path) -> Iterator[UpstreamProcess]:
    process = UpstreamProcess(UPSTREAMS[name], home / name)
    child = process.start({"invoices": 2.0}, environment={}, detached=False)
    assert child is not None
    try:
        yield process
    finally:
        process.stop()
        child.wait()


def log_of(home: Path, name: str) -> str:
    return (home / name / f"{name}.log").read_text()


def test_omie_serves_the_demos_accounts_at_the_same_address(tmp_path: Path) -> None:
    seen = []
    for _ in range(2):
        with running("omie", tmp_path) as process:
            [url] = process.variables().values()
            seen.append(url)
            for account in accounts_of("omie"):
                answered = httpx.post(
                    f"{url}/api/v1/geral/empresas/",
                    json={"call": "ListarEmpresas", **account.credentials, "param": [{}]},
                )
                [found] = answered.json()["empresas_cadastro"]
                assert found["razao_social"] == account.company(1).profile.legal_name
                assert account.credentials["app_secret"] not in log_of(tmp_path, "omie")
            # A fault that a person switches on hits one account, by the name of its connection.
            [switchboard] = process.switches().values()
            fault = {"name": "ListarNF_blocked", "account": accounts_of("omie")[1].name}
            assert httpx.post(switchboard, json=fault).status_code == 201
    assert seen[0] == seen[1]


class Rotating(NamedTuple):
    """A vendor whose tokens rotate: its paths, and how the credentials name its client."""

    name: str
    token_path: str
    company_path: str
    client: str = ""


@pytest.mark.parametrize(
    "vendor",
    [
        Rotating("bling", "/Api/v3/oauth/token", "/Api/v3/empresas/me/dados-basicos", client="bling_"),
        Rotating("contaazul", "/oauth2/token", "/v1/pessoas/conta-conectada"),
    ],
    ids=lambda vendor: vendor.name,
)
def test_a_vendor_keeps_its_tokens(tmp_path: Path, vendor: Rotating) -> None:
    name = vendor.name
    [account] = accounts_of(name)
    credentials = account.credentials
    client = (credentials[f"{vendor.client}client_{half}"] for half in ("id", "secret"))
    basic = b64encode(":".join(client).encode()).decode()

    def renew(process: UpstreamProcess, refresh_token: str) -> httpx.Response:
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        url = f"{process.variables()[f'{name.upper()}_AUTH_URL']}{vendor.token_path}"
        return httpx.post(url, data=form, headers={"Authorization": f"Basic {basic}"})

    def company(process: UpstreamProcess, access_token: str) -> httpx.Response:
        url = f"{process.variables()[f'{name.upper()}_URL']}{vendor.company_path}"
        return httpx.get(url, headers={"Authorization": f"Bearer {access_token}"})

    with running(name, tmp_path) as process:
        assert company(process, credentials["access_token"]).status_code == 401
        pair: Any = renew(process, credentials["refresh_token"]).json()
        assert company(process, pair["access_token"]).status_code == 200
    with running(name, tmp_path) as process:
        assert renew(process, credentials["refresh_token"]).status_code == 400
        assert account.company(1).profile.legal_name in company(process, pair["access_token"]).text
        assert renew(process, pair["refresh_token"]).status_code == 200
    log = log_of(tmp_path, name)
    secrets = [
        one for one in (*pair.values(), *credentials.values()) if isinstance(one, str) and len(one) > 24
    ]
    assert len(secrets) >= 6
    assert [one for one in secrets if one in log] == []


def test_tiny_serves_the_demos_accounts(tmp_path: Path) -> None:
    with running("tiny", tmp_path) as process:
        [url] = process.variables().values()
        for account in accounts_of("tiny"):
            token = account.credentials["token"]
            answered = httpx.post(f"{url}/api2/info.php", data={"token": token, "formato": "json"})
            found = answered.json()["retorno"]["conta"]
            assert found["razao_social"] == account.company(1).profile.legal_name
            assert token not in log_of(tmp_path, "tiny")


def test_sankhya_serves_the_demos_account(tmp_path: Path) -> None:
    [account] = accounts_of("sankhya")
    credentials = account.credentials
    form = {name: str(credentials[name]) for name in ("client_id", "client_secret")}
    with running("sankhya", tmp_path) as process:
        [url] = process.variables().values()
        answered = httpx.post(
            f"{url}/authenticate",
            data={"grant_type": "client_credentials", **form},
            headers={"X-Token": str(credentials["token"])},
        )
        assert set(answered.json()) == {"access_token", "expires_in", "token_type"}
        assert form["client_secret"] not in log_of(tmp_path, "sankhya")
