"""Named mappings as a JSON file, to carry them from one installation to another."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.scouter.mapping.mapping_json import read_json
from sync_pipelines.scouter.mapping.presets import Preset

FORMAT = "scouter-field-mappings/1"


def write_file(path: Path, presets: Sequence[Preset]) -> None:
    """Write a new file; PermanentError if the file exists or cannot be written."""
    text = export_text(presets)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise PermanentError(f"{path} is there already and stays as it is: name another file.") from None
    except OSError as error:
        raise PermanentError(f"{path} could not be written: {error.strerror}.") from None


def read_file(path: Path, name: str = "") -> list[Preset]:
    """Read a file of presets; PermanentError, which names the file, if it is none."""
    try:
        return read_text(path.read_text(encoding="utf-8"), name)
    except UnicodeDecodeError:
        raise PermanentError(f"{path} is not a text in UTF-8.") from None
    except OSError as error:
        raise PermanentError(f"{path} could not be read: {error.strerror}.") from None
    except PermanentError as error:
        raise PermanentError(f"{path}: {error}") from None


def export_text(presets: Sequence[Preset]) -> str:
    """The text that `read_text` reads. A preset whose mapping cannot be read is written as it is stored."""
    listed = [
        {"name": preset.name, "is_default": preset.is_default, "mappings": _exported(preset)}
        for preset in presets
    ]
    return json.dumps({"format": FORMAT, "presets": listed}, ensure_ascii=False, indent=2) + "\n"


def read_text(text: str, name: str = "") -> list[Preset]:
    """The presets of a file that we wrote, or one bare `{destination: source}`, which gets the name `name`."""
    document = _read_object(text)
    if document.get("format") == FORMAT:
        listed = document.get("presets")
        presets = [_read_preset(one) for one in listed] if isinstance(listed, list) else []
        if name:
            presets = [preset for preset in presets if preset.name == name]
        if not presets:
            raise PermanentError(f"The file holds no preset{f' {name!r}' if name else ''}.")
        return presets
    if not name:
        raise PermanentError(
            "The file holds one mapping without a name: say what the preset is to be called."
        )
    return [Preset(name, text)]


def _exported(preset: Preset) -> Any:
    try:
        return preset.mapping.document()
    except PermanentError:
        return preset.document


def _read_object(text: str) -> Mapping[str, Any]:
    try:
        document, repeated = read_json(text)
    except ValueError:
        raise PermanentError("The file is not JSON.") from None
    if not isinstance(document, dict):
        raise PermanentError("The file is neither a mapping nor a list of presets.")
    if repeated:
        raise PermanentError(f"The file has two values for {', '.join(repeated)}: keep one.")
    return document


def _read_preset(one: object) -> Preset:
    if not isinstance(one, dict) or not isinstance(one.get("name"), str) or "mappings" not in one:
        raise PermanentError("The file has a preset without name or mappings.")
    return Preset(one["name"], one["mappings"], one.get("is_default") is True)
