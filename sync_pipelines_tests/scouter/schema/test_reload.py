"""The destination's schema cache is told to reload, and only what writes see counts as reloaded."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from sync_pipelines.lib.failures import PermanentError, RefusedError, SyncError, TransientError
from sync_pipelines.lib.http.postgrest import PostgrestClient
from sync_pipelines.sandbox.scouter.database import drop_column
from sync_pipelines.scouter.schema.reload import Patience, Reloaded, reload_schema
from sync_pipelines.scouter.schema.suggestions import RELOAD_FUNCTION
from sync_pipelines_tests.scouter.installation import Installation

COLUMNS = ("id", "nome", "cadastro_existe_foto")


@dataclass
class Time:
    """Passes only by being slept through."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def clock(self) -> float:
        return self.now


def reload(client: PostgrestClient, time: Time, *columns: str, **patience: float) -> Reloaded:
    return reload_schema(
        client, columns or COLUMNS, patience=Patience(**patience), sleep=time.sleep, clock=time.clock
    )


def test_a_reload_that_is_heard_at_once_needs_one_look(
    fitting: Installation, client: PostgrestClient
) -> None:
    time = Time()
    assert (reload(client, time), time.slept) == (Reloaded(1, 0.0), [])


def test_it_waits_with_growing_pauses_until_writes_see_the_column(alterable: Installation) -> None:
    alterable.gestao.execute("alter table public.leads add column nova text")
    alterable.postgrest.reload_polls = 6
    time = Time()
    with alterable.push.destination.client() as client:
        done = reload(client, time, "id", "nova", longest=1.0)
        assert client.probe("leads", ["nova"], on_conflict="id") is None
    assert (done.probes, done.seconds) == (len(time.slept) + 1, sum(time.slept))
    assert time.slept == [0.2, 0.4, 0.8, 1.0][: len(time.slept)]
    assert len(time.slept) >= 2


@pytest.mark.parametrize("way", ["fault", "dropped"])
def test_a_missing_function_is_a_failure_with_the_sql_to_make_it(alterable: Installation, way: str) -> None:
    if way == "fault":
        alterable.postgrest.fail("reload_missing")
    else:
        alterable.gestao.execute("drop function public.notify_pgrst_reload(); notify pgrst, 'reload schema'")
    time = Time()
    with (
        alterable.push.destination.client() as client,
        pytest.raises(
            PermanentError, match=r"no function notify_pgrst_reload\(\).*was not\s+reloaded"
        ) as told,
    ):
        reload(client, time)
    assert RELOAD_FUNCTION in str(told.value)
    assert len(alterable.postgrest.requests) == 1


def test_a_reload_that_is_not_heard_ends_at_its_deadline(alterable: Installation) -> None:
    alterable.gestao.execute("alter table public.leads add column nova text, add column outra text")
    alterable.postgrest.fail("stale_cache")
    time = Time()
    with (
        alterable.push.destination.client() as client,
        pytest.raises(
            PermanentError, match=r"30 s after the reload: .*no column nova .*no column outra"
        ) as told,
    ):
        reload(client, time, "id", "nova", "outra")
    assert "scouter_validate_schema shows the SQL" in str(told.value)
    assert 28 < time.now <= 30


def test_a_column_that_is_not_there_stays_away(fitting: Installation, client: PostgrestClient) -> None:
    with pytest.raises(PermanentError, match=r"3 s after the reload: .*no column inexistente"):
        reload(client, Time(), "id", "inexistente", deadline=3.0)


def test_a_column_that_was_lost_is_told_after_the_reload(alterable: Installation) -> None:
    drop_column(alterable.gestao, "cadastro_existe_foto")
    with (
        alterable.push.destination.client() as client,
        pytest.raises(PermanentError, match="no column cadastro_existe_foto"),
    ):
        reload(client, Time(), deadline=1.0)


def test_without_a_key_nobody_waits(alterable: Installation) -> None:
    alterable.gestao.execute("alter table public.leads drop constraint leads_pkey")
    time = Time()
    with (
        alterable.push.destination.client() as client,
        pytest.raises(PermanentError, match="42P10"),
    ):
        reload(client, time)
    assert time.slept == []


@pytest.mark.parametrize("fault", ["empty_503", "bad_gateway", "throttled", "drop"])
def test_a_server_that_is_away_while_it_reloads_is_waited_for(
    fitting: Installation, client: PostgrestClient, fault: str
) -> None:
    fitting.postgrest.fail(fault, times=2, after=1)
    assert reload(client, Time()).probes == 3


def test_a_server_that_stays_away_is_told_at_the_deadline(
    fitting: Installation, client: PostgrestClient
) -> None:
    fitting.postgrest.fail("empty_503", after=1)
    with pytest.raises(PermanentError, match="did not answer 5 s after the reload"):
        reload(client, Time(), deadline=5.0)


@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("gateway_401", RefusedError),
        ("expired_301", RefusedError),
        ("expired_303", RefusedError),
        ("forbidden", SyncError),
    ],
)
def test_a_refused_key_is_told_at_once(
    fitting: Installation, client: PostgrestClient, fault: str, error: type[SyncError], after: int
) -> None:
    fitting.postgrest.fail(fault, after=after)
    time = Time()
    with pytest.raises(error) as told:
        reload(client, time)
    assert not isinstance(told.value, TransientError)
    assert time.slept == []
    assert fitting.postgrest.service_key not in str(told.value)
    assert fitting.postgrest.url not in str(told.value)


def test_a_server_that_is_away_when_it_is_told_is_a_transient_error(
    fitting: Installation, client: PostgrestClient
) -> None:
    fitting.postgrest.fail("bad_gateway")
    with pytest.raises(TransientError):
        reload(client, Time())
