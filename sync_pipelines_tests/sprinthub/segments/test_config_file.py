"""A file that comes back as it went, and files that are refused in a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.sprinthub.segments import config_file
from sync_pipelines.sprinthub.segments.config_file import SegmentConfig
from sync_pipelines_tests.sprinthub.segments.conftest import DAILY, START, TICK, Project


def exported(project: Project, file: Path) -> SegmentConfig:
    config = SegmentConfig.of(project.control.all(), DAILY)
    config_file.write(file, config, START)
    return config


def test_what_is_written_is_read_again_and_changes_nothing(project: Project, tmp_path: Path) -> None:
    project.put(7, due=TICK, last=START)
    project.put(8, "paused")
    project.put(9, "error", START)
    config = exported(project, tmp_path / "segments.json")
    assert config_file.read(tmp_path / "segments.json") == config
    assert config_file.apply(project.connection, config) == []
    assert [file.name for file in tmp_path.iterdir()] == ["segments.json"]


def test_an_import_adds_and_updates_and_deletes_nothing(project: Project, tmp_path: Path) -> None:
    project.put(7, "paused", TICK, last=START - timedelta(days=9))
    project.put(8, last=START)
    config = exported(project, tmp_path / "segments.json")
    project.connection.execute("truncate sync_segments_control")
    project.put(8, "paused", last=START + timedelta(days=1))
    project.put(9)
    sentences = ["Segment 7: added, paused.", "Segment 8: status paused becomes active."]
    before = project.control.all()
    assert config_file.apply(project.connection, config, plan=True) == sentences
    assert project.control.all() == before
    assert config_file.apply(project.connection, config) == sentences
    found = {row.segment_id: row for row in project.control.all()}
    assert found[7] == config.segments[0]
    # The newer success stays.
    assert (found[8].status, found[8].last_execution) == ("active", START + timedelta(days=1))
    assert found.keys() == {7, 8, 9}
    assert config_file.apply(project.connection, config) == []


def test_rows_that_nobody_could_import_are_left_out(project: Project) -> None:
    project.put(7)
    project.put(7)
    project.put(-1)
    project.put(8, "Active")
    assert [row.segment_id for row in SegmentConfig.of(project.control.all(), DAILY).segments] == [7]


def test_a_schedule_that_differs_is_said() -> None:
    config = SegmentConfig.of([], DAILY)
    assert config.differences(DAILY) == []
    other = replace(DAILY, cron="0 8 * * 1-5", zone=ZoneInfo("America/Sao_Paulo"))
    cron, zone = config.differences(other)
    assert cron.startswith("SPRINTHUB_CRON is '0 8 * * 1-5' and the file says '0 6 * * *'")
    assert zone.startswith("SPRINTHUB_TIMEZONE is 'America/Sao_Paulo' and the file says 'UTC'")


Damage = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda d: d.update(format="another"), "none that export-config wrote"),
        (lambda d: d.update(version=2), "version"),
        (lambda d: d.pop("schedule"), "lacks its schedule"),
        (lambda d: d.update(schedule={"cron": 5, "timezone": "UTC"}), "lacks its schedule"),
        (lambda d: d.update(segments={}), "lacks its schedule or its list"),
        (lambda d: d["segments"].append("8"), "entry 2 of segments: segment_id"),
        (lambda d: d["segments"][0].update(segment_id=0), "entry 1 of segments: segment_id"),
        (lambda d: d["segments"][0].update(segment_id=2**31), "segment_id"),
        (lambda d: d["segments"][0].update(status="stopped"), "status is none of active, paused, error"),
        (lambda d: d["segments"][0].update(status=[]), "status is none of"),
        (lambda d: d["segments"][0].update(next_execution="tomorrow"), "next_execution is no moment"),
        (lambda d: d["segments"][0].update(next_execution=7), "next_execution is no moment"),
        (lambda d: d["segments"][0].update(next_execution="2026-03-11T06:00:00"), "with its offset"),
        (lambda d: d["segments"].append(d["segments"][0]), "segment 7 twice"),
    ],
)
def test_a_damaged_file_is_refused_before_anything_is_written(
    project: Project, tmp_path: Path, damage: Damage, sentence: str
) -> None:
    project.put(7, due=TICK)
    file = tmp_path / "segments.json"
    exported(project, file)
    document = json.loads(file.read_text())
    damage(document)
    file.write_text(json.dumps(document))
    with pytest.raises(PermanentError, match=sentence):
        config_file.read(file)


@pytest.mark.parametrize("content", [b"", b"segment_id\n7\n", b"\xff\xfe", b"[]", b'"text"', b"[" * 100_000])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "other"
    file.write_bytes(content)
    with pytest.raises(PermanentError, match="export-config wrote"):
        config_file.read(file)


def test_a_file_that_is_not_there_or_cannot_be_written_is_a_sentence(
    project: Project, tmp_path: Path
) -> None:
    with pytest.raises(PermanentError, match="cannot be read: No such file"):
        config_file.read(tmp_path / "nothing")
    with pytest.raises(PermanentError, match="cannot be written: No such file"):
        exported(project, tmp_path / "no folder" / "segments.json")
