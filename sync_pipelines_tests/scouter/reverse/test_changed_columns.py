"""Columns of Gestão Scouter that change, and mappings that change, with edits on both sides."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from psycopg.types.json import Jsonb

from sync_pipelines.lib.failures import SyncError
from sync_pipelines.scouter.push.full_comparison import compare_all
from sync_pipelines.scouter.push.options import PushOptions
from sync_pipelines_tests.scouter.interrupted import Interrupted, kind_of
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


@pytest.mark.parametrize("is_announced", [False, True])
def test_a_column_that_is_new_on_both_sides_undoes_no_emptying_of_another(
    two_way: TwoWay, is_announced: bool
) -> None:
    two_way.installation.tab.execute("alter table public.leads add column novo text")
    there(two_way, "alter table leads add column novo text")
    two_way.installation.push.doctor().forget()
    two_way.edit_there(announce=is_announced, etapa=None)
    if is_announced:
        two_way.push(PushOptions(compare=True))
        two_way.drain()
    two_way.push(PushOptions(compare=True))
    two_way.are(etapa=None)
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


OTHERS: list[tuple[str, Any]] = [
    ("etapa", "age"),
    ("etapa", {"from": "etapa", "transform": "lowercase"}),
    ("fonte", {"from": "celular", "transform": "digits"}),
    ("etapa", "fonte"),
]


def export_with(two_way: TwoWay, **fields: Any) -> None:
    """One export from the screen, with a mapping of its own."""
    installation = two_way.installation
    mapping = {"id": "id", "nome": "name", "updated_at": "updated_at", **fields}
    job = installation.actions().create(installation.push.today(), None, field_mappings=mapping).id
    installation.run(job, options=PushOptions(compare=True))


@pytest.mark.parametrize(("name", "mapped"), OTHERS)
@pytest.mark.parametrize("first", ["drain", "push"])
def test_one_export_with_another_mapping_of_a_field_changes_nothing_here(
    two_way: TwoWay, name: str, mapped: Any, first: str
) -> None:
    """What it wrote there is ours: the next push puts it right, and takes nobody's edit for ours."""
    before = two_way.both(name)[0]
    export_with(two_way, **{name: mapped})
    two_way.edit_there(LEAD + 1, age=44)
    getattr(two_way, first)()
    two_way.is_quiet()
    two_way.are(**{name: before})
    two_way.are(LEAD + 1, age=44, **{name: before})
    assert two_way.conflicts == []
    refused = two_way.installation.ops.execute("select key, reason from ops.inbox where status = 'rejected'")
    assert refused.fetchall() == []


@pytest.mark.parametrize(("name", "mapped"), OTHERS)
def test_one_that_is_killed_before_it_reads_back_changes_nothing_here(
    two_way: TwoWay, name: str, mapped: Any
) -> None:
    before = two_way.both(name)[0]

    def die() -> None:
        raise KeyboardInterrupt

    two_way.installation.use_client(transport=Interrupted(die, after="upsert"))
    with pytest.raises(KeyboardInterrupt):
        export_with(two_way, **{name: mapped})
    two_way.installation.use_client(transport=None)
    two_way.installation.tab.execute("delete from public.gestao_scouter_export_jobs")
    assert two_way.both(name)[1] != before
    two_way.is_quiet()
    two_way.are(**{name: before})
    assert two_way.conflicts == []


def test_an_edit_there_of_what_such_an_export_wrote_is_no_edit_of_what_stood_before(two_way: TwoWay) -> None:
    export_with(two_way, etapa={"from": "etapa", "transform": "lowercase"})
    two_way.edit_there(etapa="Ligou")
    two_way.is_quiet()
    two_way.are(etapa="Ligou")


def test_a_preset_gets_a_transform_and_loses_it(two_way: TwoWay) -> None:
    use_mapping(two_way, etapa={"from": "etapa", "transform": "lowercase"}, age="age", fonte="fonte")
    settle(two_way)
    assert two_way.both("etapa") == ("Nova", "nova")
    two_way.installation.tab.execute("truncate public.gestao_scouter_field_mappings")
    two_way.is_quiet()
    two_way.are(etapa="Nova")
    assert two_way.conflicts == []


@pytest.mark.parametrize("after", ["Site", "Loja"])
def test_an_export_of_some_fields_after_a_push_that_was_killed_forgets_none_of_the_others(
    two_way: TwoWay, after: str
) -> None:
    """What the killed push wrote there is ours, also where the export does not send it."""

    def die() -> None:
        raise KeyboardInterrupt

    two_way.edit(fonte="Feira")
    two_way.installation.use_client(transport=Interrupted(die, after="upsert"))
    with pytest.raises(KeyboardInterrupt):
        two_way.push()
    two_way.installation.use_client(transport=None)
    two_way.installation.tab.execute("delete from public.gestao_scouter_export_jobs")
    assert two_way.both("fonte") == ("Feira", "Feira")
    export_with(two_way, etapa="etapa")
    two_way.edit(fonte=after)
    two_way.edit_there(age=44)
    two_way.is_quiet()
    two_way.are(fonte=after, age=44)
    assert two_way.conflicts == []


CHANGED = [
    "alter table leads alter column age type bigint",
    "alter table leads drop column age; alter table leads add column age integer",
]


@pytest.mark.parametrize("is_announced", [True, False])
@pytest.mark.parametrize("changed", CHANGED)
@pytest.mark.parametrize("first", ["push", "drain"])
def test_a_column_that_changes_there_undoes_no_emptying_of_another(
    two_way: TwoWay, first: str, changed: str, is_announced: bool
) -> None:
    two_way.edit_there(announce=is_announced, etapa=None)
    there(two_way, changed)
    two_way.installation.push.doctor().forget()
    if first == "drain":
        two_way.drain()
    two_way.push(PushOptions(compare=True))
    two_way.is_quiet()
    two_way.are(etapa=None)
    assert two_way.conflicts == []


def test_a_drain_that_finds_a_column_missing_doubts_it(two_way: TwoWay) -> None:
    two_way.edit_there(age=44)
    there(two_way, "alter table leads drop column fonte")
    with pytest.raises(SyncError, match="42703"):
        two_way.drain()
    there(two_way, "alter table leads add column fonte text")
    two_way.push(PushOptions(compare=True))
    two_way.is_quiet()
    two_way.are(fonte="Site", age=44)


NOT_FOUND = [
    ("PGRST204", "Could not find the 'age' column of 'leads' in the schema cache"),
    ("42703", "column leads.age does not exist"),
]


@pytest.mark.parametrize(("code", "message"), NOT_FOUND)
def test_columns_that_are_away_for_a_moment_empty_nothing_here(
    two_way: TwoWay, code: str, message: str
) -> None:
    """The answer names one of them."""
    body = {"code": code, "message": message, "details": None, "hint": None}
    columns = {"age": "integer", "etapa": "text"}
    two_way.edit(name="Ana")
    refused: list[httpx.Request] = []

    class MadeAgain(Interrupted):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if kind_of(request) == ("upsert" if code == "PGRST204" else "read") and not refused:
                refused.append(request)
                for name, kind in columns.items():
                    there(
                        two_way, f"alter table leads drop column {name}; alter table leads add {name} {kind}"
                    )
                return httpx.Response(400, json=body, request=request)
            return super().handle_request(request)

    two_way.installation.use_client(transport=MadeAgain())
    two_way.push()
    two_way.installation.use_client(transport=None)
    two_way.push(PushOptions(compare=True))
    two_way.is_quiet()
    for lead in (LEAD, LEAD + 1):
        two_way.are(lead, age=20, etapa="Nova")


@pytest.mark.parametrize(("code", "message"), NOT_FOUND)
def test_a_column_that_is_not_found_for_a_moment_undoes_no_emptying_of_another(
    two_way: TwoWay, code: str, message: str
) -> None:
    body = {"code": code, "message": message, "details": None, "hint": None}
    two_way.edit(name="Ana")
    later = datetime.now(UTC) + timedelta(minutes=1)
    two_way.edit_there(LEAD + 1, announce=False, etapa=None, updated_at=later)
    refused: list[httpx.Request] = []

    class Stale(Interrupted):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if kind_of(request) == ("upsert" if code == "PGRST204" else "read") and not refused:
                refused.append(request)
                return httpx.Response(400, json=body, request=request)
            return super().handle_request(request)

    two_way.installation.use_client(transport=Stale())
    two_way.push()
    two_way.installation.use_client(transport=None)
    assert refused
    two_way.push(PushOptions(compare=True))
    two_way.is_quiet()
    two_way.are(LEAD + 1, etapa=None)
    assert two_way.conflicts == []


def kill_after_writing(two_way: TwoWay, *, before: Callable[[], object] = lambda: None) -> None:
    """A push that is killed when its first request was answered; `before` is called just before that request."""

    def die() -> None:
        raise KeyboardInterrupt

    made = two_way.installation
    made.use_client(transport=Interrupted(before, before="upsert", _inner=Interrupted(die, after="upsert")))
    with pytest.raises(KeyboardInterrupt):
        two_way.push()
    made.use_client(transport=None)
    made.tab.execute(
        "delete from public.gestao_scouter_export_jobs where status not in ('completed', 'failed')"
    )


@pytest.mark.parametrize("side", ["here", "there", "there, unannounced"])
@pytest.mark.parametrize("first", ["push", "drain"])
def test_what_a_killed_push_wrote_is_known_when_the_mapping_has_it_again(
    two_way: TwoWay, first: str, side: str
) -> None:
    """A mapping without the field came between, and settled what was left."""
    two_way.edit(fonte="Feira")
    kill_after_writing(two_way)
    use_mapping(two_way, etapa="etapa", age="age")
    two_way.edit(LEAD + 1, age=44)
    if side != "here":
        two_way.edit_there(announce=side == "there", fonte="Site")
    if first == "drain":
        two_way.drain()
    two_way.push(PushOptions(compare=True))
    two_way.installation.tab.execute("truncate public.gestao_scouter_field_mappings")
    if side == "here":
        two_way.edit(fonte="Site")
    two_way.push(PushOptions(compare=True))
    two_way.is_quiet()
    two_way.are(fonte="Site")
    assert two_way.conflicts == []


@pytest.mark.parametrize("first", ["push", "compare", "drain"])
def test_an_export_of_other_fields_ends_no_doubt(two_way: TwoWay, first: str) -> None:
    """A column that was made again is empty there, and nobody has emptied it."""
    export_with(two_way, etapa="etapa")
    there(two_way, "alter table leads drop column age; alter table leads add column age bigint")
    two_way.installation.push.doctor().forget()
    if first == "drain":
        two_way.edit_there(etapa="Ligou")
        two_way.drain()
    elif first == "compare":
        assert compare_all(two_way.installation.push, "weekly").holds
    else:
        two_way.edit(name="Ana")
        export_with(two_way, etapa="etapa")
    two_way.push(PushOptions(compare=True))
    two_way.is_quiet()
    two_way.are(age=20)


def test_a_webhook_of_before_a_killed_push_undoes_no_field_that_a_mapping_lacked(two_way: TwoWay) -> None:
    """That push went over the edit, a mapping without `fonte` settled it, and nobody edited `fonte` there."""
    rows = list[dict[str, Any]]()
    two_way.edit(fonte="Feira")

    def edit() -> None:
        rows.append(two_way.edit_there(announce=False, etapa="Ligou"))

    kill_after_writing(two_way, before=edit)
    use_mapping(two_way, etapa="etapa", age="age")
    settle(two_way)
    two_way.installation.tab.execute("truncate public.gestao_scouter_field_mappings")
    settle(two_way)
    two_way.announce(*rows)
    two_way.is_quiet()
    two_way.are(fonte="Feira", etapa="Ligou")
    assert two_way.conflicts == []
