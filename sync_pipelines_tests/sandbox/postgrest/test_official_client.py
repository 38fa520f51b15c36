"""The official Python client works against the fake as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from postgrest import APIError, CountMethod, SyncPostgrestClient

from sync_pipelines.sandbox.postgrest.fake import PostgrestFake
from sync_pipelines_tests.sandbox.postgrest.conftest import Api, Kind


@pytest.fixture
def fake(contract_url: str, start: Callable[[Kind], Api]) -> Iterator[PostgrestFake]:
    start("fake 16").run("truncate public.things, public.parts")
    with PostgrestFake(contract_url) as opened:
        yield opened


@pytest.fixture
def client(fake: PostgrestFake) -> Iterator[SyncPostgrestClient]:
    headers = {"apikey": fake.service_key, "Authorization": f"Bearer {fake.service_key}"}
    with SyncPostgrestClient(f"{fake.url}/rest/v1", headers=headers) as opened:
        yield opened


def things(*numbers: int) -> list[dict[str, object]]:
    return [{"id": number, "name": f"coisa {number}"} for number in numbers]


def test_it_inserts_and_upserts(client: SyncPostgrestClient) -> None:
    inserted = client.from_("things").insert(things(1, 2)).execute()
    assert [row["note"] for row in inserted.data] == ["nada", "nada"]  # type: ignore[index, call-overload]
    rows = [{"id": 1, "name": "novo", "note": "x"}, {"id": 3, "name": "coisa 3"}]
    merged = client.from_("things").upsert(rows, on_conflict="id", default_to_null=False).execute()
    assert [(row["id"], row["note"]) for row in merged.data] == [(1, "x"), (3, "nada")]  # type: ignore[index, call-overload]


def test_it_reads_counts_and_pages(client: SyncPostgrestClient) -> None:
    client.from_("things").insert(things(*range(1, 8))).execute()
    page = (
        client.from_("things")
        .select("id", count=CountMethod.exact)
        .gt("id", 1)
        .order("id", desc=True)
        .range(0, 2)
    ).execute()
    assert page.count == 6
    assert page.data == [{"id": 7}, {"id": 6}, {"id": 5}]
    picked = client.from_("things").select("id").in_("name", ["coisa 1", "coisa, 2"]).execute()
    assert picked.data == [{"id": 1}]
    either = client.from_("things").select("id").or_("id.lt.2,and(id.gt.5,id.lt.7)").order("id").execute()
    assert either.data == [{"id": 1}, {"id": 6}]
    assert client.from_("things").select("id").eq("id", 4).single().execute().data == {"id": 4}
    assert client.from_("things").select("id", count=CountMethod.exact, head=True).execute().count == 7


def test_it_changes_deletes_and_calls(client: SyncPostgrestClient) -> None:
    client.from_("things").insert(things(1, 2)).execute()
    changed = client.from_("things").update({"note": "z"}).eq("id", 1).execute()
    assert changed.data[0]["note"] == "z"  # type: ignore[index, call-overload]
    assert len(client.from_("things").delete().eq("id", 1).execute().data) == 1
    assert client.rpc("add", {"a": 1, "b": 2}).execute().data == 3


def test_it_reads_the_rows_of_a_function(client: SyncPostgrestClient) -> None:
    client.from_("things").insert(things(*range(1, 8))).execute()
    called = client.rpc("many", {}, count=CountMethod.exact).gt("id", 2).order("id", desc=True).limit(2)
    page = called.execute()
    assert (page.count, [row["id"] for row in page.data]) == (5, [7, 6])  # type: ignore[index, call-overload]
    read = client.rpc("from_id", {"id": 6}, get=True).select("id").execute()
    assert read.data == [{"id": 6}, {"id": 7}]
    assert client.rpc("many", {}).select("id").eq("id", 4).single().execute().data == {"id": 4}


def test_it_understands_what_it_is_refused_for(client: SyncPostgrestClient) -> None:
    for table, row, code in (
        ("things", {"id": 1, "name": "a", "nope": 1}, "PGRST204"),
        ("nowhere", {"id": 1}, "PGRST205"),
        ("things", {"id": 1}, "23502"),
    ):
        with pytest.raises(APIError) as refused:
            client.from_(table).insert([row]).execute()
        assert refused.value.code == code
