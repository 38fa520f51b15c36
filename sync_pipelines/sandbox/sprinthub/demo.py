"""The tenant of the demo: five segments, one of them empty, one paused, and a lead that is in two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sync_pipelines.sandbox.sprinthub.tenant import Tenant

#: The example of the contract (section 4), an empty one, a large one whose size is an option, two more.
SMALL, EMPTY, LARGE, MIDDLE, PAUSED = 9, 14, 21, 33, 40
LARGE_LEADS: Final = 2_500
_NAMES: Final = {
    SMALL: "Clientes VIP",
    EMPTY: "Campanha ainda sem leads",
    LARGE: "Recompra 90 dias",
    MIDDLE: "Carrinho abandonado",
    PAUSED: "Base antiga (pausada)",
}


def demo_tenant(large: int = LARGE_LEADS) -> Tenant:
    """The tenant, whose largest segment has so many leads; the others have 90, 0, 400 and 120."""
    tenant = Tenant()
    for segment, leads in {SMALL: 90, EMPTY: 0, MIDDLE: 400, PAUSED: 120, LARGE: large}.items():
        shared = tenant.segments[SMALL].members[:1] if segment == MIDDLE else ()
        tenant.add_segment(segment, leads, name=_NAMES[segment], shared=shared)
    return tenant


def left_behind(tenant: Tenant) -> dict[int, Sequence[int]]:
    """The leads that the application had read before, by segment: nine in ten."""
    return {
        segment: [lead for lead in tenant.visible(segment) if lead % 10]
        for segment in sorted(tenant.segments)
    }
