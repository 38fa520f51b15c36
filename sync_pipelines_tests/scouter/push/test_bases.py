"""The base of a merge that is not simply what the last push wrote: switched on late or off, other mappings."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg.types.json import Jsonb

from sync_pipelines_tests.scouter.installation import Installation
from sync_pipelines_tests.scouter.two_way import LEAD, LONG_AGO, TwoWay

PERSON = "Pessoa 1 ção 🙂"


@pytest.fixture
def switched(installation: Installation) -> TwoWay:
    """Leads that were pushed while the reverse sync was off; it is switched on by `on`."""
    installation.leads([1, 2, 3], LONG_AGO, etapa="Nova", age=20, fonte="Site", celular="11 90000-0000")
    two_way = TwoWay(installation)
    two_way.push()
    assert installation.total().accepted == 3
    return two_way


def on(two_way: TwoWay) -> None:
    two_way.installation.use(scouter_way_back=True)


def off(two_way: TwoWay) -> None:
    two_way.installation.use(scouter_way_back=False)


@pytest.mark.parametrize("first", ["drain", "push"])
def test_switched_on_and_changed_here_only(switched: TwoWay, first: str) -> None:
    switched.edit(name="Ana Daqui", etapa=None)
    on(switched)
    getattr(switched, first)()
    switched.is_quiet()
    switched.are(name="Ana Daqui", etapa=None, age=20)
    assert switched.conflicts == []


@pytest.mark.parametrize("first", ["drain", "push"])
@pytest.mark.parametrize("is_announced", [True, False])
def test_switched_on_and_changed_there_only(switched: TwoWay, first: str, is_announced: bool) -> None:
    row = switched.edit_there(announce=False, nome="Ana de Lá", etapa=None)
    on(switched)
    if is_announced:
        switched.announce(row)
    else:
        switched.edit(address="Rua Nova")  # so that the push looks at the lead
    getattr(switched, first)()
    switched.is_quiet()
    switched.are(name="Ana de Lá", etapa=None, age=20)
    assert switched.conflicts == []


@pytest.mark.parametrize("first", ["drain", "push"])
def test_switched_on_and_changed_on_both_sides(switched: TwoWay, first: str) -> None:
    """Nothing is known of single fields then: what differs is decided by time and listed, and nothing is emptied."""
    switched.edit(name="Ana Daqui", fonte=None)
    switched.edit_there(etapa="Ligou", age=None)
    on(switched)
    getattr(switched, first)()
    switched.is_quiet()
    switched.are(name=PERSON, etapa="Ligou", age=20, fonte="Site")
    assert switched.conflicts == [
        ("etapa", '"Nova"', '"Ligou"', "there"),
        ("nome", '"Ana Daqui"', f'"{PERSON}"', "there"),
    ]


def test_switched_on_over_many_leads_looks_at_each_once(switched: TwoWay) -> None:
    installation = switched.installation
    installation.leads(range(100, 1300), LONG_AGO)
    switched.push()
    on(switched)
    switched.drain()
    without = "select count(*) from ops.lead_exchanges where fields is null"
    assert installation.ops.execute(without).fetchone() == (0,)
    switched.push()
    assert installation.total().accepted == 0
    switched.edit_there(LEAD + 500, etapa="Ligou")
    switched.is_quiet()
    switched.are(LEAD + 500, etapa="Ligou")
    assert switched.conflicts == []


def test_switched_off_the_push_overwrites_as_ever(two_way: TwoWay) -> None:
    off(two_way)
    two_way.edit(name="Ana Daqui")
    two_way.edit_there(announce=False, etapa="Ligou")
    two_way.push()
    two_way.are(name="Ana Daqui", etapa="Nova")


@pytest.mark.parametrize("is_changed_here", [True, False])
def test_switched_off_and_on_again(two_way: TwoWay, is_changed_here: bool) -> None:
    off(two_way)
    two_way.edit(name="Ana Um")
    two_way.push()
    two_way.edit(name="Ana Dois")
    two_way.push()
    on(two_way)
    if is_changed_here:
        two_way.drain()  # the base is taken before anything changes
        two_way.edit(age=21)
    two_way.edit_there(etapa="Ligou")
    two_way.is_quiet()
    two_way.are(name="Ana Dois", etapa="Ligou", age=21 if is_changed_here else 20)
    assert two_way.conflicts == []


def test_an_edit_back_there_while_it_was_off(two_way: TwoWay) -> None:
    """What was known before is void: the row is as it was then, and yet somebody changed it."""
    off(two_way)
    two_way.edit(name="Ana Um")
    two_way.push()
    two_way.edit_there(announce=False, nome=PERSON)
    on(two_way)
    two_way.edit(address="Rua Nova")
    two_way.is_quiet()
    two_way.are(name=PERSON)
    assert two_way.conflicts == []


def use_mapping(installation: Installation, **fields: Any) -> None:
    """The default preset from now on: id, name, updated_at and these."""
    installation.tab.execute("truncate public.gestao_scouter_field_mappings")
    mapping = {"id": "id", "nome": "name", "updated_at": "updated_at", **fields}
    installation.tab.execute(
        "insert into public.gestao_scouter_field_mappings (name, mappings, is_default) values ('novo', %s, true)",
        [Jsonb(mapping)],
    )


@pytest.fixture
def narrow(installation: Installation) -> TwoWay:
    """Three leads that were pushed with their names only."""
    installation.use(scouter_way_back=True)
    use_mapping(installation)
    installation.leads([1, 2, 3], LONG_AGO, age=20, fonte="Site")
    two_way = TwoWay(installation)
    two_way.push()
    return two_way


def test_a_column_that_the_mapping_gains_has_no_base(narrow: TwoWay) -> None:
    """Filled on one side it goes to the other; filled differently on both it is a conflict."""
    gestao = narrow.installation.gestao
    gestao.execute(
        "update public.leads set etapa = 'Ligou', fonte = 'Feira', updated_at = now() where id = %s", [LEAD]
    )
    use_mapping(narrow.installation, age="age", etapa="etapa", fonte="fonte")
    narrow.edit(name="Ana Daqui")
    narrow.is_quiet()
    narrow.are(name="Ana Daqui", age=20, etapa="Ligou")
    (conflict,) = narrow.conflicts
    assert conflict[:3] == ("fonte", '"Site"', '"Feira"')
    narrow.are(LEAD + 1, age=20, fonte="Site", etapa=None)
    narrow.edit_there(LEAD + 1, etapa="Agendada", age=None)
    narrow.is_quiet()
    narrow.are(LEAD + 1, age=None, fonte="Site", etapa="Agendada")
    assert narrow.conflicts == [conflict]


def test_a_number_that_only_gestao_scouter_has_is_listed_before_the_push_goes_over_it(
    two_way: TwoWay,
) -> None:
    """`telefone` goes one way; nothing is known of the lead, as on the first day or after ops was lost."""
    two_way.edit_there(announce=False, telefone="11 95555-5555")
    two_way.installation.ops.execute("truncate ops.lead_exchanges")
    two_way.push()
    (conflict,) = two_way.conflicts
    assert (conflict[0], conflict[2:]) == ("telefone", ('"11 95555-5555"', "here"))


def test_a_column_that_the_mapping_loses_and_gains_again_keeps_its_base(two_way: TwoWay) -> None:
    use_mapping(two_way.installation, age="age")
    two_way.edit(name="Ana Daqui")
    two_way.edit_there(age=44)
    two_way.is_quiet()
    two_way.edit_there(announce=False, etapa="Ligou")
    two_way.installation.tab.execute("truncate public.gestao_scouter_field_mappings")
    two_way.edit(fonte="Feira")
    two_way.is_quiet()
    two_way.are(name="Ana Daqui", age=44, etapa="Ligou", fonte="Feira")
    assert two_way.conflicts == []


@pytest.mark.parametrize("column", ["etapa", "fonte"])
def test_a_job_of_some_fields_forgets_nothing_of_the_others(two_way: TwoWay, column: str) -> None:
    installation = two_way.installation
    two_way.edit(name="Ana Daqui", fonte="Feira")
    two_way.edit_there(announce=False, etapa="Ligou")
    today = installation.push.today()
    job = installation.actions().create(today, today, fields_selected=["id", "name", "updated_at"])
    installation.run(job.id)
    two_way.are(name="Ana Daqui")
    assert two_way.both("fonte") == ("Feira", "Site")
    assert two_way.both("etapa")[1] == "Ligou"
    two_way.edit(**{column: "Depois"})
    two_way.is_quiet()
    two_way.are(name="Ana Daqui", **({"etapa": "Ligou", "fonte": "Feira"} | {column: "Depois"}))
    assert [one[0] for one in two_way.conflicts] == (["etapa"] if column == "etapa" else [])


def test_another_transform_of_a_field_is_another_value(two_way: TwoWay) -> None:
    use_mapping(two_way.installation, etapa={"from": "etapa", "transform": "lowercase"}, age="age")
    two_way.edit(name="Ana Daqui")
    two_way.drain()
    two_way.push()
    assert two_way.both("etapa") == ("Nova", "nova")
    assert two_way.conflicts == []


def test_a_column_that_was_made_again_there_is_nobody_clearing_it(two_way: TwoWay) -> None:
    """Dropped and made again it is empty in every row; a reload or a schema report doubts the leads."""
    installation = two_way.installation
    installation.gestao.execute("alter table public.leads drop column etapa")
    installation.gestao.execute(
        "alter table public.leads add column etapa text; notify pgrst, 'reload schema'"
    )
    installation.push.reload_cache()
    installation.ops.execute("update ops.lead_exchanges set doubted = true")
    two_way.edit_there(LEAD, nome="Ana de Lá")
    two_way.is_quiet()
    two_way.are(name="Ana de Lá", etapa="Nova")
    two_way.are(LEAD + 1, etapa="Nova")
    assert two_way.conflicts == []
