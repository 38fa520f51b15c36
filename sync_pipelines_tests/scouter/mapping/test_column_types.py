"""How Postgres and PostgREST write one type, and what is taken out of it."""

from __future__ import annotations

import pytest

from sync_pipelines.scouter.mapping.column_types import base_type, is_built_in, modifiers


@pytest.mark.parametrize(
    ("written", "base"),
    [
        ("int32", "integer"),
        ("int64", "bigint"),
        ("integer", "integer"),
        ("numeric", "numeric"),
        ("numeric(10,2)", "numeric"),
        ("numeric(3,-2)", "numeric"),
        ("character varying(20)", "character varying"),
        ("varchar", "character varying"),
        ("bpchar", "character"),
        ("timestamp with time zone", "timestamp with time zone"),
        ("timestamp(3) with time zone", "timestamp with time zone"),
        ("timestamptz", "timestamp with time zone"),
        ("time(0) without time zone", "time without time zone"),
        ("double precision", "double precision"),
        ("text[]", "text[]"),
        ("numeric(10,2)[]", "numeric[]"),
        ("timestamp(3) with time zone[]", "timestamp with time zone[]"),
        ("int64[]", "bigint[]"),
        ("extensions.citext", "citext"),
        ('public."Etapa"', 'public."Etapa"'),
        ("", ""),
    ],
)
def test_a_type_without_its_precision(written: str, base: str) -> None:
    assert base_type(written) == base


@pytest.mark.parametrize(
    ("written", "numbers"),
    [
        ("numeric(10,2)", (10, 2)),
        ("numeric(10)", (10, 0)),
        ("numeric(3,-2)", (3, -2)),
        ("numeric", ()),
        ("character varying(20)", (20,)),
        ("timestamp(3) with time zone", (3,)),
        ("text[]", ()),
        ("public.estado", ()),
    ],
)
def test_the_precision_of_a_type(written: str, numbers: tuple[int, ...]) -> None:
    assert modifiers(written) == numbers


@pytest.mark.parametrize(
    ("written", "known"),
    [
        ("numeric(10,2)", True),
        ("integer[]", True),
        ("character varying(5)[]", True),
        ("timestamp(3) with time zone", True),
        ("bytea", True),
        ("citext", False),
        ("public.estado", False),
        ("point", False),
    ],
)
def test_a_type_that_every_database_has(written: str, known: bool) -> None:
    assert is_built_in(written) is known
