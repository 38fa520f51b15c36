"""The ops database put back from a backup, or emptied, and what an interrupted merge left in TabuladorMax."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from sync_pipelines_tests.scouter.push.test_moments import push_and
from sync_pipelines_tests.scouter.two_way import LEAD, TwoWay

PERSON = "Pessoa 1 ção 🙂"
TABLES = ("lead_exchanges", "page_writes", "lead_field_lists", "inbox")


class Backup:
    """The ops database's tables of the reverse sync, as they were when it was made."""

    def __init__(self, two_way: TwoWay) -> None:
        self.ops = two_way.installation.ops
        for table in TABLES:
            self.ops.execute(f"create table kept_{table} as table ops.{table}".encode())

    def restore(self) -> None:
        for table in TABLES:
            self.ops.execute(
                f"truncate ops.{table}; insert into ops.{table} overriding system value table kept_{table};"
                f" drop table kept_{table}".encode()
            )


def empty(two_way: TwoWay) -> None:
    names = ", ".join(f"ops.{table}" for table in TABLES)
    two_way.installation.ops.execute(f"truncate {names} restart identity".encode())


def die(moment: str) -> None:
    if moment == "committed":
        raise KeyboardInterrupt


def test_restored_from_before_edits_on_both_sides(two_way: TwoWay) -> None:
    backup = Backup(two_way)
    two_way.edit(etapa="Daqui")
    two_way.edit_there(fonte="Feira")
    two_way.edit(LEAD + 1, name="Ana Dois")
    two_way.edit_there(LEAD + 2, etapa="Dela")
    two_way.is_quiet()
    backup.restore()
    two_way.is_quiet()
    two_way.are(etapa="Daqui", fonte="Feira")
    two_way.are(LEAD + 1, name="Ana Dois")
    two_way.are(LEAD + 2, etapa="Dela")
    two_way.edit(LEAD + 1, etapa="Daqui")
    two_way.edit_there(LEAD + 1, fonte="Feira")
    two_way.is_quiet()
    two_way.are(LEAD + 1, etapa="Daqui", fonte="Feira", name="Ana Dois")


@pytest.mark.parametrize("is_announced", [True, False])
def test_restored_and_edits_since_that_nobody_saw(two_way: TwoWay, is_announced: bool) -> None:
    backup = Backup(two_way)
    two_way.edit(etapa="Daqui")
    two_way.edit_there(fonte="Feira")
    two_way.is_quiet()
    two_way.edit_there(announce=is_announced, fonte="Loja")
    two_way.edit(age=31)
    two_way.edit_there(LEAD + 1, announce=is_announced, fonte=None)
    two_way.edit(LEAD + 2, etapa=None)
    backup.restore()
    two_way.is_quiet()
    two_way.are(etapa="Daqui", fonte="Feira", age=31)
    two_way.are(LEAD + 1, fonte=None)
    two_way.are(LEAD + 2, etapa=None)
    # Of the first lead nothing is known any more, so the later side stands, and the other value is listed.
    assert two_way.conflicts == [("age", "31", "20", "here"), ("fonte", '"Feira"', '"Loja"', "here")]


def test_restored_with_a_change_that_was_drained_and_waits_again(two_way: TwoWay) -> None:
    two_way.edit_there(etapa="Dela")
    backup = Backup(two_way)
    two_way.drain()
    two_way.edit(etapa="Daqui")
    two_way.push()
    two_way.are(etapa="Daqui")
    backup.restore()
    two_way.is_quiet()
    two_way.are(etapa="Daqui")


def test_restored_from_a_backup_that_was_made_during_a_push(two_way: TwoWay) -> None:
    """What it says was about to be written is not what was written last."""
    two_way.edit(name="Ana B")
    backups: list[Backup] = []
    push_and(two_way, lambda: backups.append(Backup(two_way)), before="upsert")
    two_way.edit(name="Ana C")
    two_way.push()
    two_way.edit(name=PERSON)
    backups[0].restore()
    two_way.is_quiet()
    two_way.are(name=PERSON)


def test_restored_from_before_the_first_push_of_a_lead_that_came_from_there(two_way: TwoWay) -> None:
    two_way.make_there(LEAD + 50, nome="Ana A", etapa="Nova")
    two_way.drain()
    two_way.push()
    backup = Backup(two_way)
    two_way.edit(LEAD + 50, name="Ana B")
    two_way.push()
    two_way.edit(LEAD + 50, name="Ana A")
    backup.restore()
    two_way.is_quiet()
    two_way.are(LEAD + 50, name="Ana A")


def test_restored_from_before_a_lead_that_is_deleted_here_since(two_way: TwoWay) -> None:
    """Its row bears our mark: it is not one that Gestão Scouter made."""
    backup = Backup(two_way)
    new = two_way.installation.lead(60, datetime.now(UTC), etapa="Nova")
    two_way.push()
    two_way.delete(new)
    backup.restore()
    two_way.edit_there(new, etapa="Ligou")
    two_way.drain()
    two_way.push()
    two_way.drain()
    assert two_way.installation.tab.execute("select from leads where id = %s", [new]).fetchone() is None


def test_restored_and_a_field_that_was_emptied_here_since(two_way: TwoWay) -> None:
    """What stands there is our own value of before, not one that fills a gap."""
    backup = Backup(two_way)
    two_way.edit(etapa="Ligou")
    two_way.push()
    two_way.edit(etapa=None)
    backup.restore()
    two_way.is_quiet()
    two_way.are(etapa=None)
    assert two_way.conflicts == [("etapa", "null", '"Ligou"', "here")]


def test_emptied_with_edits_on_both_sides(two_way: TwoWay) -> None:
    two_way.edit(etapa="Daqui")
    two_way.edit_there(fonte="Feira")
    two_way.edit_there(LEAD + 1, etapa="Dela", announce=False)
    two_way.edit(LEAD + 2, fonte="Loja", age=None)
    empty(two_way)
    two_way.is_quiet()
    # Without a base a filled value wins over an empty one, and two filled ones are a conflict.
    two_way.are(LEAD + 1, etapa="Dela")
    two_way.are(LEAD + 2, fonte="Loja", age=20)
    assert [one[0] for one in two_way.conflicts] == ["etapa", "fonte", "etapa", "fonte"]
    two_way.edit(etapa="Depois")
    two_way.edit_there(LEAD + 1, etapa=None)
    two_way.is_quiet()
    two_way.are(etapa="Depois")
    two_way.are(LEAD + 1, etapa=None)


def test_emptied_and_a_webhook_comes_again(two_way: TwoWay) -> None:
    row = two_way.edit_there(etapa="Dela")
    two_way.is_quiet()
    two_way.edit(etapa="Daqui")
    two_way.is_quiet()
    empty(two_way)
    two_way.announce(row)
    two_way.is_quiet()
    two_way.are(etapa="Daqui")


def test_what_an_interrupted_merge_left_decides_no_change_of_another_inbox(two_way: TwoWay) -> None:
    """Its numbers of the inbox are those of other changes then."""
    installation = two_way.installation
    two_way.edit_there(etapa="Dela")
    with pytest.raises(KeyboardInterrupt):
        replace(installation.reverse_sync(), probe=die).run("drain")
    assert installation.tab.execute("select count(*) from sync_private.leads_merged").fetchone() == (1,)
    empty(two_way)
    new = LEAD + 50
    installation.gestao.execute(
        "insert into public.leads (id, nome, updated_at) values (%s, 'Nova Pessoa', now())", [new]
    )
    two_way.announce(installation.there()[new])
    two_way.is_quiet()
    two_way.are(etapa="Dela")
    two_way.are(new, name="Nova Pessoa")
