"""Names of time zones, right and wrong."""

from __future__ import annotations

import pytest

from sync_pipelines.lib.time_zones import is_time_zone


@pytest.mark.parametrize("name", ["UTC", "America/Sao_Paulo", "America/Argentina/Buenos_Aires"])
def test_a_zone_of_the_iana_database_is_one(name: str) -> None:
    assert is_time_zone(name)


# The folder, the letters in another case (which a file system may take), and a way out of the database.
@pytest.mark.parametrize("name", ["", "America", "america/sao_paulo", "Brazil/Nowhere", "../UTC"])
def test_another_text_is_none(name: str) -> None:
    assert not is_time_zone(name)
