"""The live columns of the source."""

from __future__ import annotations

import pytest

from sync_pipelines.lib import postgres
from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.scouter.schema.source import read_source
from sync_pipelines_tests.scouter.installation import Installation
from sync_pipelines_tests.scouter.schemas import url_of


def test_the_columns_of_the_source(installation: Installation) -> None:
    installation.tab.execute(
        "create type public.estado as enum ('novo', 'velho'); create domain public.valor as numeric(7, 3);"
        " alter table public.leads add estado public.estado not null default 'novo', add valor public.valor,"
        ' add curto varchar(9), add notas numeric(5, 1)[], add "Dois Nomes" timestamptz(3),'
        " add numero bigint generated always as identity; alter table public.leads drop column fonte"
    )
    with postgres.connect(url_of(installation.tab), what="TabuladorMax") as connection:
        found = read_source(connection)
    assert {
        name: found[name].type for name in ("valor", "curto", "notas", "Dois Nomes", "id", "valor_ficha")
    } == {
        "valor": "numeric(7,3)",
        "curto": "character varying(9)",
        "notas": "numeric(5,1)[]",
        "Dois Nomes": "timestamp(3) with time zone",
        "id": "bigint",
        "valor_ficha": "numeric(10,2)",
    }
    assert (found["estado"].enum, found["estado"].nullable, found["estado"].has_default) == (
        ("novo", "velho"),
        False,
        True,
    )
    assert (found["numero"].has_default, found["name"].has_default, found["name"].nullable) == (
        True,
        False,
        True,
    )
    assert "fonte" not in found


def test_a_source_without_the_table_is_another_project(installation: Installation) -> None:
    with (
        postgres.connect(url_of(installation.ops), what="TabuladorMax") as connection,
        pytest.raises(PermanentError, match="TABULADORMAX_DATABASE_URL names another project"),
    ):
        read_source(connection)
