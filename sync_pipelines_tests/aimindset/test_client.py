"""alert-processor's every answer, and the mail that goes out instead (contract of the backup, section 5)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sync_pipelines.aimindset.client import ProjectClient, json_client
from sync_pipelines.lib.alerts import Alert, send_alert
from sync_pipelines.lib.failures import PermanentError, SyncError, TransientError
from sync_pipelines.lib.mail import MailServer
from sync_pipelines.lib.redaction import register
from sync_pipelines.sandbox.aimindset.fake import AimindsetFake
from sync_pipelines.sandbox.mail import SmtpSink
from sync_pipelines.systems import read_settings

SECRET = "senha-do-alerta-0815"


@pytest.fixture
def fake() -> Iterator[AimindsetFake]:
    with AimindsetFake() as opened:
        yield opened


def project(fake: AimindsetFake, key: str | None = None, seconds: float = 5.0) -> ProjectClient:
    return ProjectClient(
        url=fake.url,
        service_key=key or fake.service_key,
        http=lambda: json_client(seconds),
        sleep=lambda _seconds: None,
    )


def alert(fake: AimindsetFake, message: str = "falhou", **details: object) -> str:
    return project(fake).alert("Falha no Backup Automático", message, "2026-11-24T06:00:00Z", details=details)


def test_a_counted_mail_is_a_delivery(fake: AimindsetFake) -> None:
    assert alert(fake, run_id="r1") == "alert-processor (1 e-mails)"
    (body,) = fake.alerts
    assert body["type"] == "critical"
    assert body["source"] == "Falha no Backup Automático"
    assert body["timestamp"] == "2026-11-24T06:00:00Z"
    assert fake.requests[0].authorized


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("no_subscribers", "no subscriber"),
        ("subscriber_query_fails", "500"),
        ("all_fail", "could send none"),
        ("unauthorized", "401"),
        ("not_deployed", "404"),
        ("bad_gateway", "502"),
        ("throttled", "429"),
        ("not_json", "not JSON"),
        ("empty", "not JSON"),
        ("sent_as_text", "without counting a mail"),
        ("sent_as_bool", "without counting a mail"),
        ("drop", "answer|connection"),
    ],
)
def test_anything_else_is_no_delivery(fake: AimindsetFake, fault: str, said: str) -> None:
    fake.fail(fault)
    with pytest.raises(SyncError, match=said):
        alert(fake)


def test_only_what_did_not_run_is_asked_again(fake: AimindsetFake) -> None:
    fake.fail("throttled", 2)
    assert alert(fake).startswith("alert-processor")
    assert len(fake.requests) == 3
    fake.clear()
    fake.fail("bad_gateway")
    with pytest.raises(SyncError):
        alert(fake)
    assert len(fake.requests) == 1


def test_a_slow_answer_is_given_up_and_not_repeated(fake: AimindsetFake) -> None:
    fake.fail("slow", 1)
    with pytest.raises(TransientError):
        project(fake, seconds=0.3).alert("x", "y", "z", details={})
    assert len(fake.requests) == 1


def test_a_wrong_key_is_said_and_not_shown(fake: AimindsetFake) -> None:
    with pytest.raises(PermanentError) as refused:
        project(fake, key=SECRET).alert("x", "y", "z", details={})
    assert "401" in str(refused.value)
    assert SECRET not in str(refused.value)


def test_a_message_is_never_empty_and_html_and_secrets_do_not_pass(fake: AimindsetFake) -> None:
    register(SECRET)
    alert(fake, "", error=f"<script>{SECRET}</script>")
    (body,) = fake.alerts
    assert body["message"] == "sem detalhes"
    assert body["details"]["error"] == "&lt;script&gt;***&lt;/script&gt;"


def test_alerts_are_mailed_and_secrets_masked() -> None:
    register(SECRET)
    with SmtpSink() as mail:
        settings = read_settings(None, smtp_url=mail.url, alert_email_to="a@example.com, b@example.com")
        delivery = send_alert(
            Alert("hitss", "linhas\r\nBcc: x@example.com", f"senha {SECRET}"), settings.alert_channels
        )
    assert delivery.by == "e-mail (2 of 2 recipients)"
    assert [one["To"] for one in mail.messages] == ["a@example.com", "b@example.com"]
    assert mail.messages[0]["Subject"] == "🚨 [hitss] linhas Bcc: x@example.com"
    assert mail.messages[0]["Bcc"] is None
    assert SECRET not in mail.messages[0].get_content()


def test_a_refused_recipient_does_not_keep_the_others_from_theirs() -> None:
    with SmtpSink() as mail:
        mail.refuse = {"a@example.com"}
        assert MailServer(mail.url, "s@example.com").send(["a@example.com", "b@example.com"], "x", "y") == 1
        mail.refuse |= {"b@example.com"}
        with pytest.raises(PermanentError, match="refused all 2 recipients") as refused:
            MailServer(mail.url, "s@example.com").send(["a@example.com", "b@example.com"], "x", "y")
    assert "example.com" not in str(refused.value)


def test_a_mail_server_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(TransientError, match="took nothing"):
        MailServer("smtp://user:senha-secreta@127.0.0.1:1", "s@example.com").send(["a@example.com"], "x", "y")


def test_without_channels_an_alert_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    delivery = send_alert(Alert("hitss", "título", "texto"), [])
    assert delivery.by is None
    assert "ALERTA [erro] hitss: título — texto" in caplog.text


def test_a_channel_with_a_bug_does_not_hide_the_alert() -> None:
    def broken(_alert: Alert) -> str:
        raise KeyError("x")

    delivery = send_alert(Alert("hitss", "título", "texto"), [broken, lambda _alert: "the second"])
    assert delivery.by == "the second"
    assert len(delivery.reasons) == 1
