"""`sync-pipelines doctor` before Gestão Scouter: alive, dead, and with another project's key."""

from __future__ import annotations

import socket

from sync_pipelines.scouter import doctor
from sync_pipelines.settings import Settings
from sync_pipelines_tests.scouter.installation import Installation


def wrong(settings: Settings) -> list[str]:
    return [found.sentence for found in doctor.gestao_scouter(settings) if not found.ok]


def test_a_destination_that_takes_leads_is_right(installation: Installation) -> None:
    assert wrong(installation.settings) == []
    assert any("connection" in found.sentence for found in doctor.gestao_scouter(installation.settings))


def test_a_dead_destination_is_told(installation: Installation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    dead = installation.settings.model_copy(update={"gestao_scouter_url": f"http://127.0.0.1:{port}"})
    (sentence,) = wrong(dead)
    assert sentence.startswith("GESTAO_SCOUTER_URL: connection: Não foi possível falar com o Gestão Scouter")


def test_a_destination_that_is_not_set_is_told(installation: Installation) -> None:
    (sentence,) = wrong(installation.settings.model_copy(update={"gestao_scouter_url": None}))
    assert "leads go nowhere" in sentence
