"""The fixed parts of the export's package; each begins with a byte order mark, as the real ones do."""

from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

BOM: Final = "\ufeff"
DECLARATION: Final = BOM + '<?xml version="1.0" encoding="utf-8"?>'
_MAIN: Final = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_RELATED: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_KIND: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"

HEADER_STYLE: Final = 1
DATE_STYLE: Final = 2

ROOT_RELATIONS: Final = (
    f'{DECLARATION}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_RELATED}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)
SHEET_END: Final = "</worksheet>"


def content_types(sheets: int) -> str:
    """`[Content_Types].xml` for a package of that many sheets."""
    overrides = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{_KIND}.worksheet+xml"/>'
        for n in range(1, sheets + 1)
    )
    return (
        f'{DECLARATION}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>{overrides}'
        f'<Override PartName="/xl/styles.xml" ContentType="{_KIND}.styles+xml"/>'
        f'<Override PartName="/xl/sharedStrings.xml" ContentType="{_KIND}.sharedStrings+xml"/></Types>'
    )


def workbook(names: Sequence[str]) -> str:
    """`xl/workbook.xml` with sheets of these names."""
    sheets = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{n}" r:id="rId{n}"/>' for n, name in enumerate(names, 1)
    )
    return f'{DECLARATION}<workbook {_MAIN} xmlns:r="{_RELATED}"><sheets>{sheets}</sheets></workbook>'


def workbook_relations(sheets: int) -> str:
    """`xl/_rels/workbook.xml.rels`; styles and shared strings follow the sheets."""
    targets = [("worksheet", f"worksheets/sheet{n}.xml") for n in range(1, sheets + 1)]
    targets += [("styles", "styles.xml"), ("sharedStrings", "sharedStrings.xml")]
    body = "".join(
        f'<Relationship Id="rId{n}" Type="{_RELATED}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(targets, 1)
    )
    return f'{DECLARATION}<Relationships xmlns="{_PACKAGE}/relationships">{body}</Relationships>'


def styles(*, dates: bool) -> str:
    """`xl/styles.xml`: General numbers, a bold white header on grey, a date format only when asked for."""
    date = (
        '<xf numFmtId="14" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
        if dates
        else ""
    )
    return (
        f"{DECLARATION}<styleSheet {_MAIN}>"
        '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
        '<font><b/><sz val="11"/><color rgb="FFFFFFFF"/><name val="Calibri"/></font></fonts>'
        '<fills count="3"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill>'
        '<fill><patternFill patternType="solid"><fgColor rgb="FF808080"/></patternFill></fill></fills>'
        '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        f'<cellXfs count="{3 if dates else 2}"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
        '<xf numFmtId="0" fontId="1" fillId="2" borderId="0" xfId="0" applyFont="1" applyFill="1"/>'
        f"{date}</cellXfs>"
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    )


def sheet_start(area: str) -> str:
    """The head of a sheet whose data covers `area`: the pane below row 1 is frozen."""
    return (
        f'{DECLARATION}<worksheet {_MAIN}><dimension ref="{area}"/><sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        '<sheetFormatPr defaultRowHeight="15"/><sheetData>'
    )


def shared_strings(strings: Sequence[str]) -> str:
    """`xl/sharedStrings.xml`; the real one counts each text once in `count` too, whatever its uses."""
    items = "".join(f"<si>{_text(text)}</si>" for text in strings)
    return f'{DECLARATION}<sst {_MAIN} count="{len(strings)}" uniqueCount="{len(strings)}">{items}</sst>'


def _text(text: str) -> str:
    # Without the attribute readers may drop the spaces and tabs at either end, which are part of the dirt.
    space = ' xml:space="preserve"' if text != text.strip() or "  " in text or "\t" in text else ""
    return f"<t{space}>{escape(text)}</t>"
