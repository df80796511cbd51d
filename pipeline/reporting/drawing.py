"""Strokes: bars, pies and histograms as deterministic SVG, readable at 360 pixels.

What belongs here: geometry, colours and letters. What does not: tables, profiles, and deciding which chart.
Figures are drawn with the object-oriented interface; text becomes paths and carries matplotlib's own font, so that the
same numbers give the same bytes on any machine.
"""

import io
import itertools
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle, Wedge

# The order is fixed; neighbours differ by 3:1 or are parted by a white line, and every mark has its number or label.
COLOURS = ("#12436D", "#28A197", "#801650", "#F46A25", "#3D3D3D", "#A285D1")
MUTED = ("#8C96A0", "#C3CAD1")
INK, SOFT, GRID = "#1F2933", "#52606D", "#DDE3E8"
WIDTH = 4.5
_MARGIN = 0.16
_LINE = 0.165
_STYLE: Any = {
    "svg.hashsalt": "pqrsd",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "path.simplify": False,
}


@dataclass(frozen=True)
class Words:
    """What surrounds a drawing: finding, what is counted, note, source."""

    title: str
    subtitle: str
    note: str
    source: str


@dataclass(frozen=True)
class Mark:
    """A bar or slice: its label, its length (None: withheld), the number beside it, and whether it informs."""

    label: str
    value: int | None
    text: str
    informative: bool = True


@dataclass(frozen=True)
class Band:
    """A histogram's band of working days; `high` None is the open one, `value` None a withheld one."""

    low: int
    high: int | None
    value: int | None


class _Sheet:
    """A figure measured in inches from its top, grown to what is written on it."""

    def __init__(self, words: Words, body: float) -> None:
        self.words = words
        self.title = textwrap.wrap(words.title, 42)
        self.subtitle = textwrap.wrap(words.subtitle, 61)
        self.foot = textwrap.wrap(" ".join(part for part in (words.note, words.source) if part), 72)
        head = _MARGIN + 0.23 * len(self.title) + 0.175 * len(self.subtitle) + 0.16
        self.height = head + body + 0.16 * len(self.foot) + 0.14
        self.figure = Figure(figsize=(WIDTH, self.height), facecolor="white")
        y = _MARGIN
        for line in self.title:
            self.write(_MARGIN, y, line, size=11.5, weight="bold")
            y += 0.23
        for line in self.subtitle:
            self.write(_MARGIN, y + 0.02, line, size=8.6, colour=SOFT)
            y += 0.175
        self.top = head
        y = self.height - 0.1 - 0.16 * len(self.foot)
        for line in self.foot:
            self.write(_MARGIN, y, line, size=7.6, colour=SOFT)
            y += 0.16

    def write(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 9.5,
        colour: str = INK,
        weight: str = "normal",
        style: str = "normal",
        align: str = "left",
        over: str = "top",
    ) -> None:
        """Text at inches from the top left corner."""
        self.figure.text(
            x / WIDTH, 1 - y / self.height, text, size=size, color=colour, weight=weight, style=style, ha=align, va=over
        )

    def block(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """A rectangle at inches from the top left corner."""
        self.figure.add_artist(
            Rectangle(
                (x / WIDTH, 1 - (y + height) / self.height),
                width / WIDTH,
                height / self.height,
                facecolor=colour,
                edgecolor="none",
                transform=self.figure.transFigure,
            )
        )

    def svg(self) -> bytes:
        """The drawing's bytes, without date or program name."""
        out = io.BytesIO()
        FigureCanvasSVG(self.figure).print_svg(out, metadata={"Date": None, "Creator": None, "Title": self.words.title})
        return out.getvalue()


def bars(marks: Sequence[Mark], words: Words) -> bytes:
    """Horizontal bars from top to bottom in the given order, each under its label and before its number.

    A withheld mark is a line of text: it has no bar.
    """
    with matplotlib.rc_context(_STYLE):
        wrapped = [
            textwrap.wrap(mark.label if mark.value is not None else f"{mark.label}: {mark.text}", 53) for mark in marks
        ]
        body = sum(_row_height(mark, lines) for mark, lines in zip(marks, wrapped, strict=True)) + 0.05
        sheet = _Sheet(words, body)
        room = WIDTH - 2 * _MARGIN - 1.2
        longest = max((mark.value or 0 for mark in marks), default=0) or 1
        y = sheet.top
        for mark, lines in zip(marks, wrapped, strict=True):
            row = y
            withheld = mark.value is None
            for line in lines:
                style, colour = ("italic", SOFT) if withheld else ("normal", INK)
                sheet.write(_MARGIN, row, line, size=8.8, style=style, colour=colour)
                row += _LINE
            if mark.value is not None:
                length = max(room * mark.value / longest, 0.015)
                sheet.block(_MARGIN, row + 0.015, length, 0.15, COLOURS[0] if mark.informative else MUTED[0])
                sheet.write(_MARGIN + length + 0.07, row + 0.09, mark.text, size=8.6, over="center")
            y += _row_height(mark, lines)
        return sheet.svg()


def _row_height(mark: Mark, lines: Sequence[str]) -> float:
    return _LINE * len(lines) + (0.27 if mark.value is not None else 0.09)


def pie(marks: Sequence[Mark], words: Words) -> bytes:
    """A circle with its slices clockwise from the top; each has a number that the key repeats."""
    with matplotlib.rc_context(_STYLE):
        wrapped = [textwrap.wrap(mark.label, 24) or [""] for mark in marks]
        heights = [_LINE * (len(lines) + 1) + 0.14 for lines in wrapped]
        body = max(2.05, sum(heights) + 0.1)
        sheet = _Sheet(words, body)
        colours = _slice_colours(marks)
        _draw_slices(sheet, marks, colours, body)
        y = sheet.top + (body - sum(heights)) / 2
        for number, (mark, lines, colour) in enumerate(zip(marks, wrapped, colours, strict=True), 1):
            sheet.block(2.22, y + 0.01, 0.14, 0.14, colour)
            for line in (f"{number}. {lines[0]}", *lines[1:]):
                sheet.write(2.43, y, line, size=8.8)
                y += _LINE
            sheet.write(2.43, y, f"{mark.text} ({_plain(mark.value)})", size=8.8, weight="bold")
            y += _LINE + 0.14
        return sheet.svg()


def histogram(bands: Sequence[Band], words: Words) -> bytes:
    """Touching bars of equal width; the open band stands apart and is hatched."""
    with matplotlib.rc_context(_STYLE):
        sheet = _Sheet(words, 2.75)
        bottom = sheet.height - sheet.top - 2.2
        axes = sheet.figure.add_axes(
            (0.42 / WIDTH, bottom / sheet.height, (WIDTH - 0.6) / WIDTH, 2.1 / sheet.height), frameon=False
        )
        closed = [band for band in bands if band.high is not None]
        width = max((band.high or 0) - max(band.low - 1, 0) for band in closed) if closed else 5
        end = max((band.high or 0 for band in closed), default=0)
        top = max((band.value or 0 for band in bands), default=0) or 1
        ticks = list(range(0, end + 1, width))
        names = [str(tick) for tick in ticks]
        for band in bands:
            left = end + width * 0.6 if band.high is None else max(band.low - 1, 0)
            _draw_band(axes, band, left, width, top)
            if band.high is None:
                ticks.append(int(left + width / 2))
                names.append(f"{band.low} o\nmás")
        axes.set_xticks(ticks, names, size=7.8, color=INK)
        axes.set_xlim(-width * 0.1, end + width * (1.8 if len(closed) < len(bands) else 0.1))
        axes.set_ylim(0, top * 1.12)
        axes.set_yticks([])
        axes.tick_params(length=0)
        axes.axhline(0, color=SOFT, linewidth=0.8)
        sheet.write(
            WIDTH / 2, sheet.top + 2.52, "Días hábiles hasta la respuesta", size=8.4, colour=SOFT, align="center"
        )
        return sheet.svg()


def _draw_band(axes: matplotlib.axes.Axes, band: Band, left: float, width: float, top: int) -> None:
    if band.value is None:
        axes.text(
            left + width / 2, top * 0.02, "protegido", rotation=90, size=7.2, color=SOFT, ha="center", va="bottom"
        )
        return
    hatch = "////" if band.high is None else None
    axes.bar(
        left,
        band.value,
        width=width,
        align="edge",
        color=COLOURS[0] if hatch is None else "white",
        edgecolor="white" if hatch is None else COLOURS[0],
        hatch=hatch,
        linewidth=0.8,
    )
    axes.text(
        left + width / 2, band.value + top * 0.015, _plain(band.value), size=7.6, color=INK, ha="center", va="bottom"
    )


def _draw_slices(sheet: _Sheet, marks: Sequence[Mark], colours: Sequence[str], body: float) -> None:
    side = 2.05
    bottom = sheet.height - sheet.top - body / 2 - side / 2
    axes = sheet.figure.add_axes((0.06 / WIDTH, bottom / sheet.height, side / WIDTH, side / sheet.height))
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.set_xlim(-1.3, 1.3)
    axes.set_ylim(-1.3, 1.3)
    whole = sum(mark.value or 0 for mark in marks)
    angle, middles = 90.0, []
    for mark, colour in zip(marks, colours, strict=True):
        sweep = 360 * (mark.value or 0) / whole
        axes.add_patch(Wedge((0, 0), 1, angle - sweep, angle, facecolor=colour, edgecolor="white", linewidth=1.5))
        middles.append(angle - sweep / 2)
        angle -= sweep
    for number, (middle, place) in enumerate(zip(middles, _spread(middles), strict=True), 1):
        if abs(middle - place) > 1:
            axes.plot(*zip(_polar(1.0, middle), _polar(1.07, place), strict=True), color=SOFT, linewidth=0.7)
        axes.text(*_polar(1.16, place), str(number), size=9, weight="bold", color=INK, ha="center", va="center")


def _spread(middles: Sequence[float], apart: float = 12.0) -> list[float]:
    """Angles of the labels: clockwise, each at least `apart` degrees from its neighbours, also across the top."""
    places = list(middles)
    for i in range(1, len(places)):
        places[i] = min(places[i], places[i - 1] - apart)
    for i in range(len(places) - 1, -1, -1):
        limit = places[0] - 360 + apart if i == len(places) - 1 else places[i + 1] + apart
        places[i] = max(places[i], limit)
    return places


def _polar(radius: float, degrees: float) -> tuple[float, float]:
    return radius * math.cos(math.radians(degrees)), radius * math.sin(math.radians(degrees))


def _slice_colours(marks: Sequence[Mark]) -> list[str]:
    plain, muted = iter(COLOURS), itertools.cycle(MUTED)
    return [next(plain) if mark.informative else next(muted) for mark in marks]


def _plain(value: int | None) -> str:
    return "" if value is None else f"{value:,}".replace(",", ".")
