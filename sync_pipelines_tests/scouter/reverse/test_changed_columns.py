"""Columns of Gestão Scouter that change, and mappings that change, with edits on both sides."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg.types.json import Jsonb

from sync_pipelines_tests.scouter.two_way import LEAD, TwoWay


def there(two_way: TwoWay, statement: str) -> None:
    two_way.installation.gestao.execute(f"{statement}; notify pgrst, 'reload schema'".encode())


def use_mapping(two_way: TwoWay, **fields: Any) -> None:
    tab = two_way.installation.tab
    tab.execute("truncate public.gestao_scouter_field_mappings")
    mapping = {"id": "id", "nome": "name", "updated_at": "updated_at", **fields}
    tab.execute(
        "insert into public.gestao_scouter_field_mappings (name, mappings, is_default) values ('novo', %s, true)",
        [Jsonb(mapping)],
    )


def settle(two_way: TwoWay) -> None:
    for _ in range(3):
        two_way.drain()
        two_way.push()
    assert two_way.installation.total().accepted == 0


def here(two_way: TwoWay, column: str) -> dict[int, Any]:
    query = f"select id, {column} from public.leads order by id"
    return dict(two_way.installation.tab.execute(query.encode()).fetchall())


def test_another_type_there(two_way: TwoWay) -> None:
    two_way.edit(age=31)
    there(two_way, "alter table leads alter column age type text using age::text")
    two_way.edit_there(LEAD + 1, age="44")
    two_way.edit_there(LEAD + 2, age="quarenta")
    settle(two_way)
    assert here(two_way, "age") == {LEAD: 31, LEAD + 1: 44, LEAD + 2: 20}
    assert two_way.installation.there("age") == {LEAD: "31", LEAD + 1: "44", LEAD + 2: "20"}
    assert two_way.conflicts == []


def test_renamed_there(two_way: TwoWay) -> None:
    """Of a column that was never exchanged nothing is known: what differs is decided by time and listed."""
    two_way.edit_there(etapa="Dela")
    there(two_way, "alter table leads rename column etapa to etapa_nova")
    use_mapping(two_way, etapa_nova="etapa", age="age", fonte="fonte")
    two_way.edit(LEAD + 1, etapa="Daqui")
    settle(two_way)
    values = {LEAD: "Dela", LEAD + 1: "Daqui", LEAD + 2: "Nova"}
    assert here(two_way, "etapa") == two_way.installation.there("etapa_nova") == values
    assert two_way.conflicts == [
        ("etapa_nova", '"Nova"', '"Dela"', "there"),
        ("etapa_nova", '"Daqui"', '"Nova"', "here"),
    ]


@pytest.mark.parametrize("first", ["drain", "push"])
def test_edits_of_a_field_while_the_mapping_lacks_it(two_way: TwoWay, first: str) -> None:
    use_mapping(two_way, age="age", fonte="fonte")
    two_way.edit(etapa="Daqui")
    two_way.edit_there(etapa="Dela")
    two_way.edit(LEAD + 1, etapa="Daqui", age=31)
    two_way.edit_there(LEAD + 2, etapa="Dela", fonte="Feira")
    getattr(two_way, first)()
    settle(two_way)
    assert [two_way.both("etapa", LEAD + number) for number in range(3)] == [
        ("Daqui", "Dela"),
        ("Daqui", "Nova"),
        ("Nova", "Dela"),
    ]
    two_way.installation.tab.execute("truncate public.gestao_scouter_field_mappings")
    two_way.is_quiet()
    two_way.are(LEAD, etapa="Dela")
    two_way.are(LEAD + 1, etapa="Daqui", age=31)
    two_way.are(LEAD + 2, etapa="Dela", fonte="Feira")
    assert two_way.conflicts == [("etapa", '"Daqui"', '"Dela"', "there")]


def test_another_source_of_a_field(two_way: TwoWay) -> None:
    """Two columns are filled from one here, so that the second cannot be taken back."""
    two_way.edit_there(fonte="Feira")
    use_mapping(two_way, etapa="etapa", age="age", fonte="etapa")
    settle(two_way)
    assert two_way.installation.there("fonte")[LEAD] == "Nova"
    assert here(two_way, "fonte")[LEAD] == "Site"
    assert two_way.conflicts == [("fonte", '"Nova"', '"Feira"', "here")]
