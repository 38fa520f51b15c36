"""Conta Azul: how the end of a token is written, limits, refusals, and no secret in what is said of them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest

from sync_pipelines.erp.vendors.contaazul import NAME
from sync_pipelines.lib.failures import PermanentError, RefusedError, SyncError, TransientError
from sync_pipelines.sandbox.erp.contaazul_answers import Manners
from sync_pipelines_tests.erp.vendors.accounts import connection, open_account
from sync_pipelines_tests.erp.vendors.contaazul_account import ContaAzulWorld, listed, titles_of
from sync_pipelines_tests.sandbox.erp.vendors.clients import note

NewWorld = Callable[..., ContaAzulWorld]


@pytest.mark.parametrize(
    ("written", "calls"),
    [
        # In 20 minutes, in two: as the sync writes it, as the callback does, in seconds, and not at all (trap 28).
        (lambda moment: int((moment + 1200) * 1000), 0),
        (lambda moment: int((moment + 120) * 1000), 1),
        (lambda moment: datetime.fromtimestamp(moment + 1200, UTC).isoformat(), 0),
        (lambda moment: datetime.fromtimestamp(moment + 120, UTC).isoformat().replace("+00:00", "Z"), 1),
        (lambda moment: str(int((moment + 120) * 1000)), 1),
        (lambda moment: int(moment + 120), 1),
        (lambda _: None, 0),
        (lambda _: "amanhã", 0),
    ],
)
def test_a_token_that_is_about_to_end_is_refreshed_before_a_call_however_its_end_is_written(
    contaazul: ContaAzulWorld, written: Callable[[float], object], calls: int
) -> None:
    with contaazul.open(contaazul.connect(expires_at=written(contaazul.time.timestamp()))) as vendor:
        vendor.company()
    assert contaazul.fake.calls.count("token") == calls
    assert [call.status for call in contaazul.fake.calls.of("company")] == [200]


def test_an_answer_that_is_lost_with_the_new_pair_is_named_as_the_cause(contaazul: ContaAzulWorld) -> None:
    """The old refresh token died with the answer: only a person can help, and is told so."""
    contaazul.fake.fail("token_lost", 1)
    one = contaazul.connect()
    contaazul.fake.oauth.expire(contaazul.fake.account)
    with (
        contaazul.open(one) as vendor,
        pytest.raises(RefusedError, match=r"interrupted before its answer was stored"),
    ):
        vendor.company()


def test_the_retired_host_is_named_before_it_costs_a_refresh_token(contaazul: ContaAzulWorld) -> None:
    settings = {"CONTAAZUL_URL": "https://api.contaazul.com/v1", "ERP_DATABASE_URL": contaazul.erp_url}
    one = connection("contaazul", contaazul.fake.account.credentials)
    with (
        pytest.raises(PermanentError, match=r"CONTAAZUL_URL names api\.contaazul\.com, which .* shut down"),
        open_account(one, contaazul.ops_url, contaazul.time, settings=settings),
    ):
        pass


def test_a_host_that_refuses_every_token_waits_for_a_person(new_contaazul: NewWorld) -> None:
    world = new_contaazul(is_retired=True)
    with world.open() as vendor:
        for _ in range(3):
            with pytest.raises(RefusedError, match="It was issued just now"):
                vendor.company()
    assert (world.fake.calls.count("company"), world.fake.calls.count("token")) == (2, 1)


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ("forbidden", RefusedError, r"\(403\).*Grant it the access"),
        ("validation", PermanentError, "400"),
        ("server_error", TransientError, "500"),
        ("error_in_200", TransientError, "error with status 200"),
        ("not_json", TransientError, "without the data"),
        ("not_found", TransientError, "CONTAAZUL_URL"),
        ("cut", TransientError, "cut"),
    ],
)
def test_each_refusal_has_its_kind_and_quotes_nobody(
    contaazul: ContaAzulWorld, fault: str, error: type[SyncError], words: str
) -> None:
    contaazul.fake.fail(f"company_{fault}")
    with contaazul.open() as vendor:
        with pytest.raises(error, match=words) as caught:
            vendor.company()
        # What is not allowed or fails is a matter of its call alone.
        assert listed(vendor) == []
    assert str(caught.value).startswith(NAME)
    assert "Parâmetro" not in str(caught.value)


def test_no_second_has_more_than_ten_calls_and_no_minute_more_than_six_hundred(
    contaazul: ContaAzulWorld,
) -> None:
    contaazul.company.notes += [note(7001 + number) for number in range(25)]
    with contaazul.open() as vendor:
        begin = contaazul.time.seconds
        for one in listed(vendor):
            vendor.invoice_xml(one)
        assert vendor.calls / max(contaazul.time.seconds - begin, 1) <= 15
        assert vendor.waited > 0
    assert contaazul.fake.calls.busiest(1.0) == 10
    assert contaazul.fake.calls.of(status=429) == []


def test_a_misspelt_parameter_would_bring_everything_so_each_is_spelt_as_the_vendor_does(
    new_contaazul: NewWorld,
) -> None:
    """A request whose dates the vendor does not know brings every note: what is of no day asked for is left out."""

    def misspelt(request: httpx.Request) -> httpx.Request:
        url = str(request.url).replace("data_inicial", "data_inicio").replace("data_vencimento", "vencimento")
        return httpx.Request(request.method, url, headers=request.headers, extensions=request.extensions)

    class Misspelling(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            return super().handle_request(misspelt(request))

    world = new_contaazul(manners=Manners(needs_dates=False))
    world.company.notes += [note(7001), note(7002, key=f"352609{'1' * 38}")]
    with world.open(transport=Misspelling()) as vendor:
        assert [one.number for one in listed(vendor)] == ["1"]
    strict = new_contaazul()
    with strict.open(transport=Misspelling()) as vendor:
        with pytest.raises(PermanentError, match="400"):
            listed(vendor)
        with pytest.raises(PermanentError, match="400"):
            titles_of(vendor)


def test_no_secret_and_no_key_is_logged_or_quoted(
    contaazul: ContaAzulWorld, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    contaazul.company.notes += [note(7001)]

    def secrets() -> list[str]:
        account = contaazul.fake.account
        return [
            account.access_token,
            account.refresh_token,
            account.client_id,
            account.client_secret,
            account.basic,
        ]

    before, said = secrets(), list[str]()
    contaazul.fake.fail("invoices_server_error", 1)
    contaazul.fake.fail("xml_drop", 3)
    with contaazul.open() as vendor:
        contaazul.fake.before("invoices", 2, lambda: contaazul.fake.oauth.expire(contaazul.fake.account))
        [one] = listed(vendor)
        assert vendor.invoice_xml(one).xml is not None
        contaazul.fake.fail("xml_drop")
        with pytest.raises(SyncError) as dropped:
            vendor.invoice_xml(one)
        contaazul.fake.oauth.revoke(contaazul.fake.account)
        with pytest.raises(RefusedError) as refused:
            vendor.company()
        said += [str(dropped.value), str(refused.value), repr(vendor)]
    # What the fake and the HTTP library log of the key is silenced in every process of ours.
    said += [record.getMessage() for record in caplog.records if record.name.startswith("sync_pipelines")]
    hidden = [*before, *secrets(), one.vendor_id]
    assert [secret for secret in hidden if secret in "\n".join(said)] == []
    assert [secret for secret in hidden[:-1] if secret in caplog.text] == []
