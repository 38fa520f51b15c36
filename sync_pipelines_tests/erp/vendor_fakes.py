"""The vendors' fakes of a test, without limits and on its clock: each starts when an account of it is first opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from sync_pipelines.sandbox.erp.bling import BlingFake
from sync_pipelines.sandbox.erp.bling_limits import UNLIMITED as BLING_UNLIMITED
from sync_pipelines.sandbox.erp.company import ErpCompany
from sync_pipelines.sandbox.erp.contaazul import ContaAzulFake
from sync_pipelines.sandbox.erp.contaazul_limits import UNLIMITED as CONTAAZUL_UNLIMITED
from sync_pipelines.sandbox.erp.omie import PAGE_CAP, OmieFake
from sync_pipelines.sandbox.erp.omie_limits import UNLIMITED as OMIE_UNLIMITED
from sync_pipelines.sandbox.erp.sankhya import SankhyaFake
from sync_pipelines.sandbox.erp.tiny import TinyFake
from sync_pipelines.sandbox.erp.tiny_limits import UNLIMITED as TINY_UNLIMITED
from sync_pipelines.sandbox.servers import Served

Seconds = Callable[[], float]


class VendorAccount(Protocol):
    """An account as its fake made it; `name` is what its calls and faults are known by."""

    name: str

    @property
    def credentials(self) -> Mapping[str, Any]:
        """What the application stores of it, before it is sealed."""


@dataclass(frozen=True)
class _Vendor:
    """How a fake is made from clock and largest page, and its addresses as settings."""

    make: Callable[[Seconds, int], Served]
    settings: Mapping[str, str]


_VENDORS: Final[Mapping[str, _Vendor]] = {
    "omie": _Vendor(
        lambda clock, page_cap: OmieFake(rules=OMIE_UNLIMITED, clock=clock, page_cap=page_cap),
        {"omie_url": "url"},
    ),
    "bling": _Vendor(
        lambda clock, _: BlingFake(rules=BLING_UNLIMITED, clock=clock),
        {"bling_url": "url", "bling_auth_url": "auth_url"},
    ),
    "contaazul": _Vendor(
        lambda clock, _: ContaAzulFake(rules=CONTAAZUL_UNLIMITED, clock=clock),
        {"contaazul_url": "url", "contaazul_auth_url": "auth_url"},
    ),
    "sankhya": _Vendor(lambda clock, _: SankhyaFake(clock=clock), {"sankhya_url": "url"}),
    "tiny": _Vendor(lambda clock, _: TinyFake(rules=TINY_UNLIMITED, clock=clock), {"tiny_url": "url"}),
}
#: The settings of every vendor: none may fall back to a vendor of the world.
_ADDRESSES: Final = (
    "omie_url",
    "bling_url",
    "bling_auth_url",
    "contaazul_url",
    "contaazul_auth_url",
    "tiny_url",
    "sankhya_url",
)
_NOBODY: Final = "http://127.0.0.1:9"


@dataclass
class UnservedAccount:
    """An account of a vendor that nothing is called of (TOTVS)."""

    company: ErpCompany
    name: str = "totvs-1"
    credentials: Mapping[str, Any] = field(
        default_factory=lambda: {
            "base_url": "https://totvs.example.com",
            "username": "integracao",
            "password": "uma senha que ninguém usa",
        }
    )


@dataclass
class VendorFakes:
    """The fakes that run, by `erp_type`. They end with `stack`."""

    stack: ExitStack
    clock: Seconds
    page_cap: int = PAGE_CAP
    running: dict[str, Any] = field(default_factory=dict)

    def of(self, erp_type: str) -> Any:
        """The fake of a vendor, started if it does not run yet."""
        if erp_type not in self.running:
            made = _VENDORS[erp_type].make(self.clock, self.page_cap)
            self.running[erp_type] = self.stack.enter_context(made)
        return self.running[erp_type]

    @property
    def settings(self) -> dict[str, str]:
        """The addresses of those that run; where none does nobody answers."""
        return dict.fromkeys(_ADDRESSES, _NOBODY) | {
            name: getattr(fake, attribute)
            for erp_type, fake in self.running.items()
            for name, attribute in _VENDORS[erp_type].settings.items()
        }
