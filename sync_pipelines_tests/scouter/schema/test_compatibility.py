"""The table of the contract, section 6: what is sent of a column against the column that takes it."""

from __future__ import annotations

from itertools import product

import pytest

from sync_pipelines.scouter.mapping import column_types as types
from sync_pipelines.scouter.mapping.field import Field
from sync_pipelines.scouter.schema.columns import DestinationColumn, SourceColumn
from sync_pipelines.scouter.schema.compatibility import judge
from sync_pipelines.scouter.schema.openapi import parse_openapi
from sync_pipelines.scouter.schema.verdicts import Verdict

ZONED, NAIVE = types.TIMESTAMPTZ, types.TIMESTAMP


def judged(
    kind: str, column: DestinationColumn | str, transform: str | None = None, labels: tuple[str, ...] = ()
) -> tuple[Verdict, list[str]]:
    """The judge on a source column of a type, and the rules of the tests that tell bad rows."""
    destination = DestinationColumn("campo", column) if isinstance(column, str) else column
    source = {"origem": SourceColumn("origem", kind, enum=labels)}
    found, suspects = judge(Field("campo", ("origem",), transform), source, destination)
    assert found.field == "campo"
    return found, [one.rule for one in suspects]


@pytest.mark.parametrize(
    "kind",
    [
        *("text", "integer", "bigint", "numeric(10,2)", "boolean", "uuid", "jsonb", "date", ZONED, NAIVE),
        *("double precision", "real", "smallint", "bytea", "text[]", "integer[]", "interval", "inet"),
    ],
)
def test_the_same_type_fits(kind: str) -> None:
    found, suspects = judged(kind, types.base_type(kind))
    assert (found.level, found.rule, suspects) == ("ok", "same_type", [])


@pytest.mark.parametrize(
    ("kind", "target", "level", "rule", "told", "suspects"),
    [
        # Any scalar is a text to a text without limit.
        ("boolean", "text", "warning", "to_text", "lands as true or false", []),
        ("uuid", "text", "warning", "to_text", "lands as its text", []),
        ("bigint", "character varying", "warning", "to_text", "its text", []),
        (ZONED, "text", "warning", "to_text", "its text", []),
        ("jsonb", "text", "warning", "to_text", "its text", []),
        ("text[]", "text", "warning", "to_text", "its text", []),
        ("character varying(20)", "text", "ok", "same_type", "a text", []),
        # Narrower: as long as the data are right.
        ("bigint", "integer", "lossy", "narrowing", "22003", ["out_of_range"]),
        ("integer", "smallint", "lossy", "narrowing", "22003", ["out_of_range"]),
        ("double precision", "real", "lossy", "narrowing", "22003", ["no_single_float"]),
        ("numeric", "real", "lossy", "narrowing", "22003", ["no_single_float"]),
        ("numeric", "integer", "lossy", "fraction", "22P02", ["not_whole"]),
        ("double precision", "bigint", "lossy", "fraction", "22P02", ["not_whole"]),
        ("numeric(10,0)", "integer", "lossy", "fraction", "22P02", ["not_whole"]),
        ("numeric(5,-2)", "integer", "lossy", "fraction", "22P02", ["not_whole"]),
        ("numeric(10,2)", "integer", "error", "fraction", "every value has decimals", []),
        # Wider.
        ("smallint", "integer", "ok", "widening", "wider", []),
        ("smallint", "bigint", "ok", "widening", "wider", []),
        ("integer", "bigint", "ok", "widening", "wider", []),
        ("bigint", "numeric", "ok", "widening", "wider", []),
        ("smallint", "numeric", "ok", "widening", "wider", []),
        ("real", "double precision", "ok", "widening", "wider", []),
        ("integer", "double precision", "ok", "widening", "wider", []),
        ("smallint", "real", "ok", "widening", "wider", []),
        # Rounded without a word.
        ("bigint", "double precision", "warning", "rounding", "rounded", []),
        ("numeric(10,2)", "double precision", "warning", "rounding", "rounded", []),
        ("double precision", "numeric", "warning", "rounding", "rounded", []),
        # A precision that the source does not have and nobody tells of the destination.
        ("numeric", "numeric", "warning", "precision", "22003", []),
        # Texts are not read as something else unless it is declared.
        ("text", "boolean", "error", "incompatible", "transform boolean", []),
        ("text", "integer", "error", "incompatible", "transform integer", []),
        ("text", "numeric", "error", "incompatible", "transform integer or number", []),
        ("text", "date", "error", "incompatible", "transform timestamp", []),
        ("text", ZONED, "error", "incompatible", "transform timestamp", []),
        ("text", "uuid", "error", "incompatible", "22P02", []),
        ("text", "jsonb", "error", "incompatible", "22P02", []),
        ("boolean", "integer", "error", "incompatible", "22P02", []),
        ("uuid", "bigint", "error", "incompatible", "22P02", []),
        ("date", "uuid", "error", "incompatible", "22P02", []),
        ("integer", "boolean", "lossy", "zero_or_one", "only 0 and 1", ["out_of_range"]),
        # Days and moments.
        ("date", ZONED, "warning", "zone", "midnight in the destination's zone", []),
        ("date", NAIVE, "warning", "zone", "midnight", []),
        (ZONED, "date", "warning", "truncation", "UTC", []),
        (ZONED, NAIVE, "warning", "zone", "UTC is what stays", []),
        (NAIVE, ZONED, "warning", "zone", "taken for UTC", []),
        (NAIVE, "date", "warning", "truncation", "dropped", []),
        # JSON.
        ("json", "jsonb", "ok", "json", "JSON", []),
        ("jsonb", "json", "ok", "json", "JSON", []),
        ("integer", "jsonb", "warning", "json", "bare JSON", []),
        ("boolean", "jsonb", "warning", "json", "bare JSON", []),
        ("text[]", "integer[]", "error", "incompatible", "22P02", []),
        ("numeric(10,2)[]", "numeric[]", "ok", "same_type", "the same type", []),
        ("text", "", "warning", "unknown", "not known", []),
        ("text", "citext", "ok", "same_type", "a text", []),
    ],
)
def test_a_pair_of_types(
    kind: str, target: str, level: str, rule: str, told: str, suspects: list[str]
) -> None:
    found, tests = judged(kind, target)
    assert (found.level, found.rule, tests) == (level, rule, suspects)
    assert told in found.sentence
    assert f"origem ({kind}) → campo ({target or 'a column of unknown type'})" in found.sentence


@pytest.mark.parametrize(
    ("kind", "limit", "level", "suspects"),
    [
        ("text", 10, "lossy", ["longer_than"]),
        ("character varying(20)", 10, "lossy", ["longer_than"]),
        ("character varying(10)", 10, "ok", []),
        ("character(5)", 10, "ok", []),
        ("character varying", 10, "lossy", ["longer_than"]),
        ("boolean", 4, "lossy", ["longer_than"]),
        ("uuid", 36, "lossy", ["longer_than"]),
    ],
)
def test_a_text_with_a_limit(kind: str, limit: int, level: str, suspects: list[str]) -> None:
    found, tests = judged(kind, DestinationColumn("campo", "character varying", max_length=limit))
    assert (found.level, tests) == (level, suspects)
    assert f"character varying({limit})" in found.sentence
    assert ("22001" in found.sentence) == bool(suspects)


@pytest.mark.parametrize(
    ("kind", "labels", "level", "suspects"),
    [
        ("public.estado", ("novo", "velho"), "ok", []),
        ("public.estado", ("novo", "velho", "outro"), "lossy", ["not_one_of"]),
        ("text", (), "lossy", ["not_one_of"]),
        ("integer", (), "error", []),
    ],
)
def test_an_enum_of_the_destination(
    kind: str, labels: tuple[str, ...], level: str, suspects: list[str]
) -> None:
    column = DestinationColumn("campo", "public.situacao", enum=("novo", "velho"))
    found, tests = judged(kind, column, labels=labels)
    assert (found.level, tests) == (level, suspects)


def test_an_enum_of_the_source_is_a_text_where_a_text_is_taken() -> None:
    found, _ = judged("public.estado", "text", labels=("novo",))
    assert (found.level, found.rule) == ("ok", "same_type")
    found, _ = judged("public.estado", "integer", labels=("1",))
    assert found.level == "error"


@pytest.mark.parametrize(
    ("kind", "transform", "target", "level", "rule", "suspects"),
    [
        ("text", "integer", "integer", "lossy", "coerced", ["not_looking_like"]),
        ("text", "number", "numeric", "lossy", "coerced", ["not_looking_like"]),
        ("text", "boolean", "boolean", "lossy", "coerced", ["not_looking_like"]),
        ("text", "timestamp", ZONED, "lossy", "coerced", ["not_looking_like"]),
        ("text", "timestamp", "date", "lossy", "coerced", ["not_looking_like"]),
        ("text", "integer", "boolean", "error", "incompatible", []),
        ("boolean", "sim_nao", "text", "ok", "same_type", []),
        ("text", "sim_nao", "text", "error", "transform", []),
        ("integer", "digits", "text", "error", "transform", []),
        (ZONED, "date", "date", "ok", "same_type", []),
        ("date", "date", "date", "error", "transform", []),
        ("uuid", "text", "text", "ok", "same_type", []),
        ("numeric(10,2)", "text", "character varying", "ok", "same_type", []),
    ],
)
def test_a_declared_transform(
    kind: str, transform: str, target: str, level: str, rule: str, suspects: list[str]
) -> None:
    found, tests = judged(kind, target, transform)
    assert (found.level, found.rule, tests) == (level, rule, suspects)


@pytest.mark.parametrize(
    ("kind", "nullable", "level", "suspects"),
    [
        ("text", True, "lossy", ["missing"]),
        ("text", False, "ok", []),
        ("boolean", True, "lossy", ["missing"]),
        ("jsonb", True, "lossy", ["missing"]),
    ],
)
def test_a_required_column_of_the_destination(
    kind: str, nullable: bool, level: str, suspects: list[str]
) -> None:
    source = {"origem": SourceColumn("origem", kind, nullable)}
    column = DestinationColumn("campo", types.base_type(kind) if kind != "boolean" else "text", required=True)
    found, tests = judge(Field("campo", ("origem",)), source, column)
    assert (found.level, [one.rule for one in tests]) == (level, suspects)
    assert ("23502" in found.sentence) == nullable


@pytest.mark.parametrize(
    ("said", "kind", "level"),
    [
        ({"type": "integer", "format": "int32"}, "integer", "ok"),
        ({"type": "integer", "format": "int32"}, "smallint", "ok"),
        ({"type": "integer", "format": "int64"}, "bigint", "ok"),
        ({"type": "integer", "format": "integer"}, "bigint", "lossy"),
        ({"format": "jsonb"}, "jsonb", "ok"),
        ({"format": "json"}, "jsonb", "ok"),
        ({"type": "array", "format": "text[]", "items": {"type": "string"}}, "text[]", "ok"),
        ({"type": "string", "format": "extensions.citext"}, "text", "ok"),
        ({"type": "string", "format": "public.estado", "enum": ["a", "b"]}, "text", "lossy"),
        ({"type": "string", "format": "character varying", "maxLength": 30}, "text", "lossy"),
        ({"type": "number", "format": "numeric"}, "numeric(10,2)", "ok"),
        ({"type": "string", "format": "timestamp with time zone"}, "timestamp(3) with time zone", "ok"),
        ({"type": "integer"}, "integer", "ok"),
        ({"type": "string"}, "text", "ok"),
        ({}, "text", "warning"),
    ],
)
def test_a_property_of_the_document(said: dict[str, object], kind: str, level: str) -> None:
    columns = parse_openapi({"definitions": {"leads": {"properties": {"campo": said}}}})
    assert columns is not None
    assert not columns["campo"].required
    found, _ = judged(kind, columns["campo"])
    assert found.level == level


def test_no_pair_of_types_is_without_a_verdict() -> None:
    kinds = sorted(types.TEXTS | types.NUMBERS | types.MOMENTS | types.JSONS | {"boolean", "date", "uuid"})
    for kind, target in product(kinds, kinds):
        found, tests = judged(kind, target)
        assert found.sentence.endswith(".")
        assert not (tests and found.level in ("ok", "error")), (kind, target)
