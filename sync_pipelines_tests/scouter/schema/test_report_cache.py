"""How long a schema report is valid, and when it is made again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sync_pipelines.lib.failures import RefusedError, SyncError, TransientError
from sync_pipelines.sandbox.scouter.database import drop_column
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines.scouter.schema.suggestions import RELOAD
from sync_pipelines_tests.scouter.installation import Installation
from sync_pipelines_tests.scouter.mapping.conftest import WHOLE
from sync_pipelines_tests.scouter.schemas import Clock, found


def looks(installation: Installation) -> int:
    """How often the document was asked for."""
    return sum(one.method == "GET" and one.path == "/rest/v1/" for one in installation.postgrest.requests)


def test_a_report_counts_for_five_minutes(fitting: Installation) -> None:
    clock = Clock()
    doctor = replace(fitting.push.doctor(), clock=clock)
    first = doctor.examine()
    clock.now += timedelta(minutes=4, seconds=59)
    assert (doctor.examine(), looks(fitting)) == (first, 1)
    clock.now += timedelta(seconds=1)
    again = doctor.examine()
    assert (again.checked_at, looks(fitting)) == (clock.now, 2)
    clock.now -= timedelta(minutes=10)  # a clock that was put back
    doctor.examine()
    assert looks(fitting) == 3


def test_a_report_is_of_one_mapping_and_one_destination_and_is_dropped_on_demand(
    fitting: Installation,
) -> None:
    doctor = replace(fitting.push.doctor(), clock=Clock())
    doctor.examine()
    doctor.examine(FieldMapping.parse(WHOLE))
    assert looks(fitting) == 2
    replace(doctor, destination="another.example").examine(FieldMapping.parse(WHOLE))
    assert looks(fitting) == 3
    doctor.examine(FieldMapping.parse(WHOLE))
    assert looks(fitting) == 3
    doctor.examine(FieldMapping.parse(WHOLE), fresh=True)
    assert looks(fitting) == 4
    doctor.forget()
    doctor.examine(FieldMapping.parse(WHOLE))
    assert looks(fitting) == 5


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("bad_gateway", TransientError),
        ("empty_503", TransientError),
        ("drop", TransientError),
        ("throttled", TransientError),
        ("gateway_401", RefusedError),
        ("expired_301", RefusedError),
        ("expired_303", RefusedError),
        ("cut_body", TransientError),
    ],
)
def test_a_failed_look_is_an_error_and_is_not_kept(
    fitting: Installation, fault: str, error: type[SyncError]
) -> None:
    fitting.postgrest.fail(fault)
    with pytest.raises(error) as told:
        fitting.push.doctor().examine()
    assert fitting.postgrest.service_key not in str(told.value)
    kept = fitting.ops.execute("select count(*) from ops.schema_reports").fetchone()
    assert kept == (0,)
    fitting.postgrest.clear()
    assert fitting.push.doctor().examine().fits


def test_a_column_that_vanishes_under_a_kept_report_pauses_the_push_and_the_report_is_made_anew(
    installation: Installation,
) -> None:
    noon = datetime(2025, 10, 21, 15, tzinfo=UTC)
    installation.leads(range(3), noon)
    installation.export(noon.date(), noon.date())
    drop_column(installation.gestao, "valor_ficha")
    installation.gestao.execute(RELOAD)
    installation.lead(1, noon, name="Outra")
    installation.push = replace(installation.push, reload=lambda _client, _columns: None)
    job = installation.create(noon.date(), noon.date())
    told = str(installation.paused(job))
    assert "has no column valor_ficha" in told
    assert 'alter table public.leads add column if not exists "valor_ficha" numeric(10,2);' in told
    assert installation.job(job).status == "paused"
    with installation.push.source() as connection:
        assert found(installation.push.examine(connection)) == {"valor_ficha": "destination_missing"}
