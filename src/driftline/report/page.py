"""A report as one HTML file that needs nothing else: no script, no network, no other file."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure

from driftline.card import readable
from driftline.report.style import svg

Tone = Literal["", "good", "bad", "open", "quiet"]
"""A second cue beside the words: colour never says anything alone."""

SIGNS: dict[Tone, str] = {"good": "\N{CHECK MARK}", "bad": "\N{BALLOT X}", "open": "?"}
"""Put before the words, so that the verdict survives a black-and-white printer."""


LONG = 40
"""Characters above which a cell is a sentence."""


@dataclass(frozen=True)
class Cell:
    """A table's cell."""

    text: str
    tone: Tone = ""

    @property
    def style(self) -> str:
        """Its classes in the style sheet; sentences may be broken, numbers may not."""
        return " ".join(filter(None, (self.tone, "text" if len(self.text) > LONG else "")))

    @property
    def sign(self) -> str:
        """A check mark, a cross or a question mark, or nothing."""
        return SIGNS.get(self.tone, "")


@dataclass(frozen=True)
class Table:
    """A table; the first column names the rows.

    Attributes:
        title: of its section.
        head: names of the columns.
        rows: as many cells each.
        note: what one must know to read it, below it.
    """

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""


@dataclass(frozen=True)
class Picture:
    """A figure inside the page.

    Attributes:
        title: above it, and what stands for it where pictures are not shown.
        caption: below it.
        source: ``data:`` URI.
    """

    title: str
    caption: str
    source: str

    @classmethod
    def drawn(cls, title: str, caption: str, figure: Figure) -> "Picture":
        """From a figure, as SVG."""
        return cls(title, caption, _data_uri("image/svg+xml", svg(figure)))

    @classmethod
    def png(cls, title: str, caption: str, content: bytes) -> "Picture":
        """From a PNG file."""
        return cls(title, caption, _data_uri("image/png", content))


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{b64encode(content).decode()}"


@dataclass(frozen=True)
class Page:
    """What a report says, verdict first.

    Attributes:
        kind: of the report, above the title.
        title: of the page.
        verdict: one or two sentences.
        facts: the numbers of the verdict, each with what it is.
        judged: the table that the verdict sums up.
        pictures: after the verdict.
        tables: after the pictures.
        provenance: names and values, at the end.
        card: the model's, or empty.
        remarks: what qualifies the verdict, below it.
    """

    kind: str
    title: str
    verdict: str
    facts: Sequence[tuple[str, str]]
    judged: Table
    pictures: Sequence[Picture]
    tables: Sequence[Table]
    provenance: Sequence[tuple[str, str]]
    card: Sequence[tuple[str, str]] = ()
    remarks: Sequence[str] = field(default=())


def render(page: Page) -> str:
    """The page as HTML; every text is escaped."""
    environment = Environment(
        loader=PackageLoader("driftline.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html").render(page=page)


def plain(texts: Sequence[str]) -> list[Cell]:
    """Cells without a tone."""
    return [Cell(text) for text in texts]


def card_rows(card: Mapping[str, object] | None) -> list[tuple[str, str]]:
    """A model's card as names and values, as readers want it; empty where there is none."""
    return flatten(readable(card)) if card else []


def flatten(content: object, prefix: str = "") -> list[tuple[str, str]]:
    """Nested JSON as names (joined by points) and values, for the provenance."""
    if isinstance(content, dict) and content:
        return [
            item
            for key, value in content.items()
            for item in flatten(value, f"{prefix}.{key}" if prefix else str(key))
        ]
    if isinstance(content, list):
        entries = [str(entry) for entry in content]
        content = ("; " if any(", " in entry for entry in entries) else ", ").join(entries)
    return [(prefix, str(content))]
