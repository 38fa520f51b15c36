"""Named mappings in the application's table."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.scouter.mapping.presets import Preset, Presets
from sync_pipelines_tests.scouter.mapping.conftest import (
    PHONE,
    WHOLE,
    Database,
    save_presets,
    store_preset,
)


def test_what_the_screen_wrote_is_read_by_its_name(source: Database, presets: Presets) -> None:
    assert (presets.all(), presets.default()) == ([], None)
    store_preset(source, "Básico", WHOLE, is_default=True)
    store_preset(source, "Antigo", json.dumps(PHONE))  # as text within JSON, which some screen did
    assert [(one.name, one.is_default) for one in presets.all()] == [("Antigo", False), ("Básico", True)]
    assert presets.get("Antigo").mapping.document() == PHONE
    default = presets.default()
    assert default is not None
    assert default.mapping.document() == WHOLE


def test_an_unknown_name_is_refused_with_those_that_there_are(source: Database, presets: Presets) -> None:
    with pytest.raises(PermanentError, match=r"no preset 'Novo'.*there is none yet"):
        presets.get("Novo")
    store_preset(source, "Básico", WHOLE)
    with pytest.raises(PermanentError, match=r"no preset 'Novo'.*there are Básico"):
        presets.get("Novo")


@pytest.mark.parametrize("document", [[], "x", 5, {"nome": None}])
def test_a_stored_preset_that_is_no_mapping_is_named(
    source: Database, presets: Presets, document: Any
) -> None:
    store_preset(source, "Quebrado", document)
    with pytest.raises(PermanentError, match="Preset 'Quebrado': The field mapping"):
        _ = presets.get("Quebrado").mapping


def test_saving_takes_the_place_of_one_with_the_same_name_and_of_the_default(
    source: Database, destination: Database, presets: Presets
) -> None:
    store_preset(source, "Básico", WHOLE, is_default=True)
    tabbed = WHOLE | {"nome": "tab_name"}
    assert save_presets(presets, destination, Preset("Novo", PHONE, True), Preset("Outro", tabbed)) == [
        "Novo",
        "Outro",
    ]
    assert save_presets(presets, destination, Preset("Outro", PHONE)) == ["Outro"]
    assert [(one.name, one.is_default, one.document) for one in presets.all()] == [
        ("Básico", False, WHOLE),
        ("Novo", True, PHONE),
        ("Outro", False, PHONE),
    ]


def test_the_prefix_of_some_screens_is_not_stored(destination: Database, presets: Presets) -> None:
    save_presets(
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
        save_presets(presets, destination, Preset("Bom", WHOLE, True), bad)
    assert presets.all() == []
