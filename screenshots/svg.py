"""Writes screens of the terminal as SVG: one picture, or several as an animation that shares its rows.

Boxes, bars and blocks are drawn as shapes, so that they meet whatever the font is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import chain, groupby

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import DIMMED_MONOKAI

WIDTH, HEIGHT = 8.4, 18
"""Of a cell, in pixels."""
_SIZE, _BASE, _MARGIN, _BAR = 14, 13.5, 10, 34
_WORDS = re.compile(r"[^ ]+(?: [^ ]+)*")
"""Text without two blanks in a row: some programs draw them as one."""
_FONT = "ui-monospace,'Cascadia Mono','Fira Code','DejaVu Sans Mono',Menlo,Consolas,monospace"
_LOWER = {block: eighths / 8 for eighths, block in enumerate("▁▂▃▄▅▆▇█", 1)}
_LEFT = {block: (8 - index) / 8 for index, block in enumerate("█▉▊▋▌▍▎▏")}
_SHADES = {"░": 0.25, "▒": 0.5, "▓": 0.75}
_LINES = {  # which halves of a cell have a line: left, right, up, down
    "─": "lr",
    "│": "ud",
    "┌": "rd",
    "┐": "ld",
    "└": "ru",
    "┘": "lu",
    "├": "rud",
    "┤": "lud",
    "┬": "lrd",
    "┴": "lru",
    "┼": "lrud",
    "━": "lr",
    "┃": "ud",
    "╴": "l",
    "╶": "r",
    "╵": "u",
    "╷": "d",
}
_ROUND = {"╭": (1, 1), "╮": (-1, 1), "╰": (1, -1), "╯": (-1, -1)}


@dataclass(frozen=True, slots=True)
class Frame:
    """A screen, how many seconds it is shown, and the keys that led to it."""

    rows: Sequence[Sequence[Segment]]
    seconds: float = 0.0
    keys: str = ""


class _Classes:
    """A short class for each style that is used."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def of(self, css: str) -> str:
        return self._names.setdefault(css, f"s{len(self._names)}")

    @property
    def css(self) -> str:
        return "".join(f".{name}{{{css}}}" for css, name in self._names.items())


def picture(rows: Sequence[Sequence[Segment]], title: str) -> str:
    """One screen."""
    return animation([Frame(rows)], title)


def animation(frames: Sequence[Frame], title: str) -> str:
    """The frames one after the other, for ever. A row that several frames have is drawn once."""
    columns, lines = sum(segment.cell_length for segment in frames[0].rows[0]), len(frames[0].rows)
    classes, known, shown = _Classes(), dict[str, str](), list[str]()
    length, at, times = sum(frame.seconds for frame in frames), 0.0, ""
    for number, frame in enumerate(frames):
        drawn = []
        for row, segments in enumerate(frame.rows):
            if shapes := _row(segments, classes):
                name = known.setdefault(shapes, f"r{len(known)}")
                drawn.append(f'<use href="#{name}" y="{row * HEIGHT}"/>')
        if frame.keys:
            drawn.append(f'<text class="k" x="{columns * WIDTH:g}" y="-14">{escape(frame.keys)}</text>')
        shown.append(f'<g id="f{number}">{"".join(drawn)}</g>')
        if len(frames) > 1:
            start, end = at / length * 100, (at + frame.seconds) / length * 100
            before = "0%{visibility:hidden}" if start else ""
            times += (
                f"#f{number}{{animation:f{number} {length:g}s step-end infinite}}"
                f"@keyframes f{number}{{{before}{start:.2f}%{{visibility:visible}}"
                f"{end:.2f}%,100%{{visibility:hidden}}}}"
            )
            at += frame.seconds
    width, height = columns * WIDTH + 2 * _MARGIN, lines * HEIGHT + _BAR + _MARGIN
    back = _background(frames[0].rows)
    rows = "".join(f'<g id="{name}">{shapes}</g>' for shapes, name in known.items())
    buttons = "".join(
        f'<circle cx="{16 + 18 * n}" cy="17" r="5.5" fill="{c}"/>'
        for n, c in enumerate(("#ff6058", "#ffbd2e", "#28c840"))
    )
    middle = width / 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}">'
        f"<title>{escape(title)}</title><style>"
        f"text{{font:{_SIZE}px {_FONT};white-space:pre}}rect{{shape-rendering:crispEdges}}"
        f".t{{fill:#8b95a5;text-anchor:middle}}"
        f".k{{fill:#6cb6ff;font-weight:700;text-anchor:end}}{classes.css}{times}</style><defs>{rows}</defs>"
        f'<rect width="{width:g}" height="{height:g}" rx="9" fill="{back}"/>{buttons}'
        f'<text class="t" x="{middle:g}" y="22">{escape(title)}</text>'
        f'<g transform="translate({_MARGIN},{_BAR})">{"".join(shown)}</g></svg>\n'
    )


def _background(rows: Iterable[Iterable[Segment]]) -> str:
    """The colour behind most cells."""
    behind = Counter[str]()
    for segment in chain.from_iterable(rows):
        behind[_colours(segment.style)[1]] += segment.cell_length
    return behind.most_common(1)[0][0]


def _row(segments: Iterable[Segment], classes: _Classes) -> str:
    """The shapes of a row: backgrounds, then lines and blocks, then text."""
    back, front, column = [], [], 0
    merged = [(style, "".join(part.text for part in parts)) for style, parts in groupby(segments, lambda s: s.style)]
    for style, text in merged:
        colour, behind = _colours(style)
        cells = cell_len(text)
        back.append((column, cells, behind))
        for kind, part in _parts(text):
            if kind == "text":
                css = f"fill:{colour}" + (";font-weight:700" if style and style.bold else "")
                css += ";text-decoration:underline" if style and style.underline else ""
                css += ";font-style:italic" if style and style.italic else ""
                for words in _WORDS.finditer(part):
                    start = (column + cell_len(part[: words.start()])) * WIDTH
                    span = f'x="{start:g}" y="{_BASE}" textLength="{cell_len(words[0]) * WIDTH:g}"'
                    front.append(f'<text class="{classes.of(css)}" {span}>{escape(words[0], quote=False)}</text>')
            else:
                front.append(_shape(part, column, colour, classes))
            column += cell_len(part)
    fills = ""
    for behind, parts in groupby(_joined(back), lambda each: each[2]):
        for start, cells, _ in parts:
            name = classes.of(f"fill:{behind}")
            fills += f'<rect class="{name}" x="{start * WIDTH:g}" width="{cells * WIDTH:g}" height="{HEIGHT + 0.3:g}"/>'
    return fills + "".join(front)


def _joined(parts: Iterable[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    joined: list[tuple[int, int, str]] = []
    for start, cells, colour in parts:
        if joined and joined[-1][2] == colour:
            joined[-1] = (joined[-1][0], joined[-1][1] + cells, colour)
        else:
            joined.append((start, cells, colour))
    return joined


def _parts(text: str) -> Iterable[tuple[str, str]]:
    """The text in parts: each shape by itself, but for runs of the same one."""
    for kind, letters in groupby(text, lambda letter: letter if _is_shape(letter) else "text"):
        yield kind, "".join(letters)


def _is_shape(letter: str) -> bool:
    return any(letter in each for each in (_LINES, _ROUND, _LOWER, _LEFT, _SHADES)) or letter in "▀▐▎▔"


def _shape(run: str, column: int, colour: str, classes: _Classes) -> str:
    """A run of one letter that is a line or a block."""
    letter, x, width = run[0], column * WIDTH, len(run) * WIDTH
    if letter in _LINES:
        stroke = classes.of(f"stroke:{colour};stroke-width:{2 if letter in '━┃' else 1};fill:none")
        middle, path = x + WIDTH / 2, ""
        for half in _LINES[letter]:
            path += {
                "l": f"M{x:g} 9H{middle:g}",
                "r": f"M{middle:g} 9H{x + WIDTH:g}",
                "u": f"M{middle:g} 0V9",
                "d": f"M{middle:g} 9V{HEIGHT}",
            }[half]
        if letter in "─━":
            path = f"M{x:g} 9H{x + width:g}"
        elif len(run) > 1:
            path = "".join(f"M{x + n * WIDTH + WIDTH / 2:g} 0V{HEIGHT}" for n in range(len(run)))
        return f'<path class="{stroke}" d="{path}"/>'
    if letter in _ROUND:
        stroke, (side, down) = classes.of(f"stroke:{colour};stroke-width:1;fill:none"), _ROUND[letter]
        middle, edge = x + WIDTH / 2, x + WIDTH if side > 0 else x
        border = HEIGHT if down > 0 else 0
        curve = f"V{9 + 4 * down}Q{middle:g} 9 {middle + 4 * side:g} 9H{edge:g}"
        return f'<path class="{stroke}" d="M{middle:g} {border}{curve}"/>'
    fill = classes.of(f"fill:{colour}")
    top, tall, opacity = 0.0, float(HEIGHT), ""
    if letter in _LOWER:
        tall = HEIGHT * _LOWER[letter]
        top = HEIGHT - tall
    elif letter in _LEFT:
        return "".join(
            f'<rect class="{fill}" x="{x + n * WIDTH:g}" width="{WIDTH * _LEFT[letter]:.2f}" height="{HEIGHT}"/>'
            for n in range(len(run))
        )
    elif letter in _SHADES:
        opacity = f' opacity="{_SHADES[letter]}"'
    elif letter == "▀":
        tall = HEIGHT / 2
    elif letter == "▔":
        tall = HEIGHT / 8
    elif letter == "▐":
        x, width = x + WIDTH / 2, width - WIDTH / 2
    return f'<rect class="{fill}" x="{x:g}" y="{top:g}" width="{width:g}" height="{tall + 0.3:g}"{opacity}/>'


def _colours(style: Style | None) -> tuple[str, str]:
    colours = (style.color, style.bgcolor) if style else (None, None)
    front, back = (
        colour.get_truecolor(DIMMED_MONOKAI, foreground=at == 0).hex if colour else default
        for at, (colour, default) in enumerate(zip(colours, ("#dbe2ee", "#10141b"), strict=True))
    )
    return (back, front) if style and style.reverse else (front, back)
