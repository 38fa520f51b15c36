"""The whole reverse sync: the trigger of Gestão Scouter, its HTTP queue, the receiver, the inbox, the drain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import sync_pipelines.scouter
from sync_pipelines.lib.records.inbox_pool import InboxPool
from sync_pipelines.receiver.serving import build
from sync_pipelines.sandbox.scouter import net
from sync_pipelines.sandbox.servers import BackgroundServer
from sync_pipelines.sandbox.vault import VAULT
from sync_pipelines.scouter.endpoints import WEBHOOK, endpoints
from sync_pipelines.settings import read_as
from sync_pipelines.settings.scouter import ScouterSettings
from sync_pipelines_tests.scouter.pair import LEAD, Pair

SECRET = "um-segredo-so-do-webhook-7f3a"
TRIGGER = Path(sync_pipelines.scouter.__file__).parent / "sql" / "webhook_trigger.sql"


@pytest.fixture
def triggered(pair: Pair) -> Iterator[Pair]:
    """A pair whose Gestão Scouter announces its changes to a receiver."""
    settings = read_as(
        ScouterSettings,
        None,
        ops_database_url=pair.ops_url,
        scouter_way_back=True,
        scouter_webhook_secret=SECRET,
    )
    with (
        closing(InboxPool(pair.ops_url)) as inbox,
        BackgroundServer(build(settings, [endpoints(settings)], inbox=inbox)) as server,
        pair.gestao.transaction(force_rollback=True),
    ):
        pair.gestao.execute(VAULT)
        for name, value in (("URL", server.url + WEBHOOK.path), ("SECRET", SECRET)):
            pair.gestao.execute(
                "insert into vault.secrets (name, secret) values (%s, encode(convert_to(%s, 'utf8'), 'base64'))",
                [f"GESTAO_WEBHOOK_{name}", value],
            )
        net.install(pair.gestao)
        pair.push(LEAD)
        pair.gestao.execute(TRIGGER.read_bytes())
        yield pair


def test_an_edit_arrives_and_what_it_sets_off_ends_there(triggered: Pair) -> None:
    pair = triggered
    # As an application does that knows nothing of us: the mark and the date of our push stay on the row.
    pair.gestao.execute("update public.leads set nome = 'Ana Nova', age = 40 where id = %s", [LEAD])
    assert net.deliver(pair.gestao) == [200]
    drained = pair.drain()
    assert (drained.read, drained.updated) == (1, 1)
    assert (pair.here()["name"], pair.here()["age"]) == ("Ana Nova", 40)
    assert pair.would_push(LEAD) == []
    # A change here goes over, and its echo, should anybody announce it, is known.
    pair.leads.execute("update public.leads set name = 'Ana Daqui' where id = %s", [LEAD])
    assert pair.would_push(LEAD) == [LEAD]
    pair.push(LEAD)
    pair.receive(pair.there())
    assert pair.drain().ignored == {"echo of the last exchange": 1}
    assert pair.here()["name"] == "Ana Daqui"


def test_several_edits_before_a_drain_and_after_it_are_all_taken(triggered: Pair) -> None:
    pair = triggered
    for name in ("Ana Um", "Ana Dois"):
        pair.gestao.execute("update public.leads set nome = %s where id = %s", [name, LEAD])
        net.deliver(pair.gestao)
    pair.drain()
    assert pair.here()["name"] == "Ana Dois"
    # Nothing there dates a row anew, so this version is as old as the push, and older than our last drain.
    pair.gestao.execute("update public.leads set nome = 'Ana Três' where id = %s", [LEAD])
    net.deliver(pair.gestao)
    pair.drain()
    assert pair.here()["name"] == "Ana Três"
    # Back to what was pushed first: the content of the last exchange is another one by now.
    first = pair.leads.execute("select name from kept.leads where id = %s", [LEAD]).fetchone()
    assert first is not None
    pair.gestao.execute("update public.leads set nome = %s where id = %s", [first[0], LEAD])
    net.deliver(pair.gestao)
    pair.drain()
    assert pair.here()["name"] == first[0]
