"""Both sides after a push, a drain and a push: equal, whoever changed what, and every conflict listed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.records.inbox import Arrival, Inbox
from sync_pipelines.scouter.lead import TOPIC
from sync_pipelines_tests.scouter.installation import Installation
from sync_pipelines_tests.scouter.two_way import LONG_AGO


@pytest.fixture
def both(installation: Installation) -> Installation:
    """One lead on both sides, and the reverse sync on."""
    installation.use(scouter_way_back=True)
    installation.lead(1, LONG_AGO, etapa="nova", age=20)
    push(installation)
    return installation


def push(installation: Installation) -> None:
    today = date.today()
    installation.export(today, None)


def edit_there(installation: Installation, lead: int, **columns: Any) -> None:
    """A person's edit at Gestão Scouter, and its webhook."""
    names = {"updated_at": datetime.now(UTC), **columns}
    assignments = ", ".join(f"{name} = %({name})s" for name in names)
    installation.gestao.execute(
        f"update public.leads set {assignments} where id = %(id)s".encode(), {**names, "id": lead}
    )
    announce(installation, lead)


def announce(installation: Installation, lead: int) -> None:
    row = installation.gestao.execute(
        "select row_to_json(l)::text from public.leads as l where id = %s", [lead]
    ).fetchone()
    assert row is not None
    Inbox(installation.ops, TOPIC).add(Arrival(str(lead), "gestaoscouter", f'{{"lead": {row[0]}}}'))


def drain(installation: Installation) -> Any:
    return installation.reverse_sync().run("drain").drained


LEAD = 600_001


def sides(installation: Installation, *names: tuple[str, str]) -> list[tuple[Any, Any]]:
    here = installation.tab.execute(
        "select to_jsonb(l) from public.leads as l where id = %s", [LEAD]
    ).fetchone()
    there = installation.there()[LEAD]
    assert here is not None
    return [(here[0][mine], there[theirs]) for mine, theirs in names]


NAMES = (("name", "nome"), ("etapa", "etapa"), ("age", "age"))


def conflicts(installation: Installation) -> list[tuple[Any, ...]]:
    return installation.tab.execute(
        "select field, here_value, there_value, kept from sync_private.lead_conflicts order by id"
    ).fetchall()


def test_each_side_changed_another_field(both: Installation) -> None:
    both.edit(LEAD, name="Ana Daqui")
    edit_there(both, LEAD, etapa="agendada")
    push(both)
    drain(both)
    push(both)
    assert sides(both, *NAMES) == [("Ana Daqui", "Ana Daqui"), ("agendada", "agendada"), (20, 20)]
    assert conflicts(both) == []


def test_unannounced_change_is_merged_by_the_push(both: Installation) -> None:
    both.edit(LEAD, name="Ana Daqui")
    both.gestao.execute("update public.leads set etapa = 'agendada', age = null where id = %s", [LEAD])
    push(both)
    assert sides(both, *NAMES) == [("Ana Daqui", "Ana Daqui"), ("agendada", "agendada"), (None, None)]
    posts = both.posts()
    push(both)
    assert both.posts() == posts


def test_both_changed_the_same_field(both: Installation) -> None:
    both.edit(LEAD, name="Ana Daqui")
    edit_there(both, LEAD, nome="Ana de Lá")
    drain(both)
    push(both)
    assert sides(both, *NAMES)[0] == ("Ana de Lá", "Ana de Lá")
    assert conflicts(both) == [("nome", '"Ana Daqui"', '"Ana de Lá"', "there")]


def test_a_person_takes_the_other_value(both: Installation) -> None:
    both.edit(LEAD, name="Ana Daqui")
    edit_there(both, LEAD, nome="Ana de Lá")
    done = both.reverse_sync().run("drain")
    assert [(one.field, one.here, one.there) for one in done.conflicts] == [
        ("nome", "11 characters, not shown", "11 characters, not shown")
    ]
    assert both.reverse_sync().choose([done.conflicts[0].id], "other") == 1
    push(both)
    assert sides(both, *NAMES)[0] == ("Ana Daqui", "Ana Daqui")
    assert both.reverse_sync().run("again").open_conflicts == 0


def test_a_choice_about_a_field_that_changed_since_is_refused(both: Installation) -> None:
    both.edit(LEAD, name="Ana Daqui")
    edit_there(both, LEAD, nome="Ana de Lá")
    done = both.reverse_sync().run("drain")
    both.edit(LEAD, name="Ana Depois")
    with pytest.raises(PermanentError, match="changed since"):
        both.reverse_sync().choose([done.conflicts[0].id], "other")
    assert both.reverse_sync().run("again").open_conflicts == 1


def test_the_same_conflict_again_is_one_row_with_the_latest_date(both: Installation) -> None:
    """Else one that goes on would be deleted by the date on which it began."""
    for _ in range(2):
        both.edit(LEAD, name="Ana Daqui")
        edit_there(both, LEAD, nome="Ana de Lá", updated_at="2020-01-01T00:00:00Z")
        drain(both)
        assert both.tab.execute(
            "select decided_at > now() - interval '1 day' from sync_private.lead_conflicts"
        ).fetchall() == [(True,)]
        both.tab.execute("update sync_private.lead_conflicts set decided_at = now() - interval '80 days'")
        both.edit(LEAD, name="Ana")
        push(both)


def test_a_lead_made_there_keeps_the_number_that_has_no_column_of_its_own_here(both: Installation) -> None:
    both.gestao.execute(
        "insert into public.leads (id, nome, telefone, updated_at) values (%s, 'Nova', '11999990000', now())",
        [LEAD + 1],
    )
    announce(both, LEAD + 1)
    drain(both)
    push(both)
    there = both.there()[LEAD + 1]
    assert (there["telefone"], there["celular"]) == ("11999990000", "11999990000")
    assert conflicts(both) == []


def test_leads_that_were_pushed_before_have_a_base(installation: Installation) -> None:
    installation.lead(1, LONG_AGO, etapa="nova", age=20)
    push(installation)
    installation.use(scouter_way_back=True)
    drain(installation)
    installation.edit(LEAD, name="Ana Daqui")
    edit_there(installation, LEAD, etapa="agendada")
    drain(installation)
    push(installation)
    assert sides(installation, *NAMES)[:2] == [("Ana Daqui", "Ana Daqui"), ("agendada", "agendada")]
    assert conflicts(installation) == []


def test_a_change_that_was_taken_back_before_a_push_stays_taken_back(both: Installation) -> None:
    """Its two webhooks come after the push, and in two drains."""
    edit_there(both, LEAD, etapa="X")
    edit_there(both, LEAD, etapa="nova")
    late = both.ops.execute("delete from ops.inbox returning key, source, payload::text, id").fetchall()
    both.edit(LEAD, name="Ana Daqui")
    push(both)
    for key, source, text, _ in sorted(late, key=lambda row: row[3]):
        Inbox(both.ops, TOPIC).add(Arrival(key, source, text))
        drain(both)
    push(both)
    assert sides(both, *NAMES)[:2] == [("Ana Daqui", "Ana Daqui"), ("nova", "nova")]


def test_a_late_change_under_a_date_that_was_not_raised_is_listed(both: Installation) -> None:
    """Two edits of one field under one date, of which the first is announced after the push that took the second."""
    date_there = both.there("updated_at")[LEAD]
    edit_there(both, LEAD, age=34, updated_at=date_there)
    edit_there(both, LEAD, age=35, updated_at=date_there)
    late = both.ops.execute("delete from ops.inbox returning key, source, payload::text, id").fetchall()
    both.edit(LEAD, etapa="daqui")
    push(both)
    assert sides(both, *NAMES)[2] == (35, 35)
    key, source, text, _ = min(late, key=lambda row: row[3])
    Inbox(both.ops, TOPIC).add(Arrival(key, source, text))
    drain(both)
    assert conflicts(both) == [("age", "35", "34", "there")]
