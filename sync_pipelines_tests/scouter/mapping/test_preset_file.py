"""Mappings as a file: what is written is read again, and what is no such file is rejected by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.scouter.mapping.preset_file import read_file, read_text, write_file
from sync_pipelines.scouter.mapping.presets import Preset, Presets
from sync_pipelines_tests.scouter.mapping.conftest import (
    PHONE,
    WHOLE,
    Database,
    save_presets,
    store_preset,
)


def test_a_file_gives_back_what_was_written(
    source: Database, destination: Database, presets: Presets, tmp_path: Path
) -> None:
    store_preset(source, "Básico", WHOLE, is_default=True)
    store_preset(source, "Telefones à mão", PHONE)
    store_preset(source, "Quebrado", [])
    file = tmp_path / "mappings.json"
    write_file(file, presets.all())
    found = read_file(file)
    assert found == presets.all()
    assert "à mão" in file.read_text(encoding="utf-8")
    source.execute("truncate public.gestao_scouter_field_mappings")
    with pytest.raises(PermanentError, match="Quebrado"):
        save_presets(presets, destination, *found)
    save_presets(presets, destination, *(one for one in found if one.name != "Quebrado"))
    assert [one.name for one in presets.all()] == ["Básico", "Telefones à mão"]
    assert read_file(file, "Telefones à mão") == [presets.get("Telefones à mão")]


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    file = tmp_path / "mappings.json"
    file.write_text("mine")
    with pytest.raises(PermanentError, match=r"mappings\.json is there already"):
        write_file(file, [Preset("Novo", WHOLE)])
    assert file.read_text() == "mine"
    with pytest.raises(PermanentError, match=r"m\.json could not be written: No such file or directory"):
        write_file(tmp_path / "no" / "m.json", [])


def test_a_bare_mapping_gets_the_name_that_is_said() -> None:
    (found,) = read_text(json.dumps(PHONE), "Novo")
    assert (found.name, found.mapping.document(), found.is_default) == ("Novo", PHONE, False)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"{", "The file is not JSON"),
        (b"[]", "neither a mapping nor a list of presets"),
        (b"\xff\xfe", "is not a text in UTF-8"),
        (b'{"id": "id"}', "without a name"),
        (b'{"id": "id", "nome": "name", "id": "age"}', "two values for id"),
        (b'{"format": "scouter-field-mappings/1"}', "holds no preset"),
        (b'{"format": "scouter-field-mappings/1", "presets": [{"name": "a"}]}', "without name or mappings"),
        (
            b'{"format": "scouter-field-mappings/1", "presets": [{"name": "a", "mappings": {"x": "y", "x": "z"}}]}',
            "two values for x",
        ),
    ],
)
def test_a_file_that_is_none_is_refused_by_its_name(tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "mine.json"
    file.write_bytes(content)
    with pytest.raises(PermanentError, match=told) as refused:
        read_file(file)
    assert str(file) in str(refused.value)


def test_a_file_that_is_not_there_and_a_preset_that_it_does_not_hold(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"nowhere\.json could not be read: No such file"):
        read_file(tmp_path / "nowhere.json")
    write_file(tmp_path / "one.json", [Preset("Básico", WHOLE)])
    with pytest.raises(PermanentError, match=r"one\.json: The file holds no preset 'Novo'"):
        read_file(tmp_path / "one.json", "Novo")
