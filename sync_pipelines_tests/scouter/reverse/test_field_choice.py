"""A push of chosen fields between a person's edit and its late announcement."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sync_pipelines.scouter.mapping.field_mapping import FieldMapping
from sync_pipelines_tests.scouter.pair import LEAD, Pair


@pytest.mark.parametrize("is_edited_here", [False, True])
def test_what_was_taken_back_there_does_not_come_late(pair: Pair, is_edited_here: bool) -> None:
    pair.edit(age=20)
    pair.push(LEAD)
    first = pair.edit_there(age=31)
    some = replace(pair, mapping=FieldMapping(tuple(f for f in pair.mapping.fields if f.destination != "age")))
    pair.edit(etapa="Outra")
    assert some.push(LEAD) == [LEAD]
    assert pair.there()["age"] == 31
    second = pair.edit_there(age=20)
    if is_edited_here:
        pair.edit(age=40)
    pair.receive(first, second)
    pair.drain()
    assert (pair.here()["age"], pair.conflicts) == (40 if is_edited_here else 20, [])
    pair.push(LEAD)
    assert pair.there()["age"] == pair.here()["age"]
