"""The expected structure of each database: generated from a migrated one, with rules that are written by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sync_pipelines.migrations import comparison, generation, items
from sync_pipelines.migrations.history import OPS, History
from sync_pipelines.migrations.items import API_ROLES, Item
from sync_pipelines.migrations.shape import FOLDER, load_shape, read_rules
from sync_pipelines_tests.migrations.databases import AIMINDSET, FABRICIO, HITSS, wrong

HISTORIES = [FABRICIO, HITSS, AIMINDSET, History("tabuladormax"), OPS]
COLUMN_RULES = ("added", "optional", "unwritten", "blank", "values")


@pytest.fixture(params=HISTORIES, ids=lambda history: history.name)
def history(request: pytest.FixtureRequest) -> History:
    found: History = request.param
    return found


def test_the_committed_shape_is_what_a_fresh_migration_gives(
    history: History, new_database: Callable[[str | None], str]
) -> None:
    url = new_database(None)
    committed = (FOLDER / history.name / "shape.json").read_text()
    assert generation.generate(history, url) == committed, "run `make shapes`"
    assert wrong(history, url) == []


def test_every_rule_is_about_a_column_that_is_there(history: History) -> None:
    fresh = items.load((FOLDER / history.name / "shape.json").read_text())
    for table, rules in read_rules(history).get("tables", {}).items():
        named = {column for rule in COLUMN_RULES for column in rules.get(rule, ())}
        assert named <= {item.name for item in fresh if (item.kind, item.on) == ("column", table)}


def test_an_applications_own_table_may_lack_what_the_rules_call_optional() -> None:
    tabuladormax = load_shape(History("tabuladormax"))
    assert "fields_synced_count" not in tabuladormax.tables["public.sync_events"].columns
    assert Item("column", "public.sync_events", "fields_synced_count") not in tabuladormax.items


def test_the_sequence_of_a_table_that_an_application_made_is_its_own_affair() -> None:
    wanted = comparison.expected(load_shape(FABRICIO), API_ROLES)
    assert Item("sequence", "public.dre_orcado", "anon") in wanted
    assert Item("sequence", "public.dre_hitss", "anon") not in wanted


def test_a_table_without_rules_is_ours_alone() -> None:
    fabricio = load_shape(FABRICIO)
    assert fabricio.tables["public.dre_orcado"].written is None
    assert "id" not in (fabricio.tables["public.dre_hitss"].written or ())


def test_items_survive_their_text() -> None:
    structure = {
        Item("schema", "private"): "",
        Item("table", "private.t"): "",
        Item("column", "private.t", "id"): "bigint",
        Item("column", "private.t", "ação"): "text",
        Item("rls", "private.t"): "enabled",
    }
    assert items.load(items.dump(structure)) == structure


@pytest.mark.parametrize(
    ("types", "name"),
    [
        ({"id": "uuid", "ano": "integer", "row_hash": "text"}, "shape D"),
        ({"id": "uuid", "ano": "integer", "relatorio": "text"}, "shape D"),
        ({"id": "uuid", "ano": "integer"}, "shape C"),
        ({"id": "bigint", "ano": "integer"}, None),
        ({"id": "uuid", "upload_batch_id": "uuid"}, "shape B"),
        ({"ano": "integer"}, None),
    ],
)
@pytest.mark.parametrize("history", [FABRICIO, HITSS], ids=lambda history: history.name)
def test_another_table_of_the_name_is_known_by_its_columns(
    history: History, types: dict[str, str], name: str | None
) -> None:
    known = load_shape(history).tables["public.dre_hitss"].known_shapes
    found = next((one.name for one in known if one.matches(types)), None)
    assert found is None if name is None else name in str(found)


def test_a_log_table_with_both_columns_is_not_the_one_of_migration_003() -> None:
    (known,) = load_shape(FABRICIO).tables["public.system_logs"].known_shapes
    assert known.matches({"metadata": "jsonb"})
    assert not known.matches({"metadata": "jsonb", "context": "jsonb"})


def test_every_note_is_about_a_table_of_its_database(history: History) -> None:
    shape = load_shape(history)
    for note in shape.notes:
        assert note.table in shape.tables
        assert note.column is None or note.column in shape.tables[note.table].columns
        assert note.sentence.format(count=7).startswith(f"{note.table} ")
