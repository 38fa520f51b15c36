"""Proved backups are compared again wherever they count: reruns, recovery, checks, retention."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import dagster as dg
import pytest

from sync_pipelines.aimindset import assets
from sync_pipelines.aimindset.archive import stored
from sync_pipelines.aimindset.backup import recorded
from sync_pipelines.aimindset.backup.load import Moment
from sync_pipelines.aimindset.defs import descriptions
from sync_pipelines.lib.postgres import Connection
from sync_pipelines.lib.postgres.catalog import columns_of, digest_columns
from sync_pipelines.lib.postgres.digest import digest_query
from sync_pipelines.lib.records.backups import Backup
from sync_pipelines_tests.aimindset.conftest import NOW, TODAY, Project
from sync_pipelines_tests.aimindset.defs.launches import launch, metadata_of, verdicts
from sync_pipelines_tests.aimindset.project_states import TOMORROW, killed_at, tomorrow

#: What somebody may do to a copy whose rows are as many as before, or not.
TAMPERED = (
    "update backup_articles set title = 'x' where backup_id = '{}'",
    "update backup_comments set content = E'a\\x1fb' where backup_id = '{}'",
    "delete from backup_feedbacks where backup_id = '{}'",
    "insert into backup_comments select (jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid()))).*"
    " from backup_comments as c where backup_id = '{}' limit 1",
)


def newest(project: Project) -> Backup:
    copy = project.catalog.newest_proved(assets.BACKUP)
    assert copy is not None
    return copy


def backed(project: Project) -> dg.AssetCheckEvaluation:
    with dg.DagsterInstance.ephemeral() as instance:
        return verdicts(launch(project, instance, "aimindset_checks", partition=None))[descriptions.BACKED]


def shown(instance: dg.DagsterInstance, asset: dg.AssetKey, name: str) -> dg.AssetCheckEvaluation:
    """What the UI shows of a check, whether its step succeeded or not."""
    key = dg.AssetCheckKey(asset, name)
    found = instance.event_log_storage.get_latest_asset_check_execution_by_key([key])
    event = found[key].event
    assert event is not None
    assert event.dagster_event is not None
    return event.dagster_event.asset_check_evaluation_data


@pytest.mark.parametrize("tamper", TAMPERED)
def test_a_copy_that_was_altered_is_not_called_proved_again(project: Project, tamper: str) -> None:
    assert project.day(wanted=[assets.BACKUP]).problems == {}
    first = newest(project).name
    project.database.execute(tamper.format(first).encode())
    check = backed(project)
    said: list[str] = []
    again = project.day(wanted=[assets.BACKUP], log=said.append)

    assert again.problems == {}
    assert again.existing == {}
    assert again.backup is not None
    assert again.backup.answer.backup_id != first
    assert any("was proved and is not as it was" in line for line in said)
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert first in str(check.description)


@pytest.mark.parametrize("tamper", TAMPERED)
def test_a_committed_copy_that_was_altered_before_it_was_recovered_is_not_proved(
    project: Project, tamper: str
) -> None:
    killed_at(project, "committed")
    (announced,) = project.catalog.backups(assets.BACKUP)
    project.database.execute(tamper.format(announced.name).encode())
    said: list[str] = []
    assert tomorrow(project).day(TOMORROW, wanted=[assets.BACKUP], log=said.append).problems == {}

    found = {copy.name: copy for copy in project.catalog.backups(assets.BACKUP)}
    assert not found[announced.name].proved
    assert found[announced.name].details["differs"]
    assert any("was committed and is not as it was proved" in line for line in said)
    assert len(project.logged("auto_backup")) == 1


def test_a_copy_that_is_altered_right_after_its_commit_is_not_proved(project: Project) -> None:
    """The copy is read again on a connection of its own before it is called proved."""

    def alter(moment: Moment, connection: Connection) -> None:
        if moment == "committed":
            project.database.execute("update backup_articles set title = 'x'")

    day = project.with_probe(alter).day(wanted=[assets.BACKUP])
    assert "was proved and is another after its COMMIT" in str(day.problems[assets.BACKUP])
    assert project.catalog.newest_proved(assets.BACKUP) is None
    assert project.logged("auto_backup") == []


def test_an_archive_that_was_altered_is_made_again_on_the_same_day(project: Project) -> None:
    first = project.day().archive
    assert first is not None
    path = project.archives.store.locate(f"{stored.PREFIX}/{first.id}/public.comments.copy.zst")
    path.write_bytes(path.read_bytes()[:-1])
    later = project.with_clock(lambda: NOW + timedelta(minutes=1))
    again = later.day()
    assert set(again.existing) == {assets.BACKUP}
    assert again.archive is not None
    assert again.pruning is not None
    assert list(again.pruning.damaged) == [first.id]


def cut(project: Project, name: str) -> None:
    path = project.archives.store.locate(f"{stored.PREFIX}/{name}/public.articles.copy.zst")
    path.write_bytes(path.read_bytes()[:-3])


def signed_anew(project: Project, name: str) -> None:
    """Rows taken away, and a manifest that fits: only the backup catalog knows better."""
    from sync_pipelines.lib.archive.manifest import checksum

    path = project.archives.store.locate(f"{stored.PREFIX}/{name}/manifest.json")
    manifest = json.loads(path.read_text())["manifest"]
    manifest["run_id"] = "another"
    path.write_text(
        json.dumps({"manifest": manifest, "sha256": checksum(manifest)}, indent=1, ensure_ascii=False)
    )


@pytest.mark.parametrize("damage", [cut, signed_anew])
def test_a_damaged_archive_fills_no_place_and_is_said(
    project: Project, damage: Callable[[Project, str], None]
) -> None:
    """Two places: the oldest archive would go today, if the one of yesterday could be restored."""
    short = project.with_(aimindset_archive_retention="2 daily, at least 1", backups_first_day="2026-11-01")
    names = []
    for back in (2, 1):
        moment = NOW - timedelta(days=back)
        earlier = short.with_clock(lambda moment=moment: moment)
        made = earlier.day(moment.date().isoformat(), wanted=[assets.ARCHIVE]).archive
        assert made is not None
        names.append(made.id)
    damage(project, names[1])
    with dg.DagsterInstance.ephemeral() as instance:
        result = launch(short, instance)

    assert result.success
    check = verdicts(result)[descriptions.KEPT]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert names[1] in str(check.description)
    kept = {copy.name for copy in project.catalog.backups(assets.ARCHIVE)}
    assert set(names) < kept
    assert metadata_of(result)["archive"]["archives_damaged"] == [names[1]]
    assert metadata_of(result)["archive"]["archives_dropped"] == []


def test_older_backups_are_read_too_and_those_that_were_pruned_are_a_warning(project: Project) -> None:
    assert project.day(wanted=[assets.BACKUP]).problems == {}
    first = newest(project).name
    assert tomorrow(project).day(TOMORROW, wanted=[assets.BACKUP]).problems == {}
    assert backed(project).passed
    project.database.execute("update backup_comments set content = 'outro' where backup_id = %s", (first,))
    altered = backed(project)
    assert (altered.passed, altered.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "backup_comments holds other content than was proved" in str(altered.description)
    assert "1 backups are as they were proved." in str(altered.description)
    for table in ("articles", "comments", "feedbacks"):
        project.database.execute(f"delete from backup_{table} where backup_id = %s".encode(), (first,))
    pruned = backed(project)
    assert (pruned.passed, pruned.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert f"{first} of 2026-11-24 has no row any more." in str(pruned.description)


def test_a_backup_of_the_previous_version_is_compared_by_the_formula_of_its_digest(project: Project) -> None:
    """Its content has the very marks that the formula of then could not distinguish."""
    project.database.execute("update articles set excerpt = E'\\x1e', tags = E'a\\x1fb', image_url = null")
    assert project.day(wanted=[assets.BACKUP]).problems == {}
    copy = newest(project)
    old = {}
    for table in recorded.CONTENT:
        columns = {column.name: column for column in columns_of(project.database, table.copy)}
        query = digest_query(
            recorded.postgres.table(table.copy),
            digest_columns(columns[name] for name in table.copied_columns),
            version=1,
        )
        where = f" where backup_id = '{copy.name}' offset 0)".encode()
        text = query.as_bytes(project.database).replace(b" where true offset 0)", where)
        row = project.database.execute(text).fetchone()
        assert row is not None
        old[table.source.partition(".")[2]] = row[1]
    assert old["articles"] != copy.details["proof"]["articles"]
    assert old["articles"].count(":") == 2
    details = {"counts": copy.details["counts"], "proof": {**copy.details["proof"], **old}}
    project.catalog.record(replace(copy, details=details))

    assert backed(project).passed
    assert project.day(wanted=[assets.BACKUP]).existing[assets.BACKUP].name == copy.name
    project.database.execute("update backup_articles set title = 'x' where backup_id = %s", (copy.name,))
    assert not backed(project).passed


def test_a_backup_without_digests_is_said_to_be_one_with_its_date(project: Project) -> None:
    assert project.day(wanted=[assets.BACKUP]).problems == {}
    copy = newest(project)
    project.catalog.record(replace(copy, details={"counts": copy.details["counts"]}))
    check = backed(project)
    assert check.passed
    assert f"{copy.name} of 2026-11-24 was recorded without digests" in str(check.description)
    assert "No backup is as proved." in str(check.description)


def test_values_that_only_look_alike_are_told_apart_by_the_backup(project: Project) -> None:
    """NULL and U+001E, and U+001F moved into the next column: the sums of the previous formula were the same."""
    project.database.execute(
        "update articles set tags = E'\\x1e', image_url = null, title = E'a\\x1fb', excerpt = 'c'"
    )
    assert project.day(wanted=[assets.BACKUP]).problems == {}
    copy = newest(project)
    for change in (
        "tags = null",
        "image_url = E'\\x1e'",
        "title = 'a', excerpt = E'b\\x1fc'",
    ):
        project.database.execute(
            f"update backup_articles set {change} where backup_id = '{copy.name}'".encode()
        )
        digests = recorded.digests_of(copy)
        assert digests is not None
        found = recorded.differences(project.database, {copy.name: digests})
        assert "holds other content than was proved" in found[copy.name][0]
        project.database.execute(
            "update backup_articles set tags = E'\\x1e', image_url = null, title = E'a\\x1fb', excerpt = 'c'"
        )
        assert recorded.differences(project.database, {copy.name: digests}) == {}


def test_extreme_values_are_backed_up_archived_and_proved(project: Project) -> None:
    project.database.execute(
        "update articles set created_at = 'infinity', updated_at = '-infinity', approval_rate = 'NaN',"
        " scheduled_for = '0044-03-15 10:00 BC', original_publish_date = '20225-01-01',"
        " content = E'\\x1e\\x1f\\t\\\\N\\r\\n', tags = '' where id = (select min(id::text)::uuid from articles);"
        " update articles set created_at = '0044-03-15 10:00+00 BC', updated_at = '20225-01-01',"
        " approval_rate = 'Infinity' where id = (select max(id::text)::uuid from articles);"
        " insert into app_logs (level, details) values"
        " ('info', '{\"n\": 1e1000, \"s\": \"\\u001e\"}'), ('warn', 'null'), ('error', null);"
        " insert into system_logs (type, message, created_at) values ('x', E'\\x1f', 'infinity')"
    )
    day = project.day()
    assert day.problems == {}
    assert day.archive is not None
    assert project.archives.checksum_problems(project.catalog.backups(assets.ARCHIVE)[0]) == []
    assert set(project.day().existing) == {assets.BACKUP, assets.ARCHIVE}


def test_a_rerun_says_what_was_verified_now_and_keeps_the_warning(project: Project) -> None:
    first = project.with_(backups_first_day="2026-11-01")
    with dg.DagsterInstance.ephemeral() as instance:
        launch(first, instance)
        again = verdicts(launch(first, instance))
    assert "its rows were read now" in str(again[descriptions.PROVED].description)
    assert "nothing was called now" in str(again[descriptions.UNTOUCHED].description)
    assert "manifest and checksums were compared now" in str(again[descriptions.READ_BACK].description)
    gap = again[descriptions.COMPLETE]
    assert (gap.passed, gap.severity) == (False, dg.AssetCheckSeverity.WARN)


@pytest.mark.parametrize(
    ("damage", "owner", "said"),
    [
        (
            "insert into feedbacks (article_id, type) values (null, 'x')",
            descriptions.PROVED,
            "backup_all_data() failed",
        ),
        ("delete from articles", descriptions.PLAUSIBLE, "[not_empty]"),
        (
            "create function bad() returns trigger language plpgsql as $$begin delete from feedbacks;"
            " return new; end$$; create trigger bad after insert on backup_logs for each row execute function bad()",
            descriptions.UNTOUCHED,
            "rows of public.feedbacks were deleted",
        ),
    ],
)
def test_a_guard_speaks_in_its_own_check_and_no_check_is_without_a_text(
    project: Project, damage: str, owner: str, said: str
) -> None:
    project.database.execute(damage.encode())
    with dg.DagsterInstance.ephemeral() as instance:
        result = launch(project.with_(backups_first_day="2026-11-01"), instance)
        assert not result.success
        names = (descriptions.PROVED, descriptions.UNTOUCHED, descriptions.PLAUSIBLE, descriptions.COMPLETE)
        found = {name: shown(instance, descriptions.BACKUP_KEY, name) for name in names}
    assert not found[owner].passed
    assert found[owner].severity is dg.AssetCheckSeverity.ERROR
    assert said in str(found[owner].description)
    others = [one for name, one in found.items() if name not in {owner, descriptions.COMPLETE}]
    assert {one.description for one in others} == {f"Nothing was concluded; see {owner}."}
    assert {one.severity for one in others} == {dg.AssetCheckSeverity.WARN}


def test_a_failed_drill_and_a_failed_archive_say_so_in_their_checks(project: Project) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        launch(project, instance, "aimindset_drill", partition=None)
        drilled = shown(instance, descriptions.DRILL_KEY, descriptions.CAME_BACK)
        assert (drilled.passed, drilled.description) == (
            False,
            "No archive was proved yet: there is nothing to restore.",
        )
        broken = project.with_(archive_age_recipient="age1nonsense", backups_first_day="2026-11-01")
        launch(broken, instance)
        read_back = shown(instance, descriptions.ARCHIVE_KEY, descriptions.READ_BACK)
        assert "no age recipient" in str(read_back.description)
        assert shown(instance, descriptions.BACKUP_KEY, descriptions.PROVED).passed


def test_the_newest_backup_without_its_rows_is_an_error(project: Project) -> None:
    assert project.day(TODAY, wanted=[assets.BACKUP]).problems == {}
    project.database.execute("truncate backup_articles, backup_comments, backup_feedbacks")
    check = backed(project)
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)


def test_the_comparison_is_limited_to_the_newest(project: Project) -> None:
    assert project.day(wanted=[assets.BACKUP]).problems == {}
    copy = newest(project)
    old = [
        replace(copy, name=f"00000000-0000-4000-8000-{n:012}", made_at=copy.made_at - timedelta(days=n))
        for n in range(1, recorded.NEWEST + 3)
    ]
    found = recorded.compare(project.database, [copy, *old])
    assert found.equal == (copy.name,)
    assert len(found.gone) == recorded.NEWEST - 1
    assert not found.is_serious
