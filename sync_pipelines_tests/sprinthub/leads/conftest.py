from __future__ import annotations

from pathlib import Path

import pytest

from sync_pipelines.sandbox.sprinthub.fake import SprinthubFake
from sync_pipelines_tests.sprinthub.leads.reading import Reading


@pytest.fixture
def reading(crm: SprinthubFake, tmp_path: Path) -> Reading:
    return Reading(crm, tmp_path)
