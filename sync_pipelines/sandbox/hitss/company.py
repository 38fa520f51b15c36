"""The invented company: clients, projects, people and vendors, none of which exist.

Every person's name carries the word FICTICIO or FICTICIA: a test finds leaked names with one search.
"""

from dataclasses import dataclass
from random import Random
from typing import Final

from sync_pipelines.sandbox.hitss.layout import ORCADO, REALIZADO, Cell

BRANCH: Final = "FILIAL FICTICIA SAO PAULO"
TAX_PERCENT: Final = 5.65
DEVELOPMENT: Final = "FABRICA DE DESARROLLO DE SOFTWARE"
OPERATIONS: Final = "ITO (SERVICIOS Y PRODUCTOS DE TECNOLOGIA)"

CLIENTS: Final = (
    ("TELEFICTA COMUNICACOES DO BRASIL S.A.", "TLF", "InterCompany"),
    ("FICTAMOVEL PARTICIPACOES LTDA", "FMV", "InterCompany"),
    ("EMBRAFICTA REDES E SATELITES S.A.", "EFR", "InterCompany"),
    ("BANCO IMAGINARIO S.A.", "BIM", "Mercado"),
    ("NETFICTA TV POR ASSINATURA LTDA", "NFT", "InterCompany"),
    ("SEGURADORA QUIMERA S.A.", "SQM", "Mercado"),
    ("FICTA TORRES E INFRAESTRUTURA S.A.", "FTI", "InterCompany"),
    ("VAREJO UTOPIA COMERCIO E DISTRIBUICAO ELETRONICOS S.A.", "VUT", "Mercado"),
    ("AMERICA FICTA SERVICIOS S.A. DE C.V.", "AFS", "InterCompany"),
    ("LOGISTICA MIRAGEM LTDA", "LMG", "Mercado"),
    ("FICTADATA CENTER LTDA", "FDC", "InterCompany"),
    ("INSTITUTO FICTA DE TECNOLOGIA", "IFT", "InterCompany"),
)
SYLLABLES: Final = (
    "ZA",
    "BRU",
    "TELO",
    "MAK",
    "QUEDI",
    "VO",
    "LIRA",
    "NUX",
    "PERO",
    "DAFI",
    "GOR",
    "TUVA",
    "XIME",
    "ROLU",
)
SUBJECTS: Final = (
    "PORTAL",
    "FATURAMENTO",
    "CRM",
    "MIGRACAO",
    "SUSTENTACAO",
    "APP CAMPO",
    "INTEGRACAO",
    "DATA LAKE",
)
SCOPES: Final = (
    "CORPORATIVO",
    "PRE PAGO",
    "REDE EXTERNA",
    "ATENDIMENTO",
    "FASE II",
    "COBRANÇA",
    "GESTÃO DE ORDENS",
)
ROLES: Final = (
    "DESENVOLVEDOR",
    "ANALISTA DE SISTEMAS",
    "ANALISTA DE TESTES",
    "LIDER TECNICO",
    "ARQUITETO",
    "SCRUM MASTER",
    "DBA",
)
LEVELS: Final = ("JR", "PL", "SR", "ESPECIALISTA", "I", "II")


@dataclass(frozen=True)
class Employee:
    """One payroll person: `number` is the IdRecurso, one name for one number."""

    number: int
    name: str
    salary: float


@dataclass(frozen=True)
class Project:
    """One project with the columns A to L that it repeats on every row of a report."""

    index: int
    client: str
    weight: float
    realizado: bool
    orcado: bool
    heads: dict[str, tuple[Cell, ...]]


@dataclass(frozen=True)
class Company:
    """The company's projects, people and vendors: all names in the rows."""

    projects: tuple[Project, ...]
    employees: tuple[Employee, ...]
    legacy: tuple[Employee, ...]
    vendors: tuple[str, ...]
    roles: tuple[str, ...]


def invent_company(seed: int, scale: float) -> Company:
    """The company of a seed; projects, employees and vendors grow with the scale, clients do not."""
    rng = Random(f"{seed}/cast")
    people = [f"{_word(rng)} {_word(rng)} FICTICIO" for _ in range(8)]
    employees = [_employee(rng, number) for number in range(max(20, round(291 * scale)))]
    size = max(1.0, scale)
    vendors = [
        f"{_word(rng)} {_word(rng)} {('LTDA', 'ME', 'EIRELI', 'S.A.')[i % 4]}"
        for i in range(round(265 * size))
    ]
    roles = [f"{role} {level}" for role in ROLES for level in LEVELS]
    roles[0] = "ESPECIALISTA EM SUSTENTACAO DE SISTEMAS DE COBRANCA E FATURAMENT"
    roles += [f"{_word(rng)} {_word(rng)} FICTICIA" for _ in range(round(144 * size))]
    return Company(
        projects=tuple(_project(rng, index, people) for index in range(max(12, round(88 * scale)))),
        employees=tuple(employees[3:]),
        legacy=tuple(employees[:3]),
        vendors=tuple(vendors),
        roles=tuple(_padded(role, index) for index, role in enumerate(roles)),
    )


def _word(rng: Random) -> str:
    return "".join(rng.sample(SYLLABLES, 2))


def _padded(name: str, index: int) -> str:
    # A third of the resource names in the export end in spaces.
    return name + " " * (1 + index % 4) if index % 3 == 0 else name


def _employee(rng: Random, index: int) -> Employee:
    # The first three carry the short numbers of an older payroll.
    number = (417, 5208, 30911)[index] if index < 3 else 20_000_000 + index * 137
    name = f"{_word(rng)} {_word(rng)} {_word(rng)} FICTICIO {index:04d}"
    return Employee(number, _padded(name, index), min(34_000.0, rng.lognormvariate(9.25, 0.42)))


def _project(rng: Random, index: int, people: list[str]) -> Project:
    # 69 of 88 projects belong to the first client.
    other = index % 9 in (7, 8) or index == 40
    client, mnemonic, tipo = CLIENTS[1 + (index // 9 * 2 + index % 2) % 11 if other else 0]
    code = f"FIC{mnemonic}{101 + index * 11 % 9800}" + (
        f".{index % 4 + 1}" if index % 8 == 5 and index < 80 else ""
    )
    line = OPERATIONS if index % 24 == 11 else DEVELOPMENT
    title = _title(index, code, rng)
    number = str(10_000 + index * 7)
    heads: dict[str, tuple[Cell, ...]] = {}
    for report, homs in ((REALIZADO, number), (ORCADO, "")):
        delivery, accrual = _responsible(index, report, people)
        head = (
            report,
            tipo,
            client,
            line,
            people[0],
            delivery,
            accrual,
            homs,
            code,
            title,
            BRANCH,
            TAX_PERCENT,
        )
        heads[report] = head
    return Project(
        index=index,
        client=client,
        weight=min(2.6, rng.lognormvariate(0, 0.7)),
        realizado=index % 44 != 21,
        orcado=index % 6 != 4,
        heads=heads,
    )


def _title(index: int, code: str, rng: Random) -> str:
    text = f"{rng.choice(SUBJECTS)} {rng.choice(SCOPES)} {index:03d}"
    if index == 5:
        text = text.replace(" ", "\u00a0", 1)
    if index == 4:
        text = text.replace(" ", "\t", 1)
    if index % 44 == 13:
        text = text.replace(" ", "  ", 1)
    if index == 9:
        text = f"{text} IMPLANTACAO E ESTABILIZACAO DO PROGRAMA NACIONAL DE REDES"[:64]
    if index == 7:
        return text  # the one title that does not repeat its code
    return f"{code} - {text}{' ' if index % 13 == 1 else ''}"


def _responsible(index: int, report: str, people: list[str]) -> tuple[str, str]:
    # The export is one manager's portfolio: people[1] is the delivery or the accrual person of every row,
    # and a third of the projects have another delivery person in the budget than in the ledger.
    manager = people[1]
    if index % 3 == 2 and report == ORCADO:
        return people[2 + index % 2], manager
    if index % 9 == 8:
        return people[2], manager
    if index % 5 == 4:
        return manager, people[4 + index % 4]
    return manager, manager
