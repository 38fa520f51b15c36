"""The commands of hitss as a person types them: mirror, backup, restore."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from click.testing import Result
from typer.testing import CliRunner

from sync_pipelines.cli.app import app
from sync_pipelines.settings import Settings
from sync_pipelines_tests.hitss.copies import Kept, Pair


def environment(settings: Settings, **given: str) -> Mapping[str, str]:
    urls = {
        name.upper(): value.get_secret_value()
        for name in ("fabricio_database_url", "hitss_database_url", "ops_database_url")
        if (value := getattr(settings, name)) is not None
    }
    return {**urls, "LANDING_URL": settings.landing_url, "HITSS_FIRST_MONTH": "2025-01", **given}


def typed(environment: Mapping[str, str], *command: str) -> Result:
    return CliRunner().invoke(app, list(command), env=dict(environment), terminal_width=200)


def test_a_restore_is_shown_then_done_then_nothing_is_left_to_do(kept: Kept) -> None:
    name = kept.back_up().backup.name
    wanted = kept.rows()
    kept.database.execute("delete from dre_hitss where competencia = '2025-02-01'")
    kept.database.execute("update dre_hitss set valor = valor + 1 where competencia = '2025-03-01'")
    given = environment(kept.settings)

    shown = typed(given, "restore", "dre", "--from", name)
    assert shown.exit_code == 0
    assert "2025-02" in shown.output
    assert "2025-03" in shown.output
    assert "2025-01" not in shown.output
    assert "Nothing was changed." in shown.output
    assert kept.rows() != wanted

    done = typed(given, "restore", "dre", "--from", name, "--yes")
    assert done.exit_code == 0
    assert f"300 rows of {name} are back and proved." in done.output
    assert "What was there before is in dre_hitss_backup_" in done.output
    assert kept.rows() == wanted

    assert "nothing would change" in typed(given, "restore", "dre", "--from", name).output


def test_what_cannot_be_restored_is_a_sentence(kept: Kept) -> None:
    given = environment(kept.settings)
    unknown = typed(given, "restore", "dre", "--from", "dre_hitss_backup_20200101_0000", "--yes")
    assert unknown.exit_code == 1
    assert "There is no backup dre_hitss_backup_20200101_0000 of ours" in " ".join(unknown.output.split())
    other = typed(given, "restore", "leads", "--from", "x")
    assert other.exit_code == 2
    assert "what can be restored is dre" in other.output


def test_a_backup_is_made_and_an_empty_table_is_none(kept: Kept) -> None:
    given = environment(kept.settings)
    made = typed(given, "run", "hitss/dre_backup")
    assert made.exit_code == 0, made.output
    assert "Everything is proved." in made.output
    assert len(kept.catalog.backups("hitss/dre_backup")) == 1

    kept.database.execute("truncate dre_hitss")
    empty = typed(given, "run", "hitss/dre_backup")
    assert empty.exit_code == 1
    assert "there is nothing to back up" in " ".join(empty.output.split())
    assert "Not everything is proved." in empty.output


def test_the_mirror_runs_stops_and_is_decided(kept: Kept, mirror_url: str, pair: Pair) -> None:
    given = environment(kept.settings, HITSS_DATABASE_URL=mirror_url)
    pair.destination.execute(
        "insert into dre_hitss (execution_id, conta, valor, competencia) values ('meu', 'x', 1, '2025-02-01')"
    )
    stopped = typed(given, "run", "hitss/dre_mirror")
    assert stopped.exit_code == 1
    assert "--accept keep_own_rows" in " ".join(stopped.output.split())

    february = ("--from", "2025-02", "--to", "2025-02")
    decided = typed(given, "run", "hitss/dre_mirror", *february, "--accept", "keep_own_rows")
    assert decided.exit_code == 0, decided.output
    assert pair.destination.execute("select count(*) from dre_hitss").fetchone() == (301,)
    wrong = typed(given, "run", "hitss/dre_mirror", "--accept", "everything")
    assert wrong.exit_code == 1
    assert "there are keep_own_rows, set_aside_own_rows" in " ".join(wrong.output.split())


@pytest.fixture
def mirror_url(pair: Pair) -> str:
    return pair.mirror.destination_url
