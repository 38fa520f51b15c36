"""The way back's SQL as it is shipped: which writes are announced, by the webhook and by the outbox alike."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from sync_pipelines.sandbox.scouter import net
from sync_pipelines_tests.scouter.gestao_scouter import ADDRESS, SECRET, SQL, Gestao

Announced = Callable[[], list[tuple[str, int]]]
LEAD = 558_100
MONDAY, TUESDAY = "2025-10-20 12:00+00", "2025-10-21 12:00+00"


def test_what_people_write_is_told(gestao: Gestao, announced: Announced) -> None:
    ((number,),) = gestao.as_service(
        "insert into leads (nome, sync_source) values ('Nova', 'gestao-scouter') returning id"
    )
    gestao.edit(number, aprovado=True)
    gestao.edit(number, aprovado=None)
    assert announced() == [("insert", number), ("update", number), ("update", number)]


@pytest.mark.parametrize(
    "mark", ["tabuladormax", "TabuladorMax", "tabulador-max", "Tabulador Max", "tabulador_max", "Supabase"]
)
def test_what_we_push_is_not_told_in_any_spelling(gestao: Gestao, announced: Announced, mark: str) -> None:
    gestao.push(LEAD, "Ana", MONDAY, source=mark)
    gestao.push(LEAD, "Ana Brandão", TUESDAY, source=mark)
    assert announced() == []


def test_a_push_upon_a_lead_of_theirs_is_not_told(gestao: Gestao, announced: Announced) -> None:
    gestao.push(1, "Agora do CRM", MONDAY)
    assert gestao.value("select nome from leads where id = 1") == "Agora do CRM"
    assert announced() == []


def test_a_push_that_is_repeated_word_for_word_is_not_told(gestao: Gestao, announced: Announced) -> None:
    gestao.push(LEAD, "Ana", MONDAY)
    gestao.push(LEAD, "Ana", MONDAY)
    assert announced() == []


def test_a_later_edit_of_a_pushed_lead_is_told_and_the_next_push_is_not(
    gestao: Gestao, announced: Announced
) -> None:
    gestao.push(LEAD, "Ana", MONDAY)
    gestao.edit(LEAD, aprovado=True)
    assert gestao.value("select sync_source from leads where id = %s", LEAD) == "tabuladormax"
    assert announced() == [("update", LEAD)]
    gestao.push(LEAD, "Ana", TUESDAY)
    assert announced() == []
    gestao.edit(LEAD, nome="Ana Leão")
    assert announced() == [("update", LEAD)]


def test_an_edit_that_resets_the_mark_is_told(gestao: Gestao, announced: Announced) -> None:
    gestao.push(LEAD, "Ana", MONDAY)
    gestao.edit(LEAD, nome="Ana Leão", sync_source="gestao_scouter", last_sync_at=TUESDAY)
    assert announced() == [("update", LEAD)]


def test_a_write_that_changes_only_marks_is_not_told(gestao: Gestao, announced: Announced) -> None:
    gestao.edit(1, sync_source="manual", sync_status="pending", last_sync_at=MONDAY, updated_at=MONDAY)
    gestao.edit(1, nome=gestao.value("select nome from leads where id = 1"))
    assert announced() == []


def test_one_write_of_many_leads_tells_each(gestao: Gestao, announced: Announced) -> None:
    gestao.as_service("update leads set supervisor = 'Outra' where id < 4")
    assert sorted(announced()) == [("update", 1), ("update", 2), ("update", 3)]


def test_a_column_that_is_dropped_breaks_no_write(gestao: Gestao, announced: Announced) -> None:
    gestao.run("alter table leads drop column last_sync_at, drop column sync_source, drop column sync_status")
    gestao.edit(1, nome="Outro nome")
    assert announced() == [("update", 1)]


@pytest.mark.parametrize("way", ["webhook_trigger", "outbox"])
def test_a_file_may_be_run_again_and_its_own_words_remove_it(gestao: Gestao, way: str) -> None:
    objects = (
        "select (select count(*) from pg_trigger where not tgisinternal) + (select count(*) from pg_proc)"
        " + (select count(*) from pg_namespace) + (select count(*) from pg_class)"
    )
    before = gestao.value(objects)
    gestao.install(way)
    gestao.edit(1, nome="Outro nome")
    once = gestao.value(objects)
    gestao.install(way)
    assert gestao.value(objects) == once > before
    if way == "outbox":
        assert gestao.value("select count(*) from sync_outbox.lead_changes") == 1

    text = (SQL / f"{way}.sql").read_text()
    for statement in re.findall(r"^--   ((?:drop|delete) .*;)$", text, re.MULTILINE):
        gestao.run(statement)
    assert gestao.value(objects) == before
    assert gestao.value("select count(*) from vault.secrets") == (0 if way == "webhook_trigger" else 2)


@pytest.mark.parametrize("role", ["public", "anon", "authenticated", "service_role"])
def test_nobody_calls_the_trigger_functions_by_hand(gestao: Gestao, role: str) -> None:
    gestao.install("webhook_trigger")
    gestao.install("outbox")
    allowed = "select has_function_privilege(%s, %s, 'execute')"
    for function in ("public.notify_tabuladormax()", "sync_outbox.note_change()"):
        if role != "public":
            assert gestao.value(allowed, role, function) is False
        acl = "select proacl::text !~ '[{,]=X' from pg_proc where oid = %s::regprocedure"
        assert gestao.value(acl, function) is True


class Receiver(ThreadingHTTPServer):
    """Takes the announcements and keeps them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.taken: list[tuple[str | None, dict[str, Any]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/sync-from-gestao-scouter"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.taken.append((self.headers["authorization"], body))
        self.send_response(self.server.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def set_address(gestao: Gestao, url: str) -> None:
    gestao.run(
        "update vault.secrets set secret = encode(convert_to(%s, 'utf8'), 'base64')"
        " where name = 'GESTAO_WEBHOOK_URL'",
        url,
    )


def test_the_announcement_arrives_with_the_lead_and_the_secret(gestao: Gestao, receiver: Receiver) -> None:
    gestao.install("webhook_trigger")
    set_address(gestao, receiver.url)
    gestao.edit(2, nome="Érica ✨", raw=json.dumps({"nota": "ação"}))
    assert net.deliver(gestao.connection) == [200]
    ((authorization, body),) = receiver.taken
    assert authorization == f"Bearer {SECRET}"
    assert (body["source"], body["operation"]) == ("gestao_scouter", "update")
    assert body["lead"] == gestao.value("select to_jsonb(l) from leads as l where id = 2")
    assert (body["lead"]["nome"], body["lead"]["raw"], len(body["lead"])) == (
        "Érica ✨",
        {"nota": "ação"},
        49,
    )
    assert net.deliver(gestao.connection) == []


def test_a_request_is_sent_once_whatever_comes_of_it(gestao: Gestao, receiver: Receiver) -> None:
    gestao.install("webhook_trigger")
    set_address(gestao, receiver.url)
    receiver.status = 503
    gestao.edit(1, nome="x")
    assert net.deliver(gestao.connection) == [503]
    set_address(gestao, "http://127.0.0.1:1/nobody")
    gestao.edit(1, nome="y")
    assert net.deliver(gestao.connection) == [None]
    assert net.deliver(gestao.connection) == []
    answers = gestao.run("select status_code, error_msg from net._http_response order by id")
    assert answers == [(503, None), (None, "ConnectError")]


def test_a_write_that_is_taken_back_announces_nothing(gestao: Gestao) -> None:
    gestao.install("webhook_trigger")
    with gestao.connection.transaction(force_rollback=True):
        gestao.run("update leads set nome = 'x' where id = 1")
        assert gestao.value("select count(*) from net.http_request_queue") == 1
    assert gestao.value("select count(*) from net.http_request_queue") == 0


def test_the_secret_lies_in_the_vault_and_in_no_function(gestao: Gestao) -> None:
    gestao.install("webhook_trigger")
    body = gestao.value("select pg_get_functiondef('public.notify_tabuladormax'::regproc)")
    assert "vault.decrypted_secrets" in body
    assert SECRET not in body
    assert ADDRESS not in body
    assert "SET search_path TO ''" in body
    with pytest.raises(Exception, match="permission denied for schema vault"):
        gestao.as_service("select * from vault.decrypted_secrets")


NET_THAT_TELLS = """
    create or replace function net.http_post(
        url text, body jsonb default '{}', params jsonb default '{}', headers jsonb default '{}',
        timeout_milliseconds integer default 5000
    ) returns bigint language plpgsql as $$
    begin raise exception 'cannot send % with %', body, headers; end $$
"""


@pytest.mark.parametrize(
    ("breakage", "warning"),
    [
        ("drop schema net cascade", "Lead 1 was not announced to TabuladorMax (SQLSTATE 3F000)."),
        ("drop table net.http_request_queue", "Lead 1 was not announced to TabuladorMax (SQLSTATE 42P01)."),
        (NET_THAT_TELLS, "Lead 1 was not announced to TabuladorMax (SQLSTATE P0001)."),
        ("drop schema vault cascade", "Lead 1 was not announced to TabuladorMax (SQLSTATE 42P01)."),
        ("delete from vault.secrets", "Lead 1 was not announced: the Vault needs both secrets"),
        (
            "delete from vault.secrets where name = 'GESTAO_WEBHOOK_SECRET'",
            "Lead 1 was not announced: the Vault needs both secrets",
        ),
        (
            "update vault.secrets set secret = encode('http://tabuladormax.example.com/', 'base64')"
            " where name = 'GESTAO_WEBHOOK_URL'",
            "Lead 1 was not announced: the Vault needs both secrets, and the address https.",
        ),
    ],
)
def test_a_failing_announcement_breaks_no_write_and_tells_no_secret(
    gestao: Gestao, breakage: str, warning: str
) -> None:
    gestao.install("webhook_trigger")
    gestao.run(breakage)
    gestao.warnings.clear()
    gestao.edit(1, nome="Nome que não se conta")
    assert gestao.value("select nome from leads where id = 1") == "Nome que não se conta"
    (said,) = gestao.warnings
    assert said.startswith(warning)
    assert SECRET not in said
    assert "Nome" not in said
