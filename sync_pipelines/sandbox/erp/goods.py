"""The lines of synthetic notes: goods of the catalogue with the taxes of the issuer's regime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Final

from sync_pipelines.sandbox.erp.nfe_taxes import CODES, WITH_ICMS, WITH_ST
from sync_pipelines.sandbox.erp.notes import NoteItem, Reform, SandboxNote, Taxes
from sync_pipelines.sandbox.erp.products import SandboxProduct

_CENT: Final = Decimal("0.01")
#: Lines of a kind that differ from each other.
_MOST: Final = 100
#: Half of the lines have the first group of their regime; the others take turns.
_NORMAL: Final = (
    "ICMS00",
    *(group for group in CODES if not group.startswith("ICMSSN") and group != "ICMS00"),
)
_SIMPLES: Final = (
    "ICMSSN102",
    *(group for group in CODES if group.startswith("ICMSSN") and group != "ICMSSN102"),
)


def cents(value: Decimal) -> Decimal:
    """Rounded as commerce does."""
    return value.quantize(_CENT, ROUND_HALF_UP)


@dataclass
class Goods:
    """Makes the lines of a month's notes. Beyond `_MOST` of a kind they repeat: 10,000 notes cost seconds."""

    catalogue: Sequence[SandboxProduct]
    random: Random
    _made: dict[tuple[object, ...], list[NoteItem]] = field(default_factory=dict)

    def lines(self, note: SandboxNote, count: int) -> list[NoteItem]:
        """So many lines. Of several the last is left out of the total (indTot 0) now and then, as a gift is."""
        items = [self._line(note, number) for number in range(1, count + 1)]
        if count > 2 and self.random.random() < 0.25:
            items[-1] = replace(items[-1], counted=False, freight=Decimal(0), taxes=_untaxed(note))
        return items

    def _line(self, note: SandboxNote, number: int) -> NoteItem:
        made = self._made.setdefault((_cfop(note), note.issuer.crt, _states_reform(note)), [])
        if len(made) >= _MOST:
            return replace(self.random.choice(made), number=number)
        product = self.random.choice([product for product in self.catalogue if not product.is_service])
        made.append(_item(note, product, self.random, number=number))
        return made[-1]


def _states_reform(note: SandboxNote) -> bool:
    """Every other note of the normal regime does. Simples and MEI are not due before 2027."""
    return note.issuer.crt not in ("1", "4") and note.issued_at.year >= 2026 and note.number % 2 == 1


def _item(note: SandboxNote, product: SandboxProduct, random: Random, *, number: int) -> NoteItem:
    quantity = (
        Decimal(random.randrange(50, 6_000)) / 100
        if product.unit == "KG"
        else Decimal(random.randrange(1, 40))
    )
    price = product.price * Decimal(random.randrange(9_000, 11_000)) / 10_000
    total = cents(quantity * price)
    digits = "".join(each for each in product.ncm if each.isdigit())
    return NoteItem(
        number=number,
        code=product.code,
        description=product.name,
        ncm=digits if len(digits) == 8 else "00",
        cfop=_cfop(note),
        quantity=quantity,
        unit_price=price,
        total=total,
        unit=product.unit,
        ean=product.ean,
        freight=cents(total * Decimal("0.02")) if random.random() < 0.2 else Decimal("0.00"),
        discount=cents(total * Decimal("0.05")) if random.random() < 0.2 else Decimal("0.00"),
        taxes=_taxes(note, total, random),
        product_id=product.vendor_id,
    )


def _cfop(note: SandboxNote) -> str:
    """Of the document: a supplier's sale is 5.102 in its own, whatever it is to the buyer."""
    recipient = note.recipient
    abroad = recipient is not None and recipient.state == "EX"
    other_state = recipient is not None and recipient.state != note.issuer.state
    if note.operation == 0:
        return "3202" if abroad else "2202" if other_state else "1202"
    return "7102" if abroad else "6102" if other_state else "5102"


def _taxes(note: SandboxNote, total: Decimal, random: Random) -> Taxes:
    is_simples = note.issuer.crt in ("1", "4")
    groups = _SIMPLES if is_simples else _NORMAL
    group = groups[0] if random.random() < 0.5 else random.choice(groups)
    percent = Decimal(18)
    taxes = Taxes(icms_group=group, icms_cst=CODES[group])
    if group in WITH_ICMS:
        taxes = replace(taxes, icms_base=total, icms_rate=percent, icms=cents(total * percent / 100))
    if group in WITH_ST:
        base = cents(total * Decimal("1.4"))
        # The tax of the chain less the own one.
        taxes = replace(taxes, st_base=base, st_rate=percent, st=cents((base - total) * percent / 100))
    if group in ("ICMSSN101", "ICMSSN201", "ICMSSN900"):
        taxes = replace(taxes, simples_credit=cents(total * Decimal("0.0125")))
    taxes = _with_contributions(taxes, total, random, is_simples=is_simples)
    if not is_simples and random.random() < 0.3:
        rate = Decimal(random.choice((5, 10)))
        taxes = replace(
            taxes, ipi_group="IPITrib", ipi_base=total, ipi_rate=rate, ipi=cents(total * rate / 100)
        )
    elif not is_simples and random.random() < 0.2:
        taxes = replace(taxes, ipi_group="IPINT", ipi_cst="53")
    if _states_reform(note):
        taxes = replace(taxes, reform=_reform(total, random))
    return taxes


def _with_contributions(taxes: Taxes, total: Decimal, random: Random, *, is_simples: bool) -> Taxes:
    """PIS and COFINS: Simples states 49 with nothing; the others mostly by rate, some exempt, some by quantity."""
    if is_simples:
        return replace(taxes, pis_group="PISOutr", pis_cst="49", cofins_group="COFINSOutr", cofins_cst="49")
    kind = random.random()
    if kind < 0.15:
        return replace(taxes, pis_group="PISNT", pis_cst="06", cofins_group="COFINSNT", cofins_cst="06")
    if kind < 0.2:
        return replace(
            taxes,
            pis_group="PISQtde",
            pis_cst="03",
            pis_rate=Decimal("0.05"),
            pis=cents(total * Decimal("0.0165")),
            cofins_group="COFINSQtde",
            cofins_cst="03",
            cofins_rate=Decimal("0.25"),
            cofins=cents(total * Decimal("0.076")),
        )
    return replace(
        taxes,
        pis_base=total,
        pis_rate=Decimal("1.65"),
        pis=cents(total * Decimal("0.0165")),
        cofins_base=total,
        cofins_rate=Decimal("7.6"),
        cofins=cents(total * Decimal("0.076")),
    )


def _reform(total: Decimal, random: Random) -> Reform:
    """The test rates of 2026: CBS 0.9 %, IBS 0.1 % to the state; the selective tax on few goods."""
    reform = Reform(
        base=total, ibs_state=cents(total * Decimal("0.001")), cbs=cents(total * Decimal("0.009"))
    )
    if random.random() < 0.1:
        reform = replace(reform, selective_rate=Decimal(2), selective=cents(total * Decimal("0.02")))
    return reform


def _untaxed(note: SandboxNote) -> Taxes:
    """Of a line that the totals leave out."""
    group = "ICMSSN102" if note.issuer.crt in ("1", "4") else "ICMS40"
    return Taxes(
        icms_group=group,
        icms_cst=CODES[group],
        pis_group="PISNT",
        pis_cst="07",
        cofins_group="COFINSNT",
        cofins_cst="07",
    )
