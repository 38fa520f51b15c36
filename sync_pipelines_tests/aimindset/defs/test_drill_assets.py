"""The restore drill as an asset."""

from __future__ import annotations

import json

import dagster as dg
import pytest

from sync_pipelines.aimindset import assets
from sync_pipelines.aimindset.archive import stored
from sync_pipelines.lib.archive.manifest import checksum
from sync_pipelines.lib.postgres.scratch import PREFIX, scratch_database
from sync_pipelines_tests.aimindset.conftest import Project
from sync_pipelines_tests.aimindset.defs.launches import failure, launch, metadata_of, verify


def test_a_drill_restores_the_newest_archive_and_leaves_nothing_behind(
    drilled: Project, instance: dg.DagsterInstance
) -> None:
    launch(drilled, instance)
    result = launch(drilled, instance, "aimindset_drill", partition=None)

    assert result.success
    found = metadata_of(result)["restore_drill"]
    assert found["proved"] is True
    assert found["seconds_to_restore"] > 0
    assert drilled.catalog.drills(assets.DRILL)[0].equal
    left = drilled.database.execute("select count(*) from pg_database where datname like %s", (f"{PREFIX}%",))
    assert left.fetchone() == (0,)


def test_a_drill_catches_a_swapped_file_and_is_written_down(
    drilled: Project, instance: dg.DagsterInstance
) -> None:
    launch(drilled, instance)
    store, newest = drilled.archives.store, drilled.catalog.newest_proved(assets.ARCHIVE)
    assert newest is not None
    folder = f"{stored.PREFIX}/{newest.name}"
    paths = [store.locate(f"{folder}/public.{name}.copy.zst") for name in ("articles", "comments")]
    contents = [path.read_bytes() for path in paths]
    for path, content in zip(paths, reversed(contents), strict=True):
        path.write_bytes(content)

    result = launch(drilled, instance, "aimindset_drill", partition=None)

    assert "the files were swapped" in failure(result)
    assert not drilled.catalog.drills(assets.DRILL)[0].equal


def test_a_drill_catches_a_manifest_that_the_catalog_does_not_know(
    drilled: Project, instance: dg.DagsterInstance
) -> None:
    launch(drilled, instance)
    drilled.ops.execute(
        "update ops.copies set details = jsonb_set(details, '{tables,public.articles}', '999') where asset = %s",
        (assets.ARCHIVE,),
    )
    assert "the backup catalog" in failure(launch(drilled, instance, "aimindset_drill", partition=None))


def test_a_manifest_that_was_signed_anew_is_not_run_in_the_scratch_database(
    drilled: Project, instance: dg.DagsterInstance
) -> None:
    """Types and keys of a manifest become statements: one that the catalog does not know is not restored."""
    launch(drilled, instance)
    store, newest = drilled.archives.store, drilled.catalog.newest_proved(assets.ARCHIVE)
    assert newest is not None
    path = store.locate(f"{stored.PREFIX}/{newest.name}/manifest.json")
    manifest = json.loads(path.read_text())["manifest"]
    manifest["tables"][0]["columns"][1][1] = "text(); create database taken_over; --"
    path.write_text(json.dumps({"manifest": manifest, "sha256": checksum(manifest)}, indent=1))

    said = failure(launch(drilled, instance, "aimindset_drill", partition=None))

    assert "manifest.json is not the one that the backup catalog knows" in said
    taken = drilled.database.execute("select count(*) from pg_database where datname = 'taken_over'")
    assert taken.fetchone() == (0,)
    verified = verify(drilled)
    assert verified.exit_code == 1
    assert "backup catalog knows" in verified.output


def test_a_drill_without_an_archive_is_a_sentence(drilled: Project, instance: dg.DagsterInstance) -> None:
    assert "nothing to restore" in failure(launch(drilled, instance, "aimindset_drill", partition=None))


def test_a_scratch_database_is_dropped_after_an_error_too(drilled: Project) -> None:
    url = drilled.settings.require("scratch_database_url")
    with pytest.raises(KeyError), scratch_database(url):
        raise KeyError("in the middle")
    left = drilled.database.execute("select count(*) from pg_database where datname like %s", (f"{PREFIX}%",))
    assert left.fetchone() == (0,)


def test_what_a_killed_drill_left_is_dropped_by_the_next(drilled: Project) -> None:
    url = drilled.settings.require("scratch_database_url")
    drilled.database.execute(f"create database {PREFIX}0123456789ab".encode())
    with scratch_database(url):
        rows = drilled.database.execute(
            "select count(*) from pg_database where datname = %s", (f"{PREFIX}0123456789ab",)
        )
        assert rows.fetchone() == (0,)
