"""A vendor on the bench: its fake, our adapter on it, a virtual time for both."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Any, Literal, Protocol, Self
from uuid import UUID

import httpx
import psycopg
from psycopg.types.json import Jsonb

from sync_pipelines.erp.connections.connection import ErpConnection
from sync_pipelines.erp.vendors.registry import VENDORS
from sync_pipelines.erp.vendors.session import VendorSpec
from sync_pipelines.erp.vendors.vendor import Invoice, KnownDetails, Product, Title, Vendor
from sync_pipelines.lib.cancellation import Cancellation
from sync_pipelines.lib.http.client import Timeouts
from sync_pipelines.sandbox.erp.calls import Calls
from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.titles import SandboxTitle, TitleState
from sync_pipelines_tests.erp.vendors.accounts import VirtualTime, connection, open_account
from sync_pipelines_tests.erp.vendors.conformance.companies import FIRST, LAST

#: What a vendor is asked for; `login` is a token of an account that stores none.
Subject = Literal["login", "company", "products", "invoices", "xml", "receivables", "payables", "categories"]


class Trouble(Enum):
    """What can go wrong with an answer, whichever vendor gives it."""

    FAILS = "the service fails"
    CUT = "the answer is cut"
    HANGS = "no answer comes"
    DROPPED = "the connection ends"
    NOT_JSON = "a page for people comes"
    THROTTLED = "fewer calls are asked for"
    BLOCKED = "the account is blocked"
    REFUSED = "the credentials are refused"
    LOST = "a page has no rows"
    REPEATED = "a page is the one before"
    SHORT = "a row of the page is missing"
    NO_AMOUNT = "the amount of the first title of the page is 1.234,56, which is no number"
    NO_DATE = "the dates of the first title of the page are 00/00/0000, or the vendor's form of it"


class Fake(Protocol):
    """A vendor's fake."""

    calls: Calls
    url: str

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: Any) -> None: ...
    def before(self, method: str, number: int, action: Callable[[], object]) -> None: ...
    def clear(self) -> None: ...
    def fail(
        self, name: str, times: int | None = None, *, after: int = 0, page: int | None = None
    ) -> None: ...


@dataclass(frozen=True)
class Arrangement:
    """How a vendor is put on the bench."""

    erp_type: str
    #: Makes the fake of a company; `clock` gives seconds, `latency_seconds` is the time of a call on its way.
    fake: Callable[..., Fake]
    #: The settings under which our adapter finds the fake, and the credentials of its first account.
    settings: Callable[[Any], Mapping[str, str]]
    credentials: Callable[[Any], Mapping[str, Any]]
    #: The fake's names of calls and faults.
    methods: Mapping[Subject, str]
    troubles: Mapping[Trouble, str]
    #: Takes the dates out of a request for invoices or titles, as a vendor does that ignores them.
    undated: Callable[[httpx.Request], httpx.Request]
    #: At most so many calls within so many seconds: of a method, or of all (None).
    limits: Sequence[tuple[str | None, int, float]]
    #: The calls of a pass over 250 notes and 120 products of which nothing changed; and of a list of 250 receivables,
    #: 100 payables and four categories.
    second_pass: Mapping[Subject, int]
    #: The properties that a vendor cannot have, with the reason.
    without: Mapping[str, str]
    #: Which states of titles the vendor can say.
    states: Collection[TitleState] = ("open", "overdue", "partial", "settled", "cancelled")
    #: The sandbox's number of a note or a product by the vendor's id.
    number: Callable[[str], int] = int
    #: How the vendor writes the number of a title.
    title_id: Callable[[SandboxTitle], str] = lambda one: str(one.vendor_id)
    #: The list that the properties of lists are tried with.
    listing: Literal["invoices", "products"] = "invoices"
    #: How often an account logs in before its first call.
    logins: int = 0

    @property
    def has_invoices(self) -> bool:
        return "invoices" in self.methods


@dataclass(frozen=True)
class DetailsOf:
    """The details that a pass over a catalogue brought: they are in hand."""

    products: Collection[Product]

    def has(self, vendor_id: str, list_digest: UUID) -> bool:
        return any((one.vendor_id, one.list_digest) == (vendor_id, list_digest) for one in self.products)


class _Rewriting(httpx.HTTPTransport):
    """A real socket behind a function that changes what is asked."""

    def __init__(self, change: Callable[[httpx.Request], httpx.Request]) -> None:
        super().__init__()
        self._change = change

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return super().handle_request(self._change(request))


@dataclass
class Bench:
    """One vendor with one account."""

    arrangement: Arrangement
    company: ErpCompany
    fake: Fake
    time: VirtualTime
    ops_url: str
    erp_url: str
    #: Of the connection: another one for each bench.
    number: int
    secrets: list[str] = field(default_factory=list)
    #: Whether an answer will not come, and is not to be waited for.
    hangs: bool = False

    @property
    def spec(self) -> VendorSpec:
        return VENDORS[self.arrangement.erp_type]

    def fail(
        self,
        trouble: Trouble,
        of: Subject,
        times: int | None = None,
        *,
        page: int | None = None,
        after: int = 0,
    ) -> None:
        """Switch a trouble on, until the end or for so many calls."""
        name = f"{self.arrangement.methods[of]}_{self.arrangement.troubles[trouble]}"
        self.fake.fail(name, times, page=page, after=after)
        self.hangs = self.hangs or trouble is Trouble.HANGS

    @contextmanager
    def open(
        self, *, is_undated: bool = False, within: Cancellation | None = None, **options: Any
    ) -> Iterator[Vendor]:
        """Our adapter on the fake."""
        if is_undated:
            options["transport"] = _Rewriting(self.arrangement.undated)
        # What hangs is given up after a moment of real time; nothing else is, however busy the machine.
        seconds = 0.5 if self.hangs else 20.0
        options.setdefault("timeouts", Timeouts(connect=5.0, read=seconds, total=seconds))
        one = connection(self.arrangement.erp_type, self.arrangement.credentials(self.fake), self.number)
        self.secrets += [str(value) for value in one.credentials.values()]
        self._store(one)
        settings = {**self.arrangement.settings(self.fake), "ERP_DATABASE_URL": self.erp_url}
        with open_account(
            one, self.ops_url, self.time, settings=settings, within=within, **options
        ) as vendor:
            yield vendor

    def invoices(self, vendor: Vendor, first: date = FIRST, last: date = LAST) -> list[Invoice]:
        """What the list of invoices says, a row for each invoice: the last that came."""
        rows = {one.vendor_id: one for page in vendor.invoices(first, last) for one in page.items}
        return list(rows.values())

    @property
    def listing(self) -> Subject:
        """The list that the properties of lists are tried with."""
        return self.arrangement.listing

    def listed(self, vendor: Vendor) -> list[int]:
        """The numbers that this list has, in their order."""
        rows = self.invoices(vendor) if self.listing == "invoices" else self.products(vendor)
        return sorted(map(self.number_of, rows))

    def number_of(self, one: Invoice | Product) -> int:
        """The sandbox's number of what a list says."""
        return self.arrangement.number(one.vendor_id)

    def wanted(self) -> list[int]:
        """The numbers that it must have."""
        rows = self.company.notes if self.listing == "invoices" else self.company.products
        return sorted(one.vendor_id for one in rows)

    def products(self, vendor: Vendor, known: KnownDetails | None = None) -> list[Product]:
        return [one for page in vendor.products(None, known) for one in page.items]

    def titles(self, vendor: Vendor, first: date = FIRST, last: date = LAST) -> list[Title]:
        """What the lists of titles say, a row for each title: the last that came."""
        rows = {(one.side, one.vendor_id): one for page in vendor.titles(first, last) for one in page.items}
        return list(rows.values())

    def whole_titles(self, vendor: Vendor, first: date = FIRST, last: date = LAST) -> dict[str, Title]:
        """The titles by their numbers, each with its detail where the list leaves something out."""
        listed = self.titles(vendor, first, last)
        found = [one if one.has_detail else vendor.title(one.side, one.vendor_id) for one in listed]
        return {one.vendor_id: one for one in found if one is not None}

    def before(self, of: Subject, number: int, action: Callable[[], object]) -> None:
        """Do something before the answer to the `number`-th call from now on."""
        self.fake.before(self.arrangement.methods[of], number, action)

    def calls(self, of: Subject) -> int:
        """How many calls came."""
        return self.fake.calls.arrived(self.arrangement.methods[of])

    def _store(self, one: ErpConnection) -> None:
        with psycopg.connect(self.erp_url, autocommit=True) as database:
            database.execute(
                "insert into erp_connections (id, user_id, erp_type, connection_name, credentials, status)"
                " values (%s, %s, %s, %s, %s, 'active') on conflict do nothing",
                (one.id, one.user_id, one.erp_type, one.name, Jsonb(one.credentials)),
            )


@dataclass
class Lab:
    """Puts companies on the bench of one vendor."""

    arrangement: Arrangement
    make: Callable[[ErpCompany, float], Bench]
    #: What was logged so far.
    logged: Callable[[], str]

    def __call__(self, company: ErpCompany, *, latency_seconds: float = 0.0) -> Bench:
        return self.make(company, latency_seconds)
