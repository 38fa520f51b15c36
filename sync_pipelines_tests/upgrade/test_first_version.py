"""What the first version stored is understood: nothing counts as changed, no guard fires, nothing is sent again."""

from __future__ import annotations

from dataclasses import replace

import psycopg

from sync_pipelines.aimindset import assets
from sync_pipelines.aimindset.archive.drill import drill
from sync_pipelines.aimindset.archive.stored import StoredArchives
from sync_pipelines.hitss.backup import restore
from sync_pipelines.hitss.backup.load import connect
from sync_pipelines.hitss.backup.pipeline import BackupPipeline
from sync_pipelines.hitss.backup.prove import verify
from sync_pipelines.hitss.dre.pending import Pending
from sync_pipelines.hitss.dre.pipeline import DrePipeline
from sync_pipelines.hitss.mirror.pipeline import MirrorPipeline
from sync_pipelines.lib.postgres.scratch import scratch_database
from sync_pipelines.lib.records.backups import open_backup_catalog
from sync_pipelines.lib.storage.landing import LandedFile
from sync_pipelines_tests.scouter.installation import open_installation
from sync_pipelines_tests.upgrade.conftest import TODAY, Clock, Upgraded

DIRTY = "dre_hitss_backup_20261128_1908_2"


def chain(upgraded: Upgraded, clock: Clock) -> DrePipeline:
    return replace(DrePipeline.from_settings(upgraded.settings), clock=clock)


def test_the_same_workbook_changes_nothing_and_no_guard_fires(upgraded: Upgraded, clock: Clock) -> None:
    dre = chain(upgraded, clock)
    landed = dre.newest_landing()
    report = dre.validate("after", LandedFile(landed.path, landed.sha256, landed.bytes))
    assert not report.validation.review.months
    assert report.pending == Pending((), ())


def test_a_load_of_all_months_writes_no_row(upgraded: Upgraded, clock: Clock) -> None:
    query = "select count(*), count(distinct execution_id) from"
    before = {
        name: upgraded.rows("fabricio", f"{query} {name}")
        for name in ("sync_private.dre_lines", "dre_hitss", "dre_orcado", "dre_summary")
    }
    dre = chain(upgraded, clock)
    months = sorted(dre.contents(dre.newest_landing()))
    with dre.load("after", months) as session:
        outcomes = [outcome for month in months for outcome in session.load(month).values()]
    assert all(outcome.proof.holds for outcome in outcomes)
    assert sum(outcome.changes.touched for outcome in outcomes) == 0
    assert before == {name: upgraded.rows("fabricio", f"{query} {name}") for name in before}


def test_the_mirror_finds_both_sides_equal(upgraded: Upgraded) -> None:
    with MirrorPipeline.from_settings(upgraded.settings).open("after") as run:
        assert run.pending == []
        outcomes = [run.mirror(month) for month in run.databases.months]
    assert outcomes
    assert sum(outcome.changes.touched for outcome in outcomes) == 0


def test_old_backups_are_intact_and_restore(upgraded: Upgraded, clock: Clock) -> None:
    keeping = replace(BackupPipeline.from_settings(upgraded.settings), clock=clock)
    url, ops = upgraded.urls["fabricio"], upgraded.urls["ops"]
    with connect(url) as connection, open_backup_catalog(ops) as catalog:
        copies = catalog.backups("hitss/dre_backup")
        assert [verify(connection, copy) for copy in copies] == [[]] * 2
        assert restore.find(catalog, DIRTY) in copies
    assert [(one.only_now, one.only_then) for one in keeping.difference(DIRTY)] == [(0, 2)]
    assert keeping.restore("after", DIRTY).rows == 370
    texts = upgraded.rows(
        "fabricio", "select descricao, cliente from dre_hitss where empresa = 'outra' order by 1"
    )
    assert texts == [("a", "\x1e"), ("a\x1fb", None)]


def test_a_backup_in_which_null_became_a_mark_is_named(upgraded: Upgraded) -> None:
    with psycopg.connect(upgraded.urls["fabricio"], autocommit=True) as fabricio:
        fabricio.execute(f"update {DIRTY} set cliente = 'x' where cliente = chr(30)")
    with (
        connect(upgraded.urls["fabricio"]) as connection,
        open_backup_catalog(upgraded.urls["ops"]) as catalog,
    ):
        assert verify(connection, restore.find(catalog, DIRTY))


def test_an_old_archive_verifies_and_comes_back(upgraded: Upgraded) -> None:
    archives = StoredArchives(upgraded.settings.landing_store)
    with open_backup_catalog(upgraded.urls["ops"]) as catalog:
        copy = catalog.newest_proved(assets.ARCHIVE)
        assert copy is not None
        assert archives.problems(copy.name, recorded=copy) == []
        scratch = lambda: scratch_database(upgraded.urls["ops"])  # noqa: E731
        assert drill(archives, catalog, scratch, run_id="after").restored.rows == copy.rows


def test_no_lead_is_sent_again(upgraded: Upgraded) -> None:
    urls = upgraded.urls
    with open_installation(urls["tabuladormax"], urls["gestao_scouter"], urls["ops"]) as installation:
        installation.ops.execute(
            "update ops.lead_exchanges set destination = %s", (installation.postgrest.url.partition("//")[2],)
        )
        job = installation.export(TODAY.date())
        assert (job.status, installation.total().accepted, installation.posts()) == ("completed", 0, [])
        assert installation.total().unchanged == installation.total().read > 100, installation.total()
