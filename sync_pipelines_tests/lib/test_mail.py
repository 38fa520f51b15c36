"""Mails over a real socket: what they bear, and how a server that does not work is named."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest

from sync_pipelines.doctor import mail
from sync_pipelines.lib.mail import MailServer
from sync_pipelines.sandbox.mail import SmtpSink
from sync_pipelines.settings import Settings
from sync_pipelines.systems import read_settings

NOW = datetime(2026, 11, 28, 19, 30, tzinfo=UTC)
SENDER = "Sincronização <alertas@empresa.example>"
PERSON = "pessoa.ficticia@empresa.example"


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as opened:
        yield opened


def settings(url: str, **values: str) -> Settings:
    return read_settings(None, smtp_url=url, alert_email_to=PERSON, alert_email_from=SENDER, **values)


def findings(values: Settings, *, send: bool = False) -> list[tuple[bool, str]]:
    return [tuple(one) for one in mail.mail(values, send=send)]


def test_a_mail_bears_date_and_identity_and_asks_for_no_answer(sink: SmtpSink) -> None:
    server = MailServer(sink.url, SENDER, lambda: NOW)
    assert server.send([PERSON, PERSON], "🚨 falhou", "Texto.") == 2
    first, second = sink.messages
    assert parsedate_to_datetime(first["Date"]) == NOW
    assert first["Message-ID"].endswith("@empresa.example>")
    assert first["Message-ID"] != second["Message-ID"]
    assert first["Auto-Submitted"] == "auto-generated"
    assert socket.gethostname() not in first.as_string()


def test_the_doctor_asks_the_mail_server_and_sends_only_when_told(sink: SmtpSink) -> None:
    assert findings(settings(sink.url)) == [(True, "SMTP_URL: the mail server answers and lets us in")]
    assert sink.messages == []
    (_, sent) = findings(settings(sink.url), send=True)
    assert sent == (True, "ALERT_EMAIL_TO: a test mail was taken for 1 of 1 recipients")
    (mail,) = sink.messages
    assert mail["To"] == PERSON
    assert "mensagem de teste" in mail["Subject"]


def test_a_dead_mail_server_is_wrong_and_its_password_is_not_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    ((ok, sentence),) = findings(settings(f"smtp://someone:uma-senha-longa@127.0.0.1:{port}"))
    assert not ok
    assert "SMTP_URL: The mail server does not answer as one: ConnectionRefusedError" in sentence
    assert "uma-senha-longa" not in sentence


def test_a_wrong_login_and_a_refused_address_are_told_by_their_settings() -> None:
    with SmtpSink(needs_login=True) as sink:
        assert findings(settings(sink.url))[0][0]
        wrong = f"smtp://sync:wrong@127.0.0.1:{sink.port}"
        assert findings(settings(wrong)) == [
            (False, "SMTP_URL: The mail server refused the login: check SMTP_URL.")
        ]
        sink.refuse = {PERSON}
        found = findings(settings(sink.url), send=True)
    assert found[1][0] is False
    assert "ALERT_EMAIL_TO" in found[1][1]
    assert PERSON not in found[1][1]


def test_without_a_mail_server_a_production_is_wrong_and_a_test_mail_too() -> None:
    nothing = read_settings(None)
    assert [ok for ok, _ in findings(nothing)] == [True]
    assert [ok for ok, _ in findings(nothing, send=True)] == [False]
    assert [ok for ok, _ in findings(read_settings(None, sync_env="production"))] == [False]
