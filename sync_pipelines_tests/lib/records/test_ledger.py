from collections.abc import Callable, Iterator

import psycopg
import pytest

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.postgres.digest import Proof
from sync_pipelines.lib.records.ledger import Ledger, RejectedRow, open_ledger
from sync_pipelines.lib.storage.landing import LandedFile

ASSET = "hitss/dre_export"


@pytest.fixture
def ledger(new_database: Callable[[str | None], str]) -> Iterator[Ledger]:
    with open_ledger(new_database("ops")) as opened:
        yield opened


def land(ledger: Ledger, name: str = "a", asset: str = ASSET) -> int:
    return ledger.land(asset, LandedFile(f"{name}.xlsx", name * 3, 10), "run", {"window": ["x", "y"]})


def use(ledger: Ledger, landed: int, sheet: str = "sheet") -> None:
    ledger.mark_usable(
        landed,
        content_digest="c",
        sheet_digest=sheet,
        details={"rows": 3},
        contents={"2025-08-01": {"full": "1"}},
    )


def reject(raw: dict[str, object], value: str | None = "x") -> RejectedRow:
    return RejectedRow(
        partition_key="2025-08-01",
        source_row=7,
        column="Lancamento",
        value=value,
        rule="amount",
        reason="no number",
        raw=raw,
    )


def test_a_file_is_newest_only_when_it_is_usable(ledger: Ledger) -> None:
    first, second = land(ledger, "a"), land(ledger, "b")
    assert ledger.newest(ASSET) is None
    use(ledger, first)
    newest = ledger.newest(ASSET)
    assert newest is not None
    assert (newest.id, newest.path, newest.status, newest.run_id) == (first, "a.xlsx", "usable", "run")
    assert newest.details == {"window": ["x", "y"], "rows": 3}
    assert ledger.contents(first) == {"2025-08-01": {"full": "1"}}
    use(ledger, second)
    assert ledger.newest(ASSET).id == second  # type: ignore[union-attr]
    assert ledger.newest("another/asset") is None


def test_a_refused_file_keeps_its_reason_and_is_found_by_its_path_only(ledger: Ledger) -> None:
    landed = land(ledger)
    ledger.mark_refused(landed, "The export was cut.")
    assert ledger.newest(ASSET) is None
    found = ledger.newest(ASSET, path="a.xlsx")
    assert found is not None
    assert (found.status, found.reason) == ("refused", "The export was cut.")


def test_a_sheet_is_known_by_its_digest_among_usable_files(ledger: Ledger) -> None:
    land(ledger)
    use(ledger, land(ledger, "b"), "one")
    assert ledger.newest(ASSET, sheet_digest="one").path == "b.xlsx"  # type: ignore[union-attr]
    assert ledger.newest(ASSET, sheet_digest="other") is None


def test_a_file_becomes_usable_with_its_contents_or_not_at_all(ledger: Ledger) -> None:
    landed = land(ledger)
    use(ledger, landed)
    ledger.mark_refused(landed, "later")
    with pytest.raises(Exception, match="duplicate key"):
        use(ledger, landed)
    assert ledger.newest(ASSET) is None


@pytest.mark.parametrize(
    "texts",
    [
        ["1.234,56", "=1+1", "a\x00b", 'say "x"\\', "ção\u0087\n", "\x1f", "", "😀"],
        ["\\u0000", "\\\\u0000"],
    ],
    ids=["usual", "escapes spelled out"],
)
def test_raw_content_of_any_kind_is_kept(ledger: Ledger, texts: list[str]) -> None:
    for text in texts:
        ledger.reject(
            "hitss/dre_lines", text.replace("\x00", ""), None, rows=[reject({"Ação": text, "n": 1.5})]
        )
    found = ledger.connection.execute("select run_id, raw, source_row, rule from ops.rejects order by id")
    clean = [text.replace("\x00", "") for text in texts]
    assert found.fetchall() == [(text, {"Ação": text, "n": 1.5}, 7, "amount") for text in clean]


def test_the_newest_proof_of_each_partition_counts(ledger: Ledger) -> None:
    good, bad = Proof({"digest": "1"}, {"digest": "1"}), Proof({"digest": "1"}, {"digest": "2"})
    ledger.record_proofs("one", [("a", "m1", "v1", bad, None), ("a", "m2", "v1", good, None)])
    ledger.record_proofs("two", [("a", "m1", "v2", good, None), ("b", "m1", "v9", good, "The load failed.")])
    found = ledger.proofs("a")
    assert {key: (proof.source_version, proof.holds, proof.run_id) for key, proof in found.items()} == {
        "m1": ("v2", True, "two"),
        "m2": ("v1", True, "one"),
    }
    assert found["m1"].proof == good
    assert not ledger.proofs("b")["m1"].holds
    assert ledger.proofs("c") == {}


def test_nothing_of_a_batch_is_kept_when_one_row_fails(ledger: Ledger) -> None:
    broken = RejectedRow(
        partition_key="m", source_row=None, column="c", value="v", rule="r", reason="why", raw={}
    )  # type: ignore[arg-type]
    with pytest.raises(Exception, match="null value"):
        ledger.reject("a", "run", None, rows=[reject({}), broken])
    assert ledger.connection.execute("select count(*) from ops.rejects").fetchone() == (0,)


def test_an_error_names_the_database_and_no_row(new_database: Callable[[str | None], str]) -> None:
    with (
        pytest.raises(PermanentError, match=r"^the ops database: ") as raised,
        open_ledger(new_database("ops")) as ledger,
    ):
        ledger.reject("a", "run", 4711, rows=[reject({"Recurso": "PESSOA FICTICIA"})])
    assert "PESSOA" not in str(raised.value)
    assert "4711" not in str(raised.value)


def test_a_lost_connection_is_opened_again_and_nothing_is_left_unrecorded(
    new_database: Callable[[str | None], str],
) -> None:
    url = new_database("ops")
    good = Proof({"digest": "1"}, {"digest": "1"})
    with open_ledger(url) as ledger, psycopg.connect(url, autocommit=True) as other:

        def lose() -> None:
            pid = ledger.connection.info.backend_pid
            other.execute("select pg_terminate_backend(%s)", (pid,))

        for number, month in enumerate(("m1", "m2"), 1):
            lose()
            ledger.record_proofs(f"run {number}", [("a", month, "v", good, None)])
        lose()
        assert set(ledger.proofs("a")) == {"m1", "m2"}
        lose()
        landed = land(ledger)
        lose()
        use(ledger, landed)
        lose()
        newest = ledger.newest(ASSET)
    assert newest is not None
    assert newest.id == landed


def test_an_error_of_a_statement_is_not_tried_again(ledger: Ledger) -> None:
    pid = ledger.connection.info.backend_pid
    with pytest.raises(Exception, match="foreign key"):
        ledger.reject("a", "run", 4711, rows=[reject({})])
    assert ledger.connection.info.backend_pid == pid
