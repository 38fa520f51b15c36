"""The change of `company_dre` that an installation chooses: a second history over one database."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import psycopg
import pytest
from typer.testing import CliRunner

from sync_pipelines.cli.app import app
from sync_pipelines.migrations import generation, inspection, runner
from sync_pipelines.migrations.history import History
from sync_pipelines.migrations.shape import FOLDER
from sync_pipelines.sandbox.erp.database import build_erp
from sync_pipelines.systems import whole_class

BY_COMPANY = History("erp_dre_by_company", database="erp")
NewDatabase = Callable[[str | None], str]
APPLICATION = """
create table public.company_dre (
    id uuid primary key default gen_random_uuid(), user_id uuid not null, company_id uuid,
    period_type text not null default 'monthly', period_month integer not null default 0, period_year integer not null,
    constraint company_dre_user_period_unique unique (user_id, period_type, period_year, period_month)
);
"""
ADD = "insert into public.company_dre (user_id, company_id, period_year, period_month) values (%s, %s, 2026, 10)"


def test_the_key_is_replaced_as_the_plan_says_and_verified(new_database: NewDatabase) -> None:
    url, user = new_database(None), uuid4()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(APPLICATION)
        connection.execute(ADD, (user, None))
        planned = inspection.plan(BY_COMPANY, url).sentences()
        assert (
            "drop unique (user_id, period_type, period_year, period_month) of public.company_dre" in planned
        )
        assert any(one.startswith("CREATE UNIQUE INDEX company_dre_company_period_unique") for one in planned)
        assert "record revision 0001 in sync_private.alembic_version_erp_dre_by_company" in planned
        assert "process-dre without dre_id" in planned[-1]
        assert not all(one.ok for one in inspection.verify(BY_COMPANY, url))
        runner.upgrade(BY_COMPANY, url)
        runner.upgrade(BY_COMPANY, url)
        assert inspection.plan(BY_COMPANY, url).steps == ()
        assert [one.sentence for one in inspection.verify(BY_COMPANY, url) if not one.ok] == []
        company = uuid4()
        connection.execute(ADD, (user, company))
        for owner in (None, company):
            with pytest.raises(psycopg.errors.UniqueViolation):
                connection.execute(ADD, (user, owner))
        # Somebody puts the former key back: the plan says so, and it goes again.
        connection.execute("delete from public.company_dre where company_id is not null")
        connection.execute(
            "create unique index again on public.company_dre (period_month, user_id, period_type, period_year)"
        )
        assert [one.sentence for one in inspection.verify(BY_COMPANY, url) if not one.ok] == [
            "public.company_dre still has unique (user_id, period_type, period_year, period_month):"
            " run `sync-pipelines migrate`"
        ]
        runner.upgrade(BY_COMPANY, url)
        assert inspection.plan(BY_COMPANY, url).steps == ()


def test_the_committed_shape_is_what_a_fresh_migration_gives(
    new_database: NewDatabase,
) -> None:
    committed = (FOLDER / BY_COMPANY.name / "shape.json").read_text()
    assert generation.generate(BY_COMPANY, new_database(None)) == committed, "run `make shapes`"


def test_the_command_changes_the_key_only_where_the_owner_chose_it(new_database: NewDatabase) -> None:
    url = new_database(None)
    with psycopg.connect(url) as connection:
        build_erp(connection)
    unset = {name.upper(): "" for name in whole_class().model_fields}
    configured = {**unset, "ERP_DATABASE_URL": url, "OPS_DATABASE_URL": new_database("ops")}

    def migrate(*options: str, chosen: str) -> str:
        given = {**configured, "ERP_DRE_BY_COMPANY": chosen}
        result = CliRunner().invoke(app, ["migrate", *options], env=given)
        assert result.exit_code == 0, result.output
        # Lines are wrapped where the terminal ends.
        return " ".join(result.output.split())

    narrow = "unique (user_id, period_type, period_year, period_month)"
    assert "ERP_DRE_BY_COMPANY" not in migrate(chosen="false")
    assert "ERP_DRE_BY_COMPANY" not in migrate("--verify", chosen="")
    assert f"drop {narrow} of public.company_dre" in migrate("--plan", chosen="true")
    assert "the erp database with ERP_DRE_BY_COMPANY is at the newest structure" in migrate(chosen="true")
    assert f"public.company_dre has no {narrow} of its own" in migrate("--verify", "--verbose", chosen="true")
    # Switched off again, nothing is taken back and nothing complains.
    assert "ERP_DRE_BY_COMPANY" not in migrate("--plan", chosen="false")
    assert "ERP_DRE_BY_COMPANY" not in migrate("--verify", chosen="false")
