"""How the hashes of a lead's fields are kept: in one text, under a list that says which is which."""

from __future__ import annotations

import pytest

from sync_pipelines.scouter.mapping.field import Field
from sync_pipelines.scouter.mapping.field_hashes import MISSING, NULL, REFUSED, WIDTH, FieldList, Labels
from sync_pipelines.scouter.mapping.field_mapping import FieldMapping

TYPES = {
    "name": "text",
    "age": "integer",
    "idade": "integer",
    "etapa": "text",
    "updated_at": "timestamp with time zone",
}
FIELDS = FieldList.of(
    FieldMapping((Field("nome", ("name",)), Field("age", ("age",)), Field("etapa", ("etapa",), "lowercase"))),
    TYPES,
)
ONE, TWO = "1" * WIDTH, REFUSED + "2" * (WIDTH - 1)


def test_hashes_are_read_as_they_were_written() -> None:
    for hashes in ({}, {"nome": ONE}, {"age": TWO, "etapa": ONE}, {"nome": ONE, "age": NULL, "etapa": TWO}):
        assert FIELDS.read(FIELDS.write(hashes)) == hashes
    assert FIELDS.write({}) == MISSING * 3
    with pytest.raises(ValueError, match="zip"):
        FIELDS.read(ONE)


def test_hashes_are_kept_under_their_column_transform_and_type() -> None:
    """Under another transform, or as another type, a hash means another value."""
    labels = FIELDS.labels
    assert labels.labels == ("age::integer", "etapa:lowercase:text", "nome::text")
    assert labels.names == ["age", "etapa", "nome"]
    mapping = FieldMapping((Field("etapa", ("etapa",)), Field("age", ("idade",)), Field("nome", ("name",))))
    other = FieldList.of(mapping, TYPES | {"name": "character varying(80)"}).labels
    assert labels.joined(labels) == labels
    assert len({FIELDS.id, other.id}) == 2
    turned = FieldList.of(FieldMapping(FIELDS.fields[::-1]), TYPES)
    assert turned.id == FIELDS.id, "a mapping has no order"


def test_of_two_lists_a_column_is_known_as_the_later_one_says() -> None:
    """What was written under the other transform went over the value that the former hash is of."""
    fewer = FieldMapping((Field("etapa", ("etapa",)), Field("age", ("idade",)), Field("fonte", ("fonte",))))
    later = FieldList.of(fewer, TYPES | {"fonte": "text"}).labels
    both = FIELDS.labels.joined(later)
    assert both.labels == ("age::integer", "nome::text", "etapa::text", "fonte::text")
    kept = FIELDS.labels.read(FIELDS.write({"nome": ONE, "etapa": TWO}))
    assert both.read(both.write({**kept, "etapa::text": ONE})) == {"nome::text": ONE, "etapa::text": ONE}
    back = both.joined(FIELDS.labels)
    assert back.labels == ("age::integer", "nome::text", "fonte::text", "etapa:lowercase:text")


def test_rows_are_hashed_by_kept_labels_as_they_were_hashed_then() -> None:
    again = FieldList.of_labels(FIELDS.labels)
    assert (again.labels, again.id) == (FIELDS.labels, FIELDS.id)
    typed = FieldList.of_labels(Labels(("valor::numeric(10,2)", "em:a:timestamp with time zone")))
    assert typed.types == ("numeric(10,2)", "timestamp with time zone")


def test_key_date_and_stamps_are_no_content() -> None:
    mapping = FieldMapping(
        (
            Field("id", ("id",)),
            Field("nome", ("name",)),
            Field("updated_at", ("updated_at",)),
        )
    )
    assert FieldList.of(mapping, TYPES).names == ("nome",)
