"""Basic and login against the fake, which checks them: who gets in, what is tried again, what a refusal says."""

from __future__ import annotations

import logging
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from sync_pipelines.hitss.dre.authentication import auth_of, login_of
from sync_pipelines.hitss.dre.credentials import Credentials
from sync_pipelines.hitss.dre.extract import download_export, export_client
from sync_pipelines.lib.failures import PermanentError, SyncError, TransientError
from sync_pipelines.lib.http.downloads import Download
from sync_pipelines.lib.redaction import redact
from sync_pipelines.sandbox.hitss.auth import PASSWORD, USERNAME, Mode
from sync_pipelines.sandbox.hitss.fake import HitssFake

START, END = date(2025, 8, 1), date(2025, 9, 1)


@pytest.fixture
def guarded(hitss: HitssFake) -> Iterator[HitssFake]:
    """The fake; after the test it checks nothing again."""
    hitss.upstream.auth.logins = 0
    yield hitss
    hitss.upstream.auth.mode = "none"
    hitss.upstream.auth.expire()


def shut(hitss: HitssFake, mode: Mode, **wrong: str) -> Credentials:
    """Let in only who does as `mode` asks; returns what is needed for it."""
    hitss.upstream.auth.mode = mode
    known = Credentials(
        mode=mode, url=hitss.download_url, username=USERNAME, password=PASSWORD, base_url=f"{hitss.base_url}/"
    )
    return replace(known, **wrong)  # type: ignore[arg-type]


def download(known: Credentials, folder: Path, **options: Any) -> Download:
    with export_client(sleep=lambda _seconds: None, **options) as client:
        return download_export(client, known, START, end=END, target=folder / "export.xlsx")


def calls(hitss: HitssFake) -> int:
    return int(hitss.state()["calls"])


def test_basic_is_sent_with_the_one_request(guarded: HitssFake, tmp_path: Path) -> None:
    known, before = shut(guarded, "basic"), calls(guarded)
    assert download(known, tmp_path).status == 200
    assert calls(guarded) - before == 1


def test_a_login_gives_token_and_cookie_to_the_download(guarded: HitssFake, tmp_path: Path) -> None:
    assert download(shut(guarded, "login"), tmp_path).status == 200
    assert guarded.state()["logins"] == 1


@pytest.mark.parametrize("slashes", ["", "/", "//"])
def test_a_base_url_may_end_in_slashes(guarded: HitssFake, tmp_path: Path, slashes: str) -> None:
    known = shut(guarded, "login", base_url=f"{guarded.base_url}{slashes}")
    assert download(known, tmp_path).status == 200


def test_one_login_serves_all_attempts(guarded: HitssFake, tmp_path: Path) -> None:
    known = shut(guarded, "login")
    guarded.fault("bad_gateway", times=2)
    assert download(known, tmp_path).attempts == 3
    assert guarded.state()["logins"] == 1


def test_a_login_that_may_pass_is_tried_again(guarded: HitssFake, tmp_path: Path) -> None:
    known = shut(guarded, "login")
    guarded.fault("login_status", times=2, code=503)
    assert download(known, tmp_path).attempts == 3
    assert guarded.state()["logins"] == 3


def test_a_token_that_expired_is_renewed_once(guarded: HitssFake, tmp_path: Path) -> None:
    known = shut(guarded, "login")
    guarded.fault("token_expired", times=1)
    assert download(known, tmp_path).status == 200
    assert guarded.state()["logins"] == 2
    guarded.fault("token_expired")
    with pytest.raises(PermanentError, match=r"answered 401.*The login was accepted"):
        download(known, tmp_path)
    assert guarded.state()["logins"] == 4


@pytest.mark.parametrize(
    ("mode", "wrong", "fault", "kind", "words", "logins"),
    [
        ("basic", {"password": "errada"}, None, PermanentError, r"401.*HITSS_USERNAME and HITSS_PASSWORD", 0),
        ("login", {"password": "errada"}, None, PermanentError, r"refused \(401\)\. Check HITSS_USERNAME", 1),
        (
            "login",
            {},
            ("login_status", {"code": 403}),
            PermanentError,
            r"refused \(403\)\. Check HITSS_USER",
            1,
        ),
        (
            "login",
            {},
            ("login_status", {"code": 404}),
            PermanentError,
            "404 Not Found. Check HITSS_BASE_URL",
            1,
        ),
        (
            "login",
            {},
            ("login_status", {"code": 200}),
            PermanentError,
            "JSON without a token.*HITSS_BASE_URL",
            1,
        ),
        ("login", {}, ("login_page", {}), PermanentError, "not JSON, most likely a page.*HITSS_BASE_URL", 1),
        (
            "login",
            {},
            ("login_status", {"code": 502}),
            TransientError,
            "login answered 502.*Tried 3 times",
            3,
        ),
        ("login", {}, ("status", {"code": 403}), PermanentError, "403 Forbidden.*what the user may do", 1),
        ("none", {}, ("unauthorized", {}), PermanentError, "401.*HITSS_DOWNLOAD_URL.*set HITSS_AUTH_MODE", 0),
    ],
)
def test_a_refusal_says_what_to_check_and_names_nobody(
    guarded: HitssFake,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    mode: Mode,
    wrong: dict[str, str],
    fault: tuple[str, dict[str, Any]] | None,
    kind: type[SyncError],
    words: str,
    logins: int,
) -> None:
    caplog.set_level(logging.INFO)
    known = shut(guarded, mode, **wrong)
    if fault:
        guarded.fault(fault[0], **fault[1])
    with pytest.raises(kind, match=words) as caught:
        download(known, tmp_path)
    assert guarded.state()["logins"] == logins
    assert list(tmp_path.iterdir()) == []
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("sync_pipelines")]
    told = " ".join([str(caught.value), *ours])
    assert not [secret for secret in (USERNAME, PASSWORD, "errada", "usuario.ficticio") if secret in told]


def test_tokens_cookies_and_pairs_are_known_to_the_redactor(guarded: HitssFake) -> None:
    with export_client() as client:
        login_of(shut(guarded, "login")).check(client)
    ((token, cookie),) = guarded.upstream.auth.sessions.items()
    auth_of(shut(guarded, "basic"))
    basic = b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
    for secret in (token, basic, cookie):
        assert len(secret) > 20
        assert redact(f"it is {secret}.") == "it is ***."
