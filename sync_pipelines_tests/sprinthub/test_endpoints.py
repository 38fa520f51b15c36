"""The webhook for new leads over a socket, through the receiver: who may call it, what is stored, what is answered."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.records.inbox_pool import InboxPool
from sync_pipelines.receiver.serving import build, serve
from sync_pipelines.sandbox.servers import BackgroundServer
from sync_pipelines.settings import read_as
from sync_pipelines.settings.sprinthub import SprinthubSettings
from sync_pipelines.sprinthub.endpoints import endpoints

SECRET = "um-segredo-so-do-crm-81c2"
OWN = {"X-Webhook-Secret": SECRET}
PATH = "/webhooks/sprinthub"
PERSON = "Joana Plantada"


def settings(ops_url: str, **given: Any) -> SprinthubSettings:
    values = {"sprinthub_webhook": True, "sprinthub_webhook_secret": SECRET} | given
    return read_as(SprinthubSettings, None, ops_database_url=ops_url, **values)


@dataclass
class Webhook:
    """A receiver that serves the webhook, and what it stored."""

    client: httpx.Client
    ops: psycopg.Connection[Any]

    def post(self, document: Any, headers: dict[str, str] | None = None, path: str = PATH) -> httpx.Response:
        return self.client.post(path, json=document, headers=OWN if headers is None else headers)

    @property
    def stored(self) -> list[tuple[Any, ...]]:
        return self.ops.execute(
            "select topic, key, source, status, payload from ops.inbox order by id"
        ).fetchall()


NewWebhook = Callable[..., Webhook]


@pytest.fixture
def new_webhook(new_database: Callable[[str | None], str]) -> Iterator[NewWebhook]:
    with ExitStack() as stack:

        def make(**given: Any) -> Webhook:
            ops_url = new_database("ops")
            known = settings(ops_url, **given)
            inbox = stack.enter_context(closing(InboxPool(ops_url)))
            server = stack.enter_context(BackgroundServer(build(known, [endpoints(known)], inbox=inbox)))
            client = stack.enter_context(httpx.Client(base_url=server.url))
            return Webhook(client, stack.enter_context(psycopg.connect(ops_url, autocommit=True)))

        yield make


def test_a_new_lead_is_stored_and_nothing_else_happens(
    new_webhook: NewWebhook, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    webhook, body = new_webhook(), {"event": "lead.created", "lead": {"id": 113_001, "fullname": PERSON}}
    answer = webhook.post(body)
    assert (answer.status_code, answer.json()["leadId"]) == (200, 113_001)
    assert webhook.stored == [("sprinthub/leads", "113001", "crm", "waiting", body)]
    said = answer.text + "\n".join(record.getMessage() for record in caplog.records)
    assert [hidden for hidden in (PERSON, SECRET) if hidden in said] == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Webhook-Secret": "outro-segredo-do-mesmo-tamanho"},
        {"apikey": SECRET},
        # Of a URL such as https://user:secret@host.
        {"Authorization": "Basic Y3JtOnVtLXNlZ3JlZG8tc28tZG8tY3JtLTgxYzI="},
    ],
)
def test_who_does_not_bring_the_secret_in_its_header_stores_nothing(
    new_webhook: NewWebhook, headers: dict[str, str]
) -> None:
    webhook = new_webhook()
    assert webhook.post({"lead": {"id": 1}}, headers).status_code == 401
    assert webhook.post({"lead": {"id": 1}}, headers, f"{PATH}?secret={SECRET}").status_code == 401
    assert webhook.stored == []


def test_the_secret_may_come_as_a_bearer_token(new_webhook: NewWebhook) -> None:
    webhook = new_webhook()
    assert webhook.post({"lead": {"id": 1}}, {"Authorization": f"Bearer {SECRET}"}).status_code == 200
    assert len(webhook.stored) == 1


def test_path_and_payload_are_the_configured_ones(new_webhook: NewWebhook) -> None:
    webhook = new_webhook(sprinthub_webhook_path="/crm/novo", sprinthub_webhook_lead_id="lead.id,data.0.id")
    assert webhook.post({"data": [{"id": "42"}]}, path="/crm/novo").status_code == 200
    assert webhook.post({"data": [{"id": "42"}]}).status_code == 404
    assert [row[1] for row in webhook.stored] == ["42"]


def test_a_body_without_a_lead_is_answered_400_and_quotes_nothing(new_webhook: NewWebhook) -> None:
    webhook = new_webhook()
    for body in ({"lead": {"fullname": PERSON}}, {"lead": {"id": PERSON}}, [], "lead", {"id": 7}):
        answer = webhook.post(body)
        assert answer.status_code == 400
        assert "lead.id" in answer.json()["error"]
        assert PERSON not in answer.text
    assert webhook.stored == []


def test_what_was_not_stored_is_never_answered_as_a_success(new_webhook: NewWebhook) -> None:
    webhook = new_webhook()
    webhook.ops.execute("alter table ops.inbox rename to elsewhere")
    answer = webhook.post({"lead": {"id": 1}})
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    webhook.ops.execute("alter table ops.elsewhere rename to inbox")
    assert webhook.post({"lead": {"id": 1}}).status_code == 200


def test_the_same_lead_twice_waits_twice(new_webhook: NewWebhook) -> None:
    webhook = new_webhook()
    for _ in range(2):
        webhook.post({"lead": {"id": 1}})
    assert [row[1] for row in webhook.stored] == ["1", "1"]


def test_it_is_off_unless_it_is_switched_on(new_webhook: NewWebhook) -> None:
    assert read_as(SprinthubSettings, None).sprinthub_webhook is False
    webhook = new_webhook(sprinthub_webhook=False)
    assert webhook.post({"lead": {"id": 1}}).status_code == 404


def test_a_webhook_that_is_off_or_without_a_secret_is_not_served(
    new_database: Callable[[str | None], str],
) -> None:
    ops_url = new_database("ops")
    off = settings(ops_url, sprinthub_webhook=False)
    with pytest.raises(PermanentError, match="SPRINTHUB_WEBHOOK=true"):
        serve(off, [endpoints(off)])
    open_to_all = settings(ops_url, sprinthub_webhook_secret=None)
    with pytest.raises(PermanentError, match="none of SPRINTHUB_WEBHOOK_SECRET is set"):
        serve(open_to_all, [endpoints(open_to_all)])
    short = settings(ops_url, sprinthub_webhook_secret="curto")
    with pytest.raises(PermanentError, match="SPRINTHUB_WEBHOOK_SECRET is shorter than 16"):
        build(short, [endpoints(short)])
