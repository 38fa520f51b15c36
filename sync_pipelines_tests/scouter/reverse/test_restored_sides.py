"""Either side put back from a backup: what was exchanged since comes back, or what the docs say of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sync_pipelines.scouter.push.options import PushOptions
from sync_pipelines_tests.scouter.two_way import LEAD, TwoWay

READ = PushOptions(compare=True)


class Backup:
    """Gestão Scouter's leads, as they were when it was made."""

    def __init__(self, two_way: TwoWay) -> None:
        self.gestao = two_way.installation.gestao
        self.gestao.execute("create table kept as table public.leads")

    def restore(self) -> None:
        self.gestao.execute("truncate public.leads; insert into public.leads table kept; drop table kept")


def test_an_edit_here_since_is_not_undone_by_the_value_that_was_there_before(two_way: TwoWay) -> None:
    two_way.edit_there(etapa="Ligou")
    two_way.drain()
    two_way.push()
    backup = Backup(two_way)
    two_way.edit(etapa="Nova")
    two_way.push()
    backup.restore()
    two_way.push(READ)
    two_way.is_quiet()
    two_way.are(etapa="Nova")
    assert two_way.conflicts == []


def test_an_edit_there_since_is_not_lost_on_both_sides(two_way: TwoWay) -> None:
    backup = Backup(two_way)
    two_way.edit_there(etapa="Ligou")
    two_way.drain()
    two_way.push()
    backup.restore()
    two_way.push(READ)
    two_way.is_quiet()
    two_way.are(etapa="Ligou")
    assert two_way.conflicts == []


def test_an_edit_there_after_the_restoring_is_one(two_way: TwoWay) -> None:
    backup = Backup(two_way)
    two_way.edit_there(etapa="Ligou")
    two_way.drain()
    two_way.push()
    backup.restore()
    two_way.edit_there(fonte="Feira")
    two_way.push(READ)
    two_way.is_quiet()
    two_way.are(fonte="Feira", etapa="Nova")  # that row is dated after "Ligou", and says "Nova"


def test_a_lead_that_the_backup_lacks_is_made_again_as_it_was(two_way: TwoWay) -> None:
    backup = Backup(two_way)
    new = two_way.installation.lead(60, datetime.now(UTC), etapa="Nova")
    two_way.push()
    two_way.edit_there(new, etapa="Ligou")
    two_way.drain()
    backup.restore()
    two_way.push(READ)
    two_way.is_quiet()
    two_way.are(new, etapa="Ligou")
    two_way.are(LEAD, etapa="Nova")


@pytest.mark.parametrize("is_forgotten", [True, False])
def test_tabuladormax_put_back_counts_as_its_change_unless_a_person_wants_the_later_side(
    two_way: TwoWay, is_forgotten: bool
) -> None:
    tab = two_way.installation.tab
    tab.execute("create table kept as table public.leads")
    two_way.edit_there(etapa="Ligou")
    two_way.drain()
    two_way.push()
    tab.execute(
        "alter table public.leads disable trigger user;"
        "update public.leads as lead set etapa = kept.etapa, updated_at = kept.updated_at from kept"
        " where kept.id = lead.id; alter table public.leads enable trigger user; drop table kept"
    )
    if is_forgotten:
        two_way.installation.ops.execute("truncate ops.lead_exchanges")
    two_way.push(READ)
    two_way.is_quiet()
    two_way.are(etapa="Ligou" if is_forgotten else "Nova")
    assert two_way.conflicts == ([("etapa", '"Nova"', '"Ligou"', "there")] if is_forgotten else [])
