"""Columns of TabuladorMax that no push sends: those left out on purpose, and those nobody has decided about."""

from __future__ import annotations

from dataclasses import dataclass

from sync_pipelines.scouter.schema.report import SchemaReport

#: Left out on purpose, as the Edge Function did (contract, section 3): Gestão Scouter has no column for them.
LEFT_OUT = frozenset(
    {
        *("address", "bitrix_telemarketing_id", "data_agendamento", "data_criacao_agendamento"),
        *("data_retorno_ligacao", "funil_fichas", "gerenciamento_funil", "gestao_scouter", "sync_error"),
    }
)


@dataclass(frozen=True)
class UnmappedColumns:
    """Source columns that no field uses: `undecided`, and `left_out` on purpose."""

    undecided: tuple[str, ...]
    left_out: tuple[str, ...] = ()

    @classmethod
    def of(cls, report: SchemaReport) -> UnmappedColumns:
        names = report.only_in_tabuladormax
        return cls(
            undecided=tuple(name for name in names if name not in LEFT_OUT),
            left_out=tuple(name for name in names if name in LEFT_OUT),
        )

    @property
    def holds(self) -> bool:
        """Whether every source column is mapped or left out on purpose."""
        return not self.undecided

    def sentence(self) -> str:
        """The verdict, naming every column that is not sent."""
        stay = f" Known to stay: {', '.join(self.left_out)}." if self.left_out else ""
        if self.holds:
            return f"Every column of TabuladorMax travels, or is known to stay.{stay}"
        return (
            f"{len(self.undecided)} columns of TabuladorMax do not travel: {', '.join(self.undecided)}. Add them to the"
            " field mapping, and to Gestão Scouter where it lacks them, or leave them on purpose."
            f"{stay}"
        )
