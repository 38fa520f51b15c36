"""Values that Postgres holds and Python does not, and texts that look like something else: archived and restored.

One table a type; each is archived, verified, restored and compared byte for byte, and a digest tells its rows apart.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sync_pipelines.lib import postgres
from sync_pipelines.lib.archive import restore
from sync_pipelines.lib.archive.manifest import read_archive
from sync_pipelines.lib.archive.verify import find_problems
from sync_pipelines.lib.archive.write import ArchiveWriter
from sync_pipelines.lib.postgres.catalog import columns_of, digest_columns
from sync_pipelines.lib.postgres.digest import digest_query, row_hash_sql
from sync_pipelines_tests.lib.archive.sample import MADE, Sample

TEXTS = (
    "''",
    "' '",
    "'NULL'",
    "E'\\\\N'",
    "'\\N'",
    "E'a\\tb'",
    "E'a\\nb'",
    "E'a\\rb'",
    "E'\\r\\n'",
    "E'\\\\.'",
    "E'\\x1e'",
    "E'\\x1f'",
    "E'\\x1e\\x1e'",
    "E'\\x01\\x7f'",
    "E'\\u200b'",
    "E'\\ufeff'",
    "E'\\U0001F600'",
    "E'e\\u0301'",
    "E'\\u00e9'",
    "'\"'",
    "','",
    "'{}'",
    "repeat('x', 100000)",
)
VALUES: dict[str, tuple[str, ...]] = {
    "date": (
        "'infinity'",
        "'-infinity'",
        "'0044-03-15 BC'",
        "'0044-03-15'",
        "'20225-01-01'",
        "'0001-01-01'",
        "'5874897-12-31'",
        "'4713-01-01 BC'",
        "'2024-02-29'",
    ),
    "timestamp": (
        "'infinity'",
        "'-infinity'",
        "'0044-03-15 10:00 BC'",
        "'0044-03-15 10:00'",
        "'20225-01-01 00:00'",
        "'294276-12-31 23:59:59.999999'",
        "'2024-01-01 24:00'",
        "'1883-11-18 12:03:58'",
    ),
    "timestamptz": (
        "'infinity'",
        "'-infinity'",
        "'0044-03-15 10:00+00 BC'",
        "'0044-03-15 10:00+00'",
        "'20225-01-01 00:00Z'",
        "'1883-11-18 12:03:58-05:07:48'",
        "'2018-11-04 00:30-03'",
        "'2018-11-04 00:30-02'",
    ),
    "time": ("'00:00'", "'24:00'", "'23:59:59.999999'"),
    "timetz": ("'00:00+15:59'", "'24:00-15:59'"),
    "interval": (
        "'1 mon'",
        "'30 days'",
        "'720 hours'",
        "'-1 year -2 mons +3 days -04:05:06.789'",
        "'0'",
        "'-0.1 s'",
        "'178000000 years'",
        "'1 day -1 hour'",
        "'00:00:00.000001'",
    ),
    "numeric": (
        "'NaN'",
        "'Infinity'",
        "'-Infinity'",
        "1e-300",
        "1e300",
        "'0.1'",
        "-1e-16383",
        "12345678901234567890.5",
    ),
    "numeric(5, 2)": ("'NaN'", "999.99", "-999.99"),
    "real": ("'NaN'", "'Infinity'", "'-Infinity'", "'-0'", "0", "0.1", "'1e-45'", "3.4028235e38"),
    "double precision": (
        "'NaN'",
        "'Infinity'",
        "'-Infinity'",
        "'-0'",
        "0",
        "0.1",
        "'5e-324'",
        "1.7976931348623157e308",
        "0.30000000000000004",
    ),
    "bigint": ("-9223372036854775808", "9223372036854775807", "0"),
    "smallint": ("-32768", "32767"),
    "money": ("-92233720368547758.08", "0"),
    "boolean": ("true", "false"),
    "uuid": ("'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"),
    "json": (
        '\'{"a": 1, "a": 2}\'',
        '\'{"a":"\\u0000"}\'',
        "'1e400000'",
        "'  [1 , 2]'",
        "'null'",
        "'\"\\ud83d\\ude00\"'",
        "'-0'",
        "E'{\"a\":\\n1}'",
        '\'{"": "\\u001f"}\'',
    ),
    "jsonb": (
        "'{\"a\": 1e1000}'",
        "'null'",
        "'\"\\u001e\"'",
        "'\"\\u001f\"'",
        "'[]'",
        "'{}'",
        "'1.10'",
        "'\"\\ud83d\\ude00\"'",
    ),
    "bytea": ("''", "'\\x00'", "'\\x1e1f0a0d5c'", "decode(repeat('ff', 5000), 'hex')"),
    "text": TEXTS,
    "varchar(40)": TEXTS[:-1],
    "char(3)": ("''", "'a'", "'abc'"),
    '"char"': ("''", "'a'", "'\\'"),
    "text[]": (
        "'{}'",
        "array[null]",
        "array['NULL']",
        "array['']",
        "array[E'\\x1f', E'\\x1e']",
        "'[5:6]={a,b}'",
        "array[array['a', 'b'], array['c', null]]",
        "array['a,b', '\"', E'\\\\', '{']",
    ),
    "timestamptz[]": ("array['infinity'::timestamptz, null, '0044-03-15 10:00+00 BC']",),
    "double precision[]": ("array['NaN'::float8, '-0', '5e-324']",),
    "inet": ("'::1'", "'10.0.0.1/8'"),
    "cidr": ("'10.0.0.0/8'",),
    "macaddr": ("'ff:ff:ff:ff:ff:ff'",),
    "bit(3)": ("B'101'",),
    "bit varying": ("B''", "B'0101'"),
    "int4range": ("'empty'", "'(,)'", "'[1,5)'"),
    "tstzrange": ("'[-infinity,infinity]'", "'(,2024-01-01 00:00Z]'"),
    "int4multirange": ("'{}'", "'{[1,2),[5,9)}'"),
    "tsvector": ("''", "'''a b'':1A'"),
    "point": ("'(NaN,-0)'", "'(1e-300,Infinity)'"),
    "path": ("'[(0,0),(1,1)]'", "'((0,0),(1,1))'"),
    "xid8": ("'18446744073709551615'",),
    "pg_lsn": ("'FFFFFFFF/FFFFFFFF'",),
}


def test_every_extreme_value_of_every_type_comes_back(sample: Sample) -> None:
    tables = []
    for number, (kind, values) in enumerate(VALUES.items()):
        name = f"extreme_{number}"
        sample.connection.execute(
            f"create table {name} (id int primary key, value {kind}, after text)".encode()
        )
        for place, value in enumerate((*values, "null")):
            sample.connection.execute(f"insert into {name} values ({place}, {value}, null)".encode())
        tables.append(f"public.{name}")
    with sample.connection.transaction():
        sample.connection.execute("set transaction isolation level repeatable read")
        archive = ArchiveWriter(sample.connection, sample.store, "archives").write(
            "extreme", tables, made_at=MADE, run_id="r"
        )

    assert find_problems(sample.store, "archives/extreme") == []
    archive = read_archive(sample.store, "archives/extreme")
    restored = restore.restore(sample.scratch, sample.store, "archives/extreme", archive=archive)
    assert restored.differences == ()
    assert restored.as_text == ()
    sample.scratch.execute("set search_path = public")
    for name in tables:
        query = f"select id, value::text, value is null from {name} order by id".encode()
        for connection in (sample.connection, sample.scratch):
            connection.execute("set intervalstyle = postgres; set timezone = 'America/Sao_Paulo'")
        assert sample.scratch.execute(query).fetchall() == sample.connection.execute(query).fetchall()


@pytest.mark.parametrize("kind", [*VALUES])
def test_no_two_extreme_values_have_one_hash(sample: Sample, kind: str) -> None:
    """Equal ones by Postgres' own text are one value: -0 and 0 of json, but not of a float."""
    sample.connection.execute(f"create table extreme (value {kind}, after text)".encode())
    for value in (*VALUES[kind], "null"):
        sample.connection.execute(f"insert into extreme values ({value}, null)".encode())
    columns = digest_columns(columns_of(sample.connection, "public.extreme"))
    found = sample.connection.execute(
        b"select count(*), count(distinct coalesce(value::text, 'this is null')), count(distinct "
        + row_hash_sql(columns).as_bytes(sample.connection)
        + b") from extreme"
    ).fetchone()
    assert found is not None
    rows, texts, hashes = found
    assert rows == len(VALUES[kind]) + 1
    assert hashes == texts


def test_a_mark_that_moves_between_columns_is_another_digest(sample: Sample) -> None:
    def digest(first: str | None, second: str | None) -> str:
        sample.connection.execute("truncate pair")
        sample.connection.execute("insert into pair values (%s, %s)", (first, second))
        columns = digest_columns(columns_of(sample.connection, "public.pair"))
        row = sample.connection.execute(digest_query(postgres.table("public.pair"), columns)).fetchone()
        return str(row and row[1])

    sample.connection.execute("create table pair (one text, two text)")
    pairs = [
        ("a\x1fb", "c"),
        ("a", "b\x1fc"),
        (None, "x"),
        ("\x1e", "x"),
        (None, None),
        ("\x1e", "\x1e"),
        ("", None),
        (None, ""),
        ("\x1e\x1e", ""),
        ("-", "1:x"),
        ("\x1f", None),
        (None, "\x1f"),
        ("1:x", "-"),
    ]
    assert len({digest(*pair) for pair in pairs}) == len(pairs)


def test_an_archive_of_the_previous_version_is_intact_and_comes_back(sample: Sample) -> None:
    """Files as they lie in somebody's store: the checks and the restore of today take them as they are."""
    written = Path(__file__).with_name("archive_of_version_1")
    name = json.loads((written / "manifest.json").read_text())["manifest"]["id"]
    folder = f"archives/{name}"
    for path in written.iterdir():
        with sample.store.incoming("archives", path.suffix) as incoming:
            incoming.write_bytes(path.read_bytes())
            sample.store.put(incoming, f"{folder}/{path.name}")

    assert find_problems(sample.store, folder) == []
    restored = restore.restore(
        sample.scratch, sample.store, folder, archive=read_archive(sample.store, folder)
    )
    assert (restored.differences, restored.as_text, restored.rows) == ((), (), 7)
    rows = sample.scratch.execute("select name, note, born::text from public.people order by id").fetchall()
    assert rows == [
        ("a\x1fb", "c", "0044-03-15 BC"),
        ("a", "b\x1fc", "infinity"),
        ("\x1e", None, None),
        ("\\N\t", "\n", "20225-01-01"),
    ]
