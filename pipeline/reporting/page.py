"""The pieces of a report and the page that holds them: one self-contained HTML file, without scripts or requests.

What belongs here: blocks, numbering of tables, the template. What does not: wording, which sections write.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from pipeline.profile import Entity
from pipeline.reporting.charts import KINDS, Chart

_TEMPLATES = Path(__file__).parent / "templates"
PROTECTED = Markup('<span class="protegida">protegido</span>')
"""How a withheld cell reads in a table."""

NOTHING = "–"
"""How an absent figure reads: it was not withheld, it does not exist."""


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; markup only through `Markup`."""

    text: str
    template: ClassVar[str] = "parrafo.html.j2"


@dataclass(frozen=True)
class Heading:
    """A heading inside a section."""

    text: str
    template: ClassVar[str] = "subtitulo.html.j2"


@dataclass(frozen=True)
class Notice:
    """What could not be evaluated, and why."""

    text: str
    template: ClassVar[str] = "nota.html.j2"


@dataclass(frozen=True)
class Items:
    """A list without order."""

    items: Sequence[str]
    template: ClassVar[str] = "lista.html.j2"


@dataclass(frozen=True)
class Row:
    """A row of a table; its first cell is its head."""

    cells: Sequence[str]
    total: bool = False


@dataclass
class Table:
    """A table; `anchor` is what figures in prose link to, `textual` the columns that are not numbers."""

    anchor: str
    title: str
    subtitle: str
    heads: Sequence[str]
    rows: Sequence[Row]
    textual: Sequence[int] = (0,)
    number: int = 0


@dataclass(frozen=True)
class Figure:
    """A chart inside the page, as a data URI."""

    source: str
    alt: str
    kind: str
    width: int
    height: int

    @classmethod
    def of(cls, chart: Chart) -> "Figure":
        """The chart's SVG with its alternative text; the numbers are in the table beside it."""
        data = chart.svg.read_bytes()
        size = re.search(rb'width="([\d.]+)pt" height="([\d.]+)pt"|height="([\d.]+)pt"[^>]*width="([\d.]+)pt"', data)
        numbers = [float(n) for n in size.groups() if n] if size else [374.0, 240.0]
        width, height = numbers if size and size.group(1) else reversed(numbers)
        source = "data:image/svg+xml;base64," + base64.b64encode(data).decode()
        return cls(source, chart.alt, KINDS[chart.clase], round(width * 4 / 3), round(height * 4 / 3))


@dataclass(frozen=True)
class Exhibit:
    """A table, with its chart where it has one."""

    table: Table
    figure: Figure | None = None
    template: ClassVar[str] = "cuadro.html.j2"


@dataclass(frozen=True)
class Advice:
    """A recommendation as the report shows it."""

    text: str
    line: str
    owner: str
    evidence: str


@dataclass(frozen=True)
class Advices:
    """The recommendations of a report."""

    items: Sequence[Advice]
    template: ClassVar[str] = "recomendaciones.html.j2"


@dataclass(frozen=True)
class Group:
    """A segment as the report shows it."""

    name: str
    rule: str
    size: str
    traits: Sequence[str]
    template: ClassVar[str] = "segmento.html.j2"


Block = Paragraph | Heading | Notice | Items | Exhibit | Advices | Group


@dataclass(frozen=True)
class Section:
    """A section of a report."""

    anchor: str
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Key:
    """A figure on the first screen, linked to its table."""

    figure: str
    what: str
    anchor: str


@dataclass(frozen=True)
class Page:
    """A whole report."""

    title: str
    description: str
    lead: Sequence[str]
    keys: Sequence[Key]
    sections: Sequence[Section] = field(default_factory=tuple)

    def render(self, entity: Entity) -> str:
        """The HTML file, with its tables numbered in reading order."""
        exhibits = [block for section in self.sections for block in section.blocks if isinstance(block, Exhibit)]
        for number, exhibit in enumerate(exhibits, 1):
            exhibit.table.number = number
        environment = Environment(
            loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=False
        )
        style = Markup((_TEMPLATES / "estilo.css").read_text(encoding="utf-8").strip())  # noqa: S704 (our own file)
        html = environment.get_template("informe.html.j2").render(
            entity=entity,
            style=style,
            title=self.title,
            description=self.description,
            lead=self.lead,
            keys=self.keys,
            sections=self.sections,
        )
        return _unlinked(html)


def _unlinked(html: str) -> str:
    """Figures whose table could not be shown stay as text: a link that leads nowhere is worse than none."""
    ids = set(re.findall(r' id="([^"]+)"', html))
    return re.sub(r'<a href="#([^"]+)">(.*?)</a>', lambda m: m[0] if m[1] in ids else m[2], html)


def ref(figure: str, table: str) -> Markup:
    """A figure in prose, linked to the table it comes from."""
    return Markup('<a href="#{}">{}</a>').format(anchor(table), figure)


def anchor(table: str) -> str:
    """The id of a table in the page."""
    return f"t-{table.replace('_', '-')}"


def join(parts: Sequence[str]) -> Markup:
    """Texts one after the other, escaped where they are not markup."""
    return Markup(" ").join(escape(part) for part in parts)
