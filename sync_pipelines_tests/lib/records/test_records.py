from collections.abc import Callable, Iterator
from dataclasses import replace

import psycopg
import pytest

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres.digest import Proof
from sync_pipelines.lib.records import Records, open_records
from sync_pipelines.lib.records.proofs import RecordableProof
from sync_pipelines.lib.records.rejects import RejectedRow
from sync_pipelines.lib.storage.landing import LandedFile

ASSET = "hitss/dre_export"


@pytest.fixture
def records(new_database: Callable[[str | None], str]) -> Iterator[Records]:
    with open_records(new_database("ops")) as opened:
        yield opened


def land(records: Records, name: str = "a", asset: str = ASSET) -> int:
    return records.landings.record(
        asset, LandedFile(f"{name}.xlsx", name * 3, 10), run_id="run", details={"window": ["x", "y"]}
    )


def use(records: Records, landed: int, sheet: str = "sheet") -> None:
    records.landings.mark_usable(
        landed,
        content_digest="c",
        sheet_digest=sheet,
        details={"rows": 3},
        contents={"2025-08-01": {"full": "1"}},
    )


def reject(raw: dict[str, object], value: str | None = "x") -> RejectedRow:
    return RejectedRow(
        partition_key="2025-08-01",
        locator={"row": 7, "column": "Lancamento"},
        value=value,
        rule="amount",
        reason="no number",
        raw=raw,
    )


def recordable(
    asset: str, partition_key: str, version: str, *, proof: Proof, problem: str | None = None
) -> RecordableProof:
    return RecordableProof(
        asset=asset, partition_key=partition_key, source_version=version, proof=proof, problem=problem
    )


def test_a_file_is_newest_only_when_it_is_usable(records: Records) -> None:
    first, second = land(records, "a"), land(records, "b")
    assert records.landings.newest(ASSET) is None
    use(records, first)
    newest = records.landings.newest(ASSET)
    assert newest is not None
    assert (newest.id, newest.path, newest.status, newest.run_id) == (first, "a.xlsx", "usable", "run")
    assert newest.details == {"window": ["x", "y"], "rows": 3}
    assert records.landings.contents(first) == {"2025-08-01": {"full": "1"}}
    use(records, second)
    assert records.landings.newest(ASSET).id == second  # type: ignore[union-attr]
    assert records.landings.newest("another/asset") is None


def test_a_refused_file_keeps_its_reason_and_is_found_by_its_path_only(records: Records) -> None:
    landed = land(records)
    records.landings.mark_refused(landed, "The export was cut.")
    assert records.landings.newest(ASSET) is None
    found = records.landings.newest(ASSET, path="a.xlsx")
    assert found is not None
    assert (found.status, found.reason) == ("refused", "The export was cut.")


def test_a_sheet_is_known_by_its_digest_among_usable_files(records: Records) -> None:
    land(records)
    use(records, land(records, "b"), "one")
    assert records.landings.newest(ASSET, sheet_digest="one").path == "b.xlsx"  # type: ignore[union-attr]
    assert records.landings.newest(ASSET, sheet_digest="other") is None


def test_a_file_becomes_usable_with_its_contents_or_not_at_all(records: Records) -> None:
    landed = land(records)
    use(records, landed)
    records.landings.mark_refused(landed, "later")
    with pytest.raises(Exception, match="duplicate key"):
        use(records, landed)
    assert records.landings.newest(ASSET) is None


@pytest.mark.parametrize(
    "texts",
    [
        ["1.234,56", "=1+1", "a\x00b", 'say "x"\\', "ção\u0087\n", "\x1f", "", "😀"],
        ["\\u0000", "\\\\u0000"],
    ],
    ids=["usual", "escapes spelled out"],
)
def test_raw_content_of_any_kind_is_kept(records: Records, texts: list[str]) -> None:
    for text in texts:
        records.rejects.record(
            "hitss/dre_lines", [reject({"Ação": text, "n": 1.5})], run_id=text.replace("\x00", "")
        )
    found = records.connection.execute("select run_id, raw, source_row, rule from ops.rejects order by id")
    clean = [text.replace("\x00", "") for text in texts]
    assert found.fetchall() == [(text, {"Ação": text, "n": 1.5}, 7, "amount") for text in clean]


@pytest.mark.parametrize(
    ("locator", "row", "column"),
    [
        ({"row": 12, "column": "Valor"}, 12, "Valor"),
        ({"id": 600005}, None, None),
        ({"key": "NF\x00-7"}, None, None),
        ({"row": "B7", "column": "Val\x00or"}, None, "Valor"),
        ({"row": 2**40, "column": 3}, None, "3"),
    ],
    ids=["sheet", "record", "document", "cell", "large file"],
)
def test_a_reject_says_where_it_stands_whatever_its_source_is(
    records: Records, locator: dict[str, str | int], row: int | None, column: str | None
) -> None:
    records.rejects.record("a", [replace(reject({}), locator=locator)], run_id="run")
    found = records.connection.execute("select locator, source_row, column_name from ops.rejects").fetchall()
    clean = {
        name: value.replace("\x00", "") if isinstance(value, str) else value
        for name, value in locator.items()
    }
    assert found == [(clean, row, column)]


def test_the_newest_proof_of_each_partition_counts(records: Records) -> None:
    good, bad = Proof({"digest": "1"}, {"digest": "1"}), Proof({"digest": "1"}, {"digest": "2"})
    records.proofs.record(
        "one", [recordable("a", "m1", "v1", proof=bad), recordable("a", "m2", "v1", proof=good)]
    )
    records.proofs.record(
        "two",
        [
            recordable("a", "m1", "v2", proof=good),
            recordable("b", "m1", "v9", proof=good, problem="The load failed."),
        ],
    )
    found = records.proofs.newest("a")
    assert {key: (proof.source_version, proof.holds, proof.run_id) for key, proof in found.items()} == {
        "m1": ("v2", True, "two"),
        "m2": ("v1", True, "one"),
    }
    assert found["m1"].proof == good
    assert not records.proofs.newest("b")["m1"].holds
    assert records.proofs.newest("c") == {}


def test_nothing_of_a_batch_is_kept_when_one_row_fails(records: Records) -> None:
    broken = RejectedRow(
        partition_key="m",
        locator={"id": 7},
        value="v",
        rule=None,
        reason="why",
        raw={},  # type: ignore[arg-type]
    )
    with pytest.raises(Exception, match="null value"):
        records.rejects.record("a", [reject({}), broken], run_id="run")
    assert records.connection.execute("select count(*) from ops.rejects").fetchone() == (0,)


def test_an_error_names_the_database_and_no_row(new_database: Callable[[str | None], str]) -> None:
    with (
        pytest.raises(PermanentError, match=r"^the ops database: ") as raised,
        open_records(new_database("ops")) as records,
    ):
        records.rejects.record("a", [reject({"Recurso": "PESSOA FICTICIA"})], run_id="run", landed_id=4711)
    assert "PESSOA" not in str(raised.value)
    assert "4711" not in str(raised.value)


def test_a_lost_connection_is_opened_again_and_nothing_is_left_unrecorded(
    new_database: Callable[[str | None], str],
) -> None:
    url = new_database("ops")
    good = Proof({"digest": "1"}, {"digest": "1"})
    with open_records(url) as records, psycopg.connect(url, autocommit=True) as other:

        def lose() -> None:
            pid = records.connection.info.backend_pid
            other.execute("select pg_terminate_backend(%s)", (pid,))

        for number, month in enumerate(("m1", "m2"), 1):
            lose()
            records.proofs.record(f"run {number}", [recordable("a", month, "v", proof=good)])
        lose()
        assert set(records.proofs.newest("a")) == {"m1", "m2"}
        lose()
        landed = land(records)
        lose()
        use(records, landed)
        lose()
        newest = records.landings.newest(ASSET)
    assert newest is not None
    assert newest.id == landed


def test_an_error_of_a_statement_is_not_tried_again(records: Records) -> None:
    pid = records.connection.info.backend_pid
    with pytest.raises(Exception, match="foreign key"):
        records.rejects.record("a", [reject({})], run_id="run", landed_id=4711)
    assert records.connection.info.backend_pid == pid


def test_a_raw_value_is_kept_without_what_postgres_cannot_hold_however_deep_it_is(records: Records) -> None:
    deep: object = "bottom"
    for _ in range(400):
        deep = [deep]
    raw: dict[str, object] = {"a\x00": [{"b\ud83d": "c\x00\udc00"}, 1, None], "deep": deep}
    records.rejects.record(ASSET, [reject(raw)], run_id="run")
    (found,) = records.rejects.database.all("select raw::text from ops.rejects", ())
    assert '"a": [{"b?": "c?"}, 1, null]' in found[0]
    assert "nested too deep" in found[0]
