"""Named mappings: in the application's table, and as a file that another project takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.scouter.mapping.presets import Preset, Presets, read_file, read_text, write_file
from sync_pipelines_tests.scouter.mapping.conftest import Database, columns

WHOLE = {"id": "id", "nome": "name", "updated_at": "updated_at"}
PHONE = WHOLE | {"telefone": {"from": ["celular", "telefone_casa"], "transform": "first_non_empty"}}


@pytest.fixture
def presets(source: Database) -> Presets:
    return Presets(source)


def store(source: Database, name: str, document: Any, is_default: bool | None = None) -> None:
    """A preset as the application's screen writes it."""
    source.execute(
        "insert into public.gestao_scouter_field_mappings (name, mappings, is_default) values (%s, %s, %s)",
        [name, Jsonb(document), is_default],
    )


def save(presets: Presets, destination: Database, *made: Preset) -> list[str]:
    return presets.save(made, columns(presets.connection), columns(destination))


def test_what_the_screen_wrote_is_read_by_its_name(source: Database, presets: Presets) -> None:
    assert (presets.all(), presets.default()) == ([], None)
    store(source, "Básico", WHOLE, is_default=True)
    store(source, "Antigo", json.dumps(PHONE))  # as text within JSON, which some screen did
    assert [(one.name, one.is_default) for one in presets.all()] == [("Antigo", False), ("Básico", True)]
    assert presets.get("Antigo").mapping.document() == PHONE
    default = presets.default()
    assert default is not None
    assert default.mapping.document() == WHOLE


def test_an_unknown_name_is_refused_with_those_that_there_are(source: Database, presets: Presets) -> None:
    with pytest.raises(PermanentError, match=r"no preset 'Novo'.*there is none yet"):
        presets.get("Novo")
    store(source, "Básico", WHOLE)
    with pytest.raises(PermanentError, match=r"no preset 'Novo'.*there are Básico"):
        presets.get("Novo")


@pytest.mark.parametrize("document", [[], "x", 5, {"nome": None}])
def test_a_stored_preset_that_is_no_mapping_is_named(
    source: Database, presets: Presets, document: Any
) -> None:
    store(source, "Quebrado", document)
    with pytest.raises(PermanentError, match="Preset 'Quebrado': The field mapping"):
        _ = presets.get("Quebrado").mapping


def test_saving_takes_the_place_of_one_with_the_same_name_and_of_the_default(
    source: Database, destination: Database, presets: Presets
) -> None:
    store(source, "Básico", WHOLE, is_default=True)
    tabbed = WHOLE | {"nome": "tab_name"}
    assert save(presets, destination, Preset("Novo", PHONE, True), Preset("Outro", tabbed)) == [
        "Novo",
        "Outro",
    ]
    assert save(presets, destination, Preset("Outro", PHONE)) == ["Outro"]
    assert [(one.name, one.is_default, one.document) for one in presets.all()] == [
        ("Básico", False, WHOLE),
        ("Novo", True, PHONE),
        ("Outro", False, PHONE),
    ]


def test_the_prefix_of_some_screens_is_not_stored(destination: Database, presets: Presets) -> None:
    save(
        presets, destination, Preset("Novo", {"id": "tab_id", "nome": "tab_name", "updated_at": "updated_at"})
    )
    assert presets.get("Novo").document == WHOLE


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (Preset("Ruim", WHOLE | {"phone": "celular"}), "Preset 'Ruim': .*Gestão Scouter has no column phone"),
        (Preset("Ruim", WHOLE | {"age": "idade"}), "Preset 'Ruim': .*TabuladorMax has no column idade"),
        (Preset("Ruim", {"nome": "name"}), "Preset 'Ruim': .*id, updated_at of TabuladorMax must be mapped"),
        (Preset("Ruim", []), "Preset 'Ruim': .*not a JSON object"),
        (Preset(" ", WHOLE), "A preset needs a name"),
        (Preset("Ruim", WHOLE, True), "Only one preset can be the default"),
    ],
)
def test_one_that_cannot_be_used_keeps_all_from_being_saved(
    destination: Database, presets: Presets, bad: Preset, told: str
) -> None:
    with pytest.raises(PermanentError, match=told):
        save(presets, destination, Preset("Bom", WHOLE, True), bad)
    assert presets.all() == []


def test_a_file_gives_back_what_was_written(
    source: Database, destination: Database, presets: Presets, tmp_path: Path
) -> None:
    store(source, "Básico", WHOLE, is_default=True)
    store(source, "Telefones à mão", PHONE)
    store(source, "Quebrado", [])
    file = tmp_path / "mappings.json"
    write_file(file, presets.all())
    found = read_file(file)
    assert found == presets.all()
    assert "à mão" in file.read_text(encoding="utf-8")
    source.execute("truncate public.gestao_scouter_field_mappings")
    with pytest.raises(PermanentError, match="Quebrado"):
        save(presets, destination, *found)
    save(presets, destination, *(one for one in found if one.name != "Quebrado"))
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
