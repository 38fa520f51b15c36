"""A synthetic company as its ERP knows it: profile, catalogue, a year of notes. It may change while it is served."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from threading import RLock
from typing import Any, Final

from sync_pipelines.sandbox.erp.notes import NoteState, Party, SandboxNote
from sync_pipelines.sandbox.erp.products import SandboxProduct
from sync_pipelines.sandbox.erp.titles import SandboxCategory, SandboxTitle, TitleSide

#: The time of the issuers. Brazil has had no daylight saving time since 2019.
BRASILIA: Final = timezone(timedelta(hours=-3))


@dataclass(frozen=True)
class SandboxProfile:
    """What the ERP says of the company itself. `crt` is 1 Simples, 3 normal, 4 MEI; the CNPJ has no punctuation."""

    cnpj: str
    legal_name: str
    trade_name: str | None
    cnae: str | None = "4711302"
    state: str | None = "SP"
    city: str | None = "São Paulo"
    city_code: str = "3550308"
    crt: str = "3"

    @property
    def is_simples(self) -> bool:
        return self.crt in ("1", "2")

    @property
    def party(self) -> Party:
        """The company as issuer or recipient of a note."""
        return Party(
            name=self.legal_name,
            cnpj=self.cnpj,
            state=self.state or "SP",
            city=self.city or "São Paulo",
            city_code=self.city_code,
            crt=self.crt,
        )


@dataclass
class ErpCompany:
    """What one account of an ERP holds. Take `lock` to read several things that belong together; change it by methods.

    `now` is the moment of the last change; each change is a second after the one before, unless there is a `clock`.
    """

    profile: SandboxProfile
    notes: list[SandboxNote] = field(default_factory=list)
    products: list[SandboxProduct] = field(default_factory=list)
    categories: list[SandboxCategory] = field(default_factory=list)
    titles: list[SandboxTitle] = field(default_factory=list)
    now: datetime = datetime(2026, 11, 22, 12, tzinfo=BRASILIA)
    #: The time of a change where it plays a part, such as in the demo; else `now` goes on by a second.
    clock: Callable[[], datetime] | None = field(default=None, repr=False, compare=False)
    lock: RLock = field(default_factory=RLock, repr=False, compare=False)
    _by_id: dict[int, SandboxNote] = field(default_factory=dict, init=False, repr=False, compare=False)
    _by_key: dict[str, SandboxNote] = field(default_factory=dict, init=False, repr=False, compare=False)

    def note(self, vendor_id: int) -> SandboxNote:
        """The note of this number. Raises KeyError if there is none."""
        with self.lock:
            if vendor_id not in self._by_id:
                self._by_id = {note.vendor_id: note for note in self.notes}
            return self._by_id[vendor_id]

    def by_key(self, key: str) -> SandboxNote:
        """The note of this access key. Raises KeyError if there is none."""
        with self.lock:
            if key not in self._by_key:
                self._by_key = {note.key: note for note in self.notes if note.key}
            return self._by_key[key]

    def product(self, vendor_id: int) -> SandboxProduct:
        """The product of this number. Raises KeyError if there is none."""
        with self.lock:
            for product in self.products:
                if product.vendor_id == vendor_id:
                    return product
        raise KeyError(vendor_id)

    def notes_between(self, first: date, last: date) -> list[SandboxNote]:
        """The notes issued from `first` to `last`, both included, by the date written in them."""
        with self.lock:
            return [note for note in self.notes if first <= note.issued_at.date() <= last]

    def select(self, wanted: Callable[[SandboxNote], bool]) -> list[SandboxNote]:
        """The notes that answer yes."""
        with self.lock:
            return [note for note in self.notes if wanted(note)]

    def add_note(self, note: SandboxNote) -> SandboxNote:
        """Add a note, in the order of issue."""
        with self.lock:
            note.altered_at = self._tick()
            self.notes.append(note)
            self.notes.sort(key=lambda one: (one.issued_at, one.vendor_id))
            return note

    def set_state(self, vendor_id: int, state: NoteState) -> SandboxNote:
        """Change what the ERP says of a note; its XML stays."""
        return self.alter_note(vendor_id, state=state)

    def cancel(self, vendor_id: int) -> SandboxNote:
        """Cancel a note (event 110111)."""
        return self.set_state(vendor_id, "cancelled")

    def alter_note(self, vendor_id: int, **fields: Any) -> SandboxNote:
        """Change fields of a note."""
        with self.lock:
            note = self.note(vendor_id)
            for name, value in {"altered_at": self._tick(), **fields}.items():
                setattr(note, name, value)
            self._by_key = {}
            return note

    def remove_note(self, vendor_id: int) -> SandboxNote:
        """Take a note out of the ERP: no list shows it any more."""
        with self.lock:
            note = self.note(vendor_id)
            self.notes.remove(note)
            self._by_id, self._by_key = {}, {}
            self._tick()
            return note

    def add_product(self, product: SandboxProduct) -> SandboxProduct:
        """Add a product."""
        with self.lock:
            product.altered_at = self._tick()
            self.products.append(product)
            return product

    def alter_product(self, vendor_id: int, **fields: Any) -> SandboxProduct:
        """Change fields of a product."""
        with self.lock:
            product = self.product(vendor_id)
            for name, value in {"altered_at": self._tick(), **fields}.items():
                setattr(product, name, value)
            return product

    def remove_product(self, vendor_id: int) -> SandboxProduct:
        """Take a product out of the catalogue."""
        with self.lock:
            product = self.product(vendor_id)
            self.products.remove(product)
            self._tick()
            return product

    def category(self, number: int) -> SandboxCategory:
        """The category of this number. Raises KeyError if there is none."""
        with self.lock:
            for category in self.categories:
                if category.number == number:
                    return category
        raise KeyError(number)

    def alter_category(self, number: int, **fields: Any) -> SandboxCategory:
        """Change fields of a category."""
        with self.lock:
            category = self.category(number)
            for name, value in fields.items():
                setattr(category, name, value)
            self._tick()
            return category

    def titles_of(self, side: TitleSide) -> list[SandboxTitle]:
        """The receivables or the payables, in the order of their numbers."""
        with self.lock:
            return sorted((one for one in self.titles if one.side == side), key=lambda one: one.vendor_id)

    def title(self, vendor_id: int) -> SandboxTitle:
        """The title of this number. Raises KeyError if there is none."""
        with self.lock:
            for title in self.titles:
                if title.vendor_id == vendor_id:
                    return title
        raise KeyError(vendor_id)

    def add_title(self, title: SandboxTitle) -> SandboxTitle:
        """Add a title."""
        with self.lock:
            title.altered_at = self._tick()
            self.titles.append(title)
            return title

    def alter_title(self, vendor_id: int, **fields: Any) -> SandboxTitle:
        """Change fields of a title."""
        with self.lock:
            title = self.title(vendor_id)
            for name, value in {"altered_at": self._tick(), **fields}.items():
                setattr(title, name, value)
            return title

    def remove_title(self, vendor_id: int) -> SandboxTitle:
        """Take a title out of the ERP."""
        with self.lock:
            title = self.title(vendor_id)
            self.titles.remove(title)
            self._tick()
            return title

    def alter_profile(self, **fields: Any) -> None:
        """Change what the ERP says of the company."""
        with self.lock:
            self.profile = replace(self.profile, **fields)
            self._tick()

    def _tick(self) -> datetime:
        self.now = self.clock() if self.clock else self.now + timedelta(seconds=1)
        return self.now
