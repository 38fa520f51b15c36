"""The whole way back: the trigger of Gestão Scouter, its HTTP queue, the receiver, the inbox, the drain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import sync_pipelines.scouter
from sync_pipelines.lib.records.inbox_pool import InboxPool
from sync_pipelines.receiver.app import WEBHOOK_PATH
from sync_pipelines.receiver.serving import build
from sync_pipelines.sandbox.scouter import net
from sync_pipelines.sandbox.servers import BackgroundServer
from sync_pipelines.sandbox.vault import VAULT
from sync_pipelines.scouter.reverse.inbox import LeadStore
from sync_pipelines.settings import read_settings
from sync_pipelines_tests.scouter.reverse.conftest import LEAD, Box

SECRET = "um-segredo-so-do-webhook-7f3a"
TRIGGER = Path(sync_pipelines.scouter.__file__).parent / "sql" / "webhook_trigger.sql"


@pytest.fixture
def triggered(box: Box) -> Iterator[Box]:
    """A box whose Gestão Scouter announces its changes to a receiver."""
    settings = read_settings(
        None, ops_database_url=box.ops_url, scouter_way_back=True, scouter_webhook_secret=SECRET
    )
    with (
        closing(LeadStore(InboxPool(box.ops_url))) as store,
        BackgroundServer(build(settings, store=store)) as server,
        box.gestao.transaction(force_rollback=True),
    ):
        box.gestao.execute(VAULT)
        for name, value in (("URL", server.url + WEBHOOK_PATH), ("SECRET", SECRET)):
            box.gestao.execute(
                "insert into vault.secrets (name, secret) values (%s, encode(convert_to(%s, 'utf8'), 'base64'))",
                [f"GESTAO_WEBHOOK_{name}", value],
            )
        net.install(box.gestao)
        box.push(LEAD)
        box.gestao.execute(TRIGGER.read_bytes())
        yield box


def test_an_edit_arrives_and_what_it_sets_off_ends_there(triggered: Box) -> None:
    box = triggered
    # As an application does that knows nothing of us: the mark and the date of our push stay on the row.
    box.gestao.execute("update public.leads set nome = 'Ana Nova', age = 40 where id = %s", [LEAD])
    assert net.deliver(box.gestao) == [200]
    drained = box.drain()
    assert (drained.read, drained.updated) == (1, 1)
    assert (box.here()["name"], box.here()["age"]) == ("Ana Nova", 40)
    assert box.would_push(LEAD) == []
    # A change here goes over, and its echo, should anybody announce it, is known.
    box.leads.execute("update public.leads set name = 'Ana Daqui' where id = %s", [LEAD])
    assert box.would_push(LEAD) == [LEAD]
    box.push(LEAD)
    box.receive(box.there())
    assert box.drain().ignored == {"echo of the last exchange": 1}
    assert box.here()["name"] == "Ana Daqui"


def test_several_edits_before_a_drain_and_after_it_are_all_taken(triggered: Box) -> None:
    box = triggered
    for name in ("Ana Um", "Ana Dois"):
        box.gestao.execute("update public.leads set nome = %s where id = %s", [name, LEAD])
        net.deliver(box.gestao)
    box.drain()
    assert box.here()["name"] == "Ana Dois"
    # Nothing there dates a row anew, so this version is as old as the push, and older than our last drain.
    box.gestao.execute("update public.leads set nome = 'Ana Três' where id = %s", [LEAD])
    net.deliver(box.gestao)
    box.drain()
    assert box.here()["name"] == "Ana Três"
    # Back to what was pushed first: the content of the last exchange is another one by now.
    first = box.leads.execute("select name from kept.leads where id = %s", [LEAD]).fetchone()
    assert first is not None
    box.gestao.execute("update public.leads set nome = %s where id = %s", [first[0], LEAD])
    net.deliver(box.gestao)
    box.drain()
    assert box.here()["name"] == first[0]
