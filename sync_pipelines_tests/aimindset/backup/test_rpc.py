"""The backup called by RPC: it is made, and proves nothing."""

from __future__ import annotations

from sync_pipelines.aimindset import assets
from sync_pipelines_tests.aimindset.conftest import Project
from sync_pipelines_tests.aimindset.project_states import (
    MakeProject,
    problem,
)

FAILURES = "select count(*) from backup_logs where not success"


def test_the_rpc_way_is_reported_as_unproved(project: Project) -> None:
    day = project.with_(aimindset_backup_by="rpc").day()

    assert day.problems == {}
    assert day.backup is None
    assert day.unproved is not None
    assert project.catalog.newest_proved(assets.BACKUP) is None
    assert [copy.proved for copy in project.catalog.backups(assets.BACKUP)] == [False]
    assert project.logged("auto_backup") == ["Backup automático chamado por RPC: não comprovado."]


def test_the_rpc_way_reads_success_false_in_a_200(project: Project) -> None:
    """Trap 1 over HTTP."""
    project.database.execute("insert into feedbacks (article_id, type) values (null, 'positive')")
    rpc = project.with_(aimindset_backup_by="rpc")
    assert "backup_all_data() failed" in problem(rpc)


def test_the_rpc_way_names_a_missing_function(make_project: MakeProject) -> None:
    project = make_project("without_function").with_(aimindset_backup_by="rpc")
    assert "no function" in problem(project)


def test_the_rpc_way_knows_an_empty_and_a_collapsed_project(project: Project) -> None:
    """Trap 7 over HTTP, where nothing can be rolled back."""
    rpc = project.with_(aimindset_backup_by="rpc")
    assert rpc.day().problems == {}
    project.database.execute("delete from comments where id in (select id from comments offset 1)")
    said = problem(rpc, force=True)
    assert "[not_collapsed] comments: 1 rows, 25 in the last backup. It is there" in said
    project.database.execute("delete from articles")
    assert "[not_empty]" in problem(rpc, force=True)
    assert len(project.fake.alerts) == 1
