"""The export over a real socket: windows, orders, refusals, the control endpoints."""

import asyncio
import io
import re
from collections import Counter
from zipfile import ZipFile

import httpx
import pytest

from sync_pipelines.sandbox.hitss.app import Upstream, create_app
from sync_pipelines.sandbox.hitss.fake import HitssFake
from sync_pipelines.sandbox.hitss.faults import FAULTS
from sync_pipelines_tests.sandbox.hitss.conftest import read, shown


def test_the_whole_history(hitss: HitssFake, web: httpx.Client) -> None:
    answer = web.get(hitss.url())
    assert answer.status_code == 200
    assert answer.content.startswith(b"PK\x03\x04")
    assert re.search(r"Relatorio_\d{15}\.xlsx", answer.headers["content-disposition"])
    got = [tuple(row) for row in read(answer.content)[1:]]
    assert Counter(got) == Counter(map(tuple, shown(list(hitss.rows))))
    assert hitss.state()["last_window"] == "09-2016..08-2025"


def test_two_downloads_differ_in_bytes_and_not_in_rows(hitss: HitssFake, web: httpx.Client) -> None:
    downloads = [web.get(hitss.url()).content for _ in range(4)]
    assert len(set(downloads)) == 4
    multisets = [Counter(map(tuple, read(data))) for data in downloads]
    assert all(one == multisets[0] for one in multisets)
    orders = {str(read(data)) for data in downloads}
    assert len(orders) == 2
    stamps = {ZipFile(io.BytesIO(data)).infolist()[0].date_time for data in downloads}
    assert len(stamps) == 4


def test_the_window_is_enforced(hitss: HitssFake, web: httpx.Client) -> None:
    rows = read(web.get(hitss.url("11-2024", "01-2025")).content)[1:]
    assert {row[17] for row in rows} == {"11/2024", "12/2024", "1/2025"}
    assert len(rows) == sum(row[17] in ("11/2024", "12/2024", "1/2025") for row in hitss.rows)
    assert len(read(web.get(hitss.url("09-2025", "12-2025")).content)) == 1  # nothing yet: the header alone


def test_spaces_may_be_plus_and_pipes_plain(hitss: HitssFake, web: httpx.Client) -> None:
    url = hitss.url("08-2025")
    assert web.get(url.replace("%20", "+")).status_code == 200
    assert web.get(url.replace("%7C", "|")).status_code == 200


def test_the_download_url_waits_for_its_months(hitss: HitssFake, web: httpx.Client) -> None:
    url = hitss.download_url
    assert len(httpx.URL(url).params) == 19
    assert web.get(url).status_code == 400
    filled = url.replace("{inicio}", "08-2025").replace("{fim}", "08-2025")
    assert web.get(filled).status_code == 200


@pytest.mark.parametrize(
    ("param", "value", "status"),
    [
        ("filtroDeFiltro", "9-2016", 400),
        ("filtroDeFiltro", "09/2016", 400),
        ("filtroAteFiltro", "13-2025", 400),
        ("filtroAteFiltro", "08-2016", 400),
        ("projetoAtivoFiltro", "sim", 400),
        ("tipoFiltro", "", 400),
        ("perfilFiltro", "GERENTE", 400),
        ("telaFiltro", "", 400),
        ("usuarioFiltro", "outra.pessoa", 401),
        ("idusuarioFiltro", "1", 401),
    ],
)
def test_wrong_params(hitss: HitssFake, web: httpx.Client, param: str, value: str, status: int) -> None:
    url = httpx.URL(hitss.url()).copy_set_param(param, value)
    answer = web.get(url)
    assert answer.status_code == status
    assert not value or value not in answer.text


def test_every_param_is_needed(hitss: HitssFake, web: httpx.Client) -> None:
    whole = httpx.URL(hitss.url())
    for name in whole.params:
        answer = web.get(whole.copy_remove_param(name))
        assert answer.status_code == 400
        assert name in answer.text


def test_faults_by_http(hitss: HitssFake, web: httpx.Client) -> None:
    control = f"{hitss.base_url}/_sandbox"
    assert web.post(f"{control}/faults", json={"name": "status", "times": 2, "code": 503}).status_code == 201
    on = [{"name": "status", "left": 2, "params": {"code": 503}}]
    assert web.get(f"{control}/state").json()["faults"] == on
    assert [web.get(hitss.url()).status_code for _ in range(3)] == [503, 503, 200]
    web.post(f"{control}/faults", json={"name": "unauthorized"})
    assert web.delete(f"{control}/faults").json()["faults"] == []
    assert web.get(hitss.url()).status_code == 200
    assert set(web.get(f"{control}/faults").json()) == set(FAULTS)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"name": "nonsense"}, "no fault 'nonsense'"),
        ({"name": "status", "colour": 1}, "no parameter colour"),
        ({"name": "reset", "times": 0}, "times must be"),
        (["reset"], "an object"),
    ],
)
def test_a_fault_that_does_not_exist_is_explained(
    hitss: HitssFake, web: httpx.Client, body: object, message: str
) -> None:
    answer = web.post(f"{hitss.base_url}/_sandbox/faults", json=body)
    assert answer.status_code == 400
    assert message in answer.json()["message"]


def test_the_desk_serves_this_machine_only() -> None:
    async def statuses() -> list[int]:
        far = httpx.ASGITransport(create_app(Upstream(rows=list)), client=("192.0.2.7", 50_000))
        async with httpx.AsyncClient(transport=far, base_url="http://hitss/_sandbox") as stranger:
            asked = [("POST", "/faults"), ("DELETE", "/faults"), ("GET", "/faults"), ("GET", "/state")]
            return [(await stranger.request(method, path)).status_code for method, path in asked]

    assert asyncio.run(statuses()) == [403] * 4


def test_given_rows_are_served(few: list[tuple[str | float | int | None, ...]], web: httpx.Client) -> None:
    with HitssFake(rows=few[:3]) as fake:
        assert len(read(web.get(fake.url()).content)) == 4
        fake.serve_rows(few[:7])
        assert len(read(web.get(fake.url()).content)) == 8
        assert fake.rows == few[:7]


def test_every_fault_has_its_line_in_the_table() -> None:
    assert all(kind.summary.endswith(".") for kind in FAULTS.values())
