"""The notification of a failed day: once, whatever else does not work."""

from __future__ import annotations

from sync_pipelines.aimindset import assets
from sync_pipelines_tests.aimindset.conftest import TODAY, Project

FAILURES = "select count(*) from backup_logs where not success"


def test_a_database_that_takes_no_writes_still_raises_the_alarm(project: Project) -> None:
    """Trap 5: nothing can be logged there; the alert goes out all the same."""
    name = project.database.info.dbname
    project.database.execute(f"alter database {name} set default_transaction_read_only = on".encode())
    day = project.day()

    assert "takes no writes" in str(day.problems[assets.BACKUP])
    assert len(project.fake.alerts) == 1
    assert project.value("select count(*) from system_logs where type like 'auto_backup%'") == 0


def test_a_failed_day_is_notified_once_however_often_it_is_tried(project: Project) -> None:
    """Trap 14: duplicate alerts on retry."""
    project.database.execute("insert into feedbacks (article_id, type) values (null, 'positive')")
    for _ in range(3):
        assert assets.BACKUP in project.day(wanted=[assets.BACKUP]).problems
    assert len(project.fake.alerts) == 1
    assert len(project.logged("auto_backup_error")) == 1


def test_an_alert_that_nobody_takes_falls_back_to_mail_with_the_wanted_subject(project: Project) -> None:
    """Trap 14 and 15: alert-processor answers 200 without a subscriber."""
    project.database.execute("delete from alert_subscriptions")
    project.database.execute("insert into feedbacks (article_id, type) values (null, 'positive')")
    day = project.day()

    assert day.delivery is not None
    assert day.delivery.by == "e-mail (1 of 1 recipients)"
    assert "no subscriber" in day.delivery.reasons[0]
    (mail,) = project.mail.messages
    assert mail["Subject"] == "🚨 [AIMindset] Falha no Backup Automático"
    assert TODAY in mail.get_content()


def test_a_failed_alert_does_not_hide_the_failed_backup(project: Project) -> None:
    """Trap 14: both fail; the next run notifies again, because no alert left."""
    project.fake.fail("bad_gateway")
    project.mail.broken = True
    project.database.execute("insert into feedbacks (article_id, type) values (null, 'positive')")
    day = project.day()
    assert assets.BACKUP in day.problems
    assert day.delivery is not None
    assert day.delivery.by is None
    assert len(day.delivery.reasons) == 2

    project.fake.clear()
    assert project.day(wanted=[assets.BACKUP]).delivery is not None
    assert len(project.fake.alerts) == 1
    assert len(project.logged("auto_backup_error")) == 1


def test_the_alert_leaves_without_our_own_database(project: Project) -> None:
    day = project.with_(ops_database_url="postgresql://x:uma-senha-longa@127.0.0.1:1/ops").day()
    assert assets.BACKUP in day.problems
    assert len(project.fake.alerts) == 1
    assert "uma-senha-longa" not in str(project.fake.alerts)


def test_the_alert_leaves_without_the_projects_database(project: Project) -> None:
    gone = project.with_(aimindset_database_url="postgresql://x:uma-senha-longa@127.0.0.1:1/projeto")
    day = gone.day()
    assert "aimindset database" in str(day.problems[assets.BACKUP])
    assert len(project.fake.alerts) == 1


def test_the_service_key_may_lie_in_the_vault(project: Project) -> None:
    key = project.fake.service_key
    project.database.execute(
        "create schema vault; create table vault.decrypted_secrets (name text, decrypted_secret text)"
    )
    project.database.execute(
        "insert into vault.decrypted_secrets values ('SUPABASE_SERVICE_ROLE_KEY', %s)", (key,)
    )
    vaulted = project.with_(aimindset_service_key=None, aimindset_secrets_from="vault")
    project.database.execute("insert into feedbacks (article_id, type) values (null, 'positive')")

    day = vaulted.day()
    assert day.delivery is not None
    assert day.delivery.by == "alert-processor (1 e-mails)"
