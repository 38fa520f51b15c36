"""The mapping of a push for which nobody chose one."""

from __future__ import annotations

from sync_pipelines.scouter.mapping.contract_columns import OWNED, STAMPS
from sync_pipelines.scouter.mapping.default_mapping import default_mapping

SOURCE = ("id", "name", "updated_at", "age", "celular", "telefone_casa", "photo_url", "tab_real", "criado")

DESTINATION = ("id", "nome", "updated_at", "age", "telefone", "foto", "email", "criado", "sync_source")


def test_the_pairs_of_the_contract() -> None:
    made = default_mapping(SOURCE, DESTINATION).document()
    assert {name: made[name] for name in ("id", "nome", "foto", "responsible", "age", "date_modify")} == {
        "id": "id",
        "nome": "name",
        "foto": "photo_url",
        "responsible": "responsible",
        "age": "age",
        "date_modify": "date_modify",
    }
    assert made["telefone"] == {
        "from": ["celular", "telefone_trabalho", "telefone_casa"],
        "transform": "first_non_empty",
    }
    assert {"celular", "telefone_trabalho", "telefone_casa"} <= set(made)
    assert not set(made) & (OWNED | set(STAMPS) | {"address", "responsavel", "idade", "modificado"})


def test_a_name_that_both_sides_got_later_goes_over_and_an_owned_one_does_not() -> None:
    further = {"funil_fichas", "needs_enrichment", "email", "sync_source", "only_here"}
    made = default_mapping(
        further, {"funil_fichas", "needs_enrichment", "email", "sync_source", "only_there"}
    )
    assert set(made.destinations) & (further | {"only_there"}) == {"funil_fichas"}
