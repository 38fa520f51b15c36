"""Where nothing runs by itself, the daemon says so."""

from __future__ import annotations

import dagster as dg
import pytest

from sync_pipelines.definitions import build
from sync_pipelines.systems import read_settings
from sync_pipelines_tests.operations.conftest import tick


def test_the_daemon_says_that_everything_is_switched_off(caplog: pytest.LogCaptureFixture) -> None:
    off = definitions_of(sync_env="development").sensors or ()
    (sensor,) = [one for one in off if one.name == "automation_is_switched_off"]
    assert isinstance(sensor, dg.SensorDefinition)
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    assert "Set SYNC_ENV=production" in tick(sensor)
    assert "Set SYNC_ENV=production" in caplog.text
    on = definitions_of(sync_env="production").sensors or ()
    assert "automation_is_switched_off" not in {one.name for one in on}


def definitions_of(**values: str) -> dg.Definitions:
    return build(read_settings(None, **values))
