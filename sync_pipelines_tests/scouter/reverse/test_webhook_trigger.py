"""The whole reverse sync: the trigger of Gestão Scouter, its HTTP queue, the receiver, the inbox, the drain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from sync_pipelines.lib.records.inbox_pool import InboxPool
from sync_pipelines.receiver.serving import build
from sync_pipelines.sandbox.scouter import net
from sync_pipelines.sandbox.servers import BackgroundServer
from sync_pipelines.sandbox.vault import VAULT
from sync_pipelines.scouter.endpoints import WEBHOOK, endpoints
from sync_pipelines.scouter.reverse.report import DrainReport
from sync_pipelines.settings import read_as
from sync_pipelines.settings.scouter import ScouterSettings
from sync_pipelines_tests.scouter.gestao_scouter import SQL
from sync_pipelines_tests.scouter.installation import FIRST, Installation

SECRET = "um-segredo-so-do-webhook-7f3a"
LEAD = FIRST + 1
NOON = datetime(2025, 10, 21, 15, tzinfo=UTC)


@pytest.fixture
def triggered(installation: Installation) -> Iterator[Installation]:
    """One lead on both sides; Gestão Scouter announces its changes to a receiver."""
    installation.use(scouter_way_back=True, scouter_webhook_secret=SecretStr(SECRET))
    ops_url = installation.settings.require("ops_database_url")
    settings = read_as(
        ScouterSettings,
        None,
        ops_database_url=ops_url,
        scouter_way_back=True,
        scouter_webhook_secret=SECRET,
    )
    with (
        closing(InboxPool(ops_url)) as inbox,
        BackgroundServer(build(settings, [endpoints(settings)], inbox=inbox)) as server,
    ):
        installation.gestao.execute(VAULT)
        for name, value in (("URL", server.url + WEBHOOK.path), ("SECRET", SECRET)):
            installation.gestao.execute(
                "insert into vault.secrets (name, secret) values (%s, encode(convert_to(%s, 'utf8'), 'base64'))",
                [f"GESTAO_WEBHOOK_{name}", value],
            )
        net.install(installation.gestao)
        installation.gestao.execute((SQL / "webhook_trigger.sql").read_bytes())
        installation.lead(1, NOON, etapa="Nova")
        push(installation)
        yield installation


def push(installation: Installation) -> None:
    installation.export(installation.push.today())
    assert net.deliver(installation.gestao) == [], "our own push is not announced"


def edit_there(installation: Installation, **columns: Any) -> None:
    """As an application does that knows nothing of us: the mark and the date of our push stay on the row."""
    changes = ", ".join(f"{name} = %({name})s" for name in columns)
    installation.gestao.execute(f"update public.leads set {changes} where id = {LEAD}".encode(), columns)
    assert net.deliver(installation.gestao) == [200]


def drain(installation: Installation) -> DrainReport:
    return installation.reverse_sync().run("drain").drained


def names(installation: Installation) -> tuple[str, str]:
    """The name here and there."""
    row = installation.tab.execute("select name from public.leads where id = %s", [LEAD]).fetchone()
    assert row is not None
    return row[0], installation.there("nome")[LEAD]


def test_an_edit_arrives_and_what_it_sets_off_ends_there(triggered: Installation) -> None:
    edit_there(triggered, nome="Ana Nova", age=40)
    drained = drain(triggered)
    assert (drained.read, drained.updated) == (1, 1)
    assert names(triggered) == ("Ana Nova", "Ana Nova")
    posts = triggered.posts()
    push(triggered)
    assert triggered.posts() == posts
    triggered.edit(LEAD, name="Ana Daqui")
    push(triggered)
    assert names(triggered) == ("Ana Daqui", "Ana Daqui")
    assert triggered.there("age") == {LEAD: 40}
    assert triggered.reverse_sync().waiting() == 0


def test_several_edits_before_a_drain_and_after_it_are_all_taken(triggered: Installation) -> None:
    first = names(triggered)[0]
    for name in ("Ana Um", "Ana Dois"):
        edit_there(triggered, nome=name)
    drain(triggered)
    assert names(triggered)[0] == "Ana Dois"
    # Nothing there dates a row anew, so this version is as old as the push, and older than our last drain.
    edit_there(triggered, nome="Ana Três")
    drain(triggered)
    assert names(triggered)[0] == "Ana Três"
    # Back to what was pushed first: the content of the last exchange is another one by now.
    edit_there(triggered, nome=first)
    drain(triggered)
    assert names(triggered)[0] == first
    conflicts = triggered.tab.execute("select count(*) from sync_private.lead_conflicts").fetchone()
    assert conflicts == (0,)


def test_edits_on_both_sides_meet_and_nothing_goes_round(triggered: Installation) -> None:
    triggered.edit(LEAD, name="Ana Daqui")
    edit_there(triggered, etapa="Agendada")
    for _ in range(3):
        drain(triggered)
        push(triggered)
    assert names(triggered) == ("Ana Daqui", "Ana Daqui")
    assert triggered.there("etapa") == {LEAD: "Agendada"}
    assert len(triggered.posts()) == 2, "the lead itself, and the name that was changed here"
