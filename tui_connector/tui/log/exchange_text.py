"""One exchange as lines of text: what happened, when the time went where, headers, bodies. Knows no widget."""

from __future__ import annotations

import codecs
import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from ...client.curl import curl
from ...client.error_message import error_message
from ...client.exchange import Exchange, KeptBody, Timings
from ...client.message import Headers, header_of
from ...client.printer import LONG, Formatter, is_binary, milliseconds, page_title
from ...magento.diagnosis import Finding
from ...text import shown, shown_line

# JSON made readable: indented even where it stops in the middle, and the path of the value in a line of it.


_INDENT = 2
_DEEPEST = 40
"""Levels that are indented; deeper ones stand below each other, or 100,000 brackets would make 20 GB of spaces."""
_BROKEN = 1_000_000
"""Characters of broken JSON that are indented, token by token; more is shown as it came."""

_TOKEN = re.compile(r'"(?:\\.|[^"\\])*(?:"|\\?\Z)|[{}\[\],:]|[^\s{}\[\],:"]+')
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})(?:\\u([dD][c-fC-F][0-9a-fA-F]{2}))?|(.))")
_KEY = re.compile(r'\s*("(?:\\.|[^"\\])*")\s*:')
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def indented(data: bytes) -> str | None:
    """The JSON in `data`, indented; numbers and texts as they came. None where it is no JSON.

    What is cut off in the middle is indented as far as it goes.
    """
    import msgspec  # 15 ms, and only needed once a body is looked at

    data = data.removeprefix(b"\xef\xbb\xbf")
    if not data.lstrip()[:1] or data.lstrip()[:1] not in b'{["':
        return None
    try:
        return msgspec.json.format(data, indent=_INDENT).decode("utf-8", "replace")
    except (msgspec.DecodeError, RecursionError):
        text = data.decode("utf-8", "replace")
        return _by_token(text) if len(text) <= _BROKEN and text.lstrip()[0] != '"' else None


def _by_token(text: str) -> str | None:
    out: list[str] = []
    depth, fresh = 0, True  # fresh: directly behind an opening bracket
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token in "{[":
            out += (_line(depth) if fresh and depth else "", token)
            depth, fresh = depth + 1, True
        elif token in "}]":
            depth = max(0, depth - 1)
            out += ("" if fresh else _line(depth), token)
            fresh = False
        elif token == ",":
            out += (",", _line(depth))
        elif token == ":":
            out.append(": ")
        else:
            out += (_line(depth) if fresh and depth else "", token)
            fresh = False
    return "".join(out)


def _line(depth: int) -> str:
    return "\n" + " " * (_INDENT * min(depth, _DEEPEST))


def unescaped(text: str) -> str:
    """JSON text with `\\/` and `\\uXXXX` as the characters they mean, where that is one that can be read.

    PHP's json_encode, and so Magento, escapes slashes and everything outside ASCII.
    """
    return _ESCAPE.sub(_meant, text) if "\\" in text else text


def _meant(match: re.Match[str]) -> str:
    code, low, other = match.groups()
    if code is None:
        return "/" if other == "/" else match.group()
    first = int(code, 16)
    if low is not None and 0xD800 <= first < 0xDC00:
        return chr(0x10000 + ((first - 0xD800) << 10) + int(low, 16) - 0xDC00)
    character = chr(first)
    if low is not None or not character.isprintable() or character in '"\\':
        return match.group()
    return character


def path_at(lines: Sequence[str], index: int) -> str | None:
    """The JMESPath of the value that begins in `lines[index]` of indented JSON, such as `items[0].sku`.

    None where the line closes a bracket. A whole response is `@`; one bare value is read as a list of one, so `@[0]`.
    """
    steps: list[str] = []
    while True:
        line = lines[index]
        depth = _depth(line)
        if line[depth : depth + 1] in ("}", "]", "") or depth >= _INDENT * _DEEPEST:
            return None
        if depth == 0:
            break
        opening = _opening(lines, index, depth)
        if opening is None:
            return None
        key = _KEY.match(line)
        if key and lines[opening].rstrip().endswith("{"):
            steps.append(f".{_name(key[1])}")
        else:
            before = lines[opening + 1 : index]
            count = sum(1 for other in before if _depth(other) == depth and other[depth : depth + 1] not in "}]")
            steps.append(f"[{count}]")
        index = opening
    path = "".join(reversed(steps)).removeprefix(".")
    return path or ("@" if lines[index][:1] in ("{", "[") else "@[0]")


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _opening(lines: Sequence[str], index: int, depth: int) -> int | None:
    for above in range(index - 1, -1, -1):
        if _depth(lines[above]) < depth:
            return above
    return None


def _name(key: str) -> str:
    try:
        name = json.loads(key)
    except ValueError:
        return key
    return name if _PLAIN_NAME.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def value_at(lines: Sequence[str], index: int) -> str:
    """The value that begins in this line, as it stands there: to the bracket that closes it."""
    line = lines[index]
    depth = _depth(line)
    key = _KEY.match(line)
    first = line[key.end() :].strip() if key else line.strip()
    if not first.endswith(("{", "[")):
        return first.removesuffix(",")
    inside = [first]
    for below in lines[index + 1 :]:
        inside.append(below[depth:])
        if _depth(below) <= depth:
            break
    return "\n".join(inside).removesuffix(",")


LONGEST_BODY = 4_000_000
"""Bytes of one body that are made into lines; the rest can be saved to a file."""
_LONGEST_DUMP = 64_000
_LONGEST_COMMAND = 4_000
_LONGEST_ERROR = 64_000
"""Bytes of a response that are read for the store's words: Magento's errors are short, with a trace some kilobytes."""
_PIECE = (
    200_000  # characters cleaned in one go: longer ones would hold up the keys, for a thread shares the interpreter
)
_SAVED = "w saves the body to a file"
_NAMES = 26
_CHARSET = re.compile(r"charset\s*=\s*\"?([A-Za-z0-9._:-]+)", re.IGNORECASE)


class LineStyle(Enum):
    """What a line is, for whoever draws it."""

    HEAD = auto()
    REQUEST = auto()
    GOOD = auto()
    BAD = auto()
    WORDS = auto()
    HEADER = auto()
    BODY = auto()
    JSON = auto()
    NOTE = auto()
    BAR = auto()
    LEGEND = auto()


@dataclass
class ExchangeText:
    """Lines, safe to show, and what each of them is."""

    lines: list[str] = field(default_factory=list)
    name_column: int = 0
    """Where a header's value begins."""
    response: range | None = None
    """The lines of the response's body, where they are indented JSON."""
    _starts: list[int] = field(default_factory=list)
    _looks: list[LineStyle] = field(default_factory=list)

    def add(self, look: LineStyle, *lines: str) -> None:
        if not self._looks or self._looks[-1] is not look:
            self._starts.append(len(self.lines))
            self._looks.append(look)
        self.lines.extend(lines)

    def look(self, line: int) -> LineStyle:
        return self._looks[bisect_right(self._starts, line) - 1]


@dataclass(frozen=True, slots=True)
class RelatedExchanges:
    """What belongs to an exchange: the attempts of its call, the login whose token it has, what is wrong with it."""

    attempts: Sequence[Exchange] = ()
    login: Exchange | None = None
    finding: Finding | None = None
    profile: str | None = None
    """The profile that sends it again."""


def exchange_text(
    exchange: Exchange,
    around: RelatedExchanges,
    *,
    width: int,
    view: Formatter = "full",
    more: str = "",
    raw: bool = False,
    longest: int = LONGEST_BODY,
) -> ExchangeText:
    """The exchange, its bodies indented where they are JSON, or as they came where `raw`; `longest` bytes of each.

    What the view leaves out, `more` says how to see.
    """
    text = ExchangeText()
    names = [name for name, _ in (*exchange.request_headers, *exchange.headers)]
    text.name_column = min(_NAMES, max(map(len, names), default=0)) + 4
    _summary(text, exchange, around, width)
    if view == "simple":
        text.add(LineStyle.NOTE, "", more)
    elif view == "curl":
        _command(text, curl(exchange, around.profile))
    else:
        bodies = _Bodies(raw, *((min(LONG, longest), more) if view == "long" else (longest, _SAVED)))
        _messages(text, exchange, bodies)
    return text


def _command(text: ExchangeText, command: str) -> None:
    text.add(LineStyle.REQUEST, "", *shown(command[:_LONGEST_COMMAND]).split("\n"))
    if len(command) > _LONGEST_COMMAND:
        text.add(LineStyle.NOTE, "… y copies the whole command")


@dataclass(frozen=True, slots=True)
class _Bodies:
    """How bodies are shown: as they came or indented, `longest` bytes of each; `more` is how to get at the rest."""

    raw: bool
    longest: int
    more: str


def _messages(text: ExchangeText, exchange: Exchange, bodies: _Bodies) -> None:
    """The request, and the response where one came."""
    text.add(LineStyle.REQUEST, "", shown_line(f"▶ {exchange.method} {exchange.uri}"))
    _headers(text, exchange.request_headers)
    if exchange.request_body.size:
        text.add(LineStyle.NOTE, "")
        _body(text, exchange.request_body, exchange.request_headers, bodies)
    if exchange.status is not None:
        look = LineStyle.BAD if exchange.failed else LineStyle.GOOD
        text.add(look, "", shown_line(f"◀ {exchange.status} {exchange.reason}"))
        _headers(text, exchange.headers)
        text.add(LineStyle.NOTE, "")
        text.response = _body(text, exchange.body, exchange.headers, bodies)


def _summary(text: ExchangeText, exchange: Exchange, around: RelatedExchanges, width: int) -> None:
    at = exchange.at.strftime("%H:%M:%S.%f")[:-3]
    attempt = f"attempt {exchange.attempt}" if exchange.attempt > 1 else ""
    parts = [f"#{exchange.number}", at, exchange.purpose, f"client {exchange.client}", attempt, exchange.note]
    text.add(LineStyle.HEAD, shown_line(" · ".join(part for part in parts if part)))
    status = f"{exchange.status} {exchange.reason}".strip() if exchange.status is not None else "no response"
    wire = exchange.body.wire_size
    sizes = size(exchange.body.size) + ("" if wire is None else f", {size(wire)} transferred")
    result = f"{status} · {milliseconds(exchange.timings.total)} · {sizes}"
    text.add(LineStyle.BAD if exchange.failed else LineStyle.GOOD, shown_line(result))
    said = exchange.failure_text or (error_message(exchange.body.data[:_LONGEST_ERROR]) if exchange.failed else "")
    if said:
        text.add(LineStyle.BAD, shown_line(f"✘ {said}"))
    if around.finding is not None:
        _finding(text, around.finding)
    bar, legend = timing_bar(exchange.timings, min(60, width - 2))
    if bar:
        text.add(LineStyle.BAR, bar)
        text.add(LineStyle.LEGEND, legend)
    if len(around.attempts) > 1:
        text.add(LineStyle.WORDS, shown_line("attempts  " + "  →  ".join(_outcome(each) for each in around.attempts)))
    if around.login is not None:
        text.add(LineStyle.WORDS, shown_line(f"login     {_outcome(around.login)}"))


def _finding(text: ExchangeText, finding: Finding) -> None:
    text.add(LineStyle.WORDS, shown_line(f"  {finding.summary}"))
    for line in shown(finding.remedy).split("\n"):
        text.add(LineStyle.WORDS, f"  → {line}")
    for line in finding.evidence:
        text.add(LineStyle.NOTE, shown_line(f"    {line}"))


def _outcome(exchange: Exchange) -> str:
    status = exchange.status if exchange.status is not None else f"✘ {exchange.failure or ''}".strip()
    return f"#{exchange.number} {status} in {milliseconds(exchange.timings.total)}"


def size(count: int) -> str:
    """Bytes in three or four characters and a unit."""
    if count < 1_000:
        return f"{count} B"
    value, unit = (count / 1_000, "KB") if count < 999_500 else (count / 1_000_000, "MB")
    return f"{value:.1f} {unit}" if value < 100 else f"{value:.0f} {unit}"


_GLYPHS = (("connect", "░"), ("TLS", "▒"), ("send", "▓"), ("wait", "█"), ("receive", "▂"))


def timing_bar(timings: Timings, width: int) -> tuple[str, str]:
    """Where the time went: a bar `width` wide, and its legend. Each phase has its own glyph: colours may be off."""
    phases = [
        (name, glyph, seconds)
        for (name, glyph), seconds in zip(
            _GLYPHS, (timings.connect, timings.tls, timings.send, timings.wait, timings.receive), strict=True
        )
        if seconds is not None
    ]
    if not phases or timings.total <= 0 or width < 10:
        return "", ""
    scale = width / max(timings.total, sum(seconds for _, _, seconds in phases))
    bar = "".join(glyph * max(1, round(seconds * scale)) for _, glyph, seconds in phases)[:width]
    legend = "  ".join(f"{glyph} {name} {milliseconds(seconds)}" for name, glyph, seconds in phases)
    return bar, ("connection reused  " if timings.reused else "") + legend


def _headers(text: ExchangeText, headers: Headers) -> None:
    width = text.name_column - 4
    text.add(LineStyle.HEADER, *(shown_line(f"  {name:<{width}}  {value}") for name, value in headers))


def _body(text: ExchangeText, body: KeptBody, headers: Headers, how: _Bodies) -> range | None:
    """Adds a body; the lines it took, where they are indented JSON."""
    if not body.data:
        words = f"({size(body.size)}: {body.note or 'not kept'})" if body.size else "(empty)"
        text.add(LineStyle.NOTE, shown_line(words))
        return None
    if "html" in body.media_type and not how.raw:
        title = shown_line(f"HTML page “{page_title(body.data)}”, {size(body.size)}; z shows its text")
        text.add(LineStyle.NOTE, title)
        return None
    data = body.data[: how.longest]
    if is_binary(data):
        text.add(LineStyle.BODY, *_dump(data[:_LONGEST_DUMP]))
        _rest(text, body, min(how.longest, _LONGEST_DUMP), how.more)
        return None
    pretty = None if how.raw else indented(data)
    start = len(text.lines)
    content = unescaped(pretty) if pretty is not None else _decoded(data, headers)
    text.add(LineStyle.BODY if pretty is None else LineStyle.JSON, *_clean(content))
    end = len(text.lines)
    _rest(text, body, how.longest, how.more)
    return range(start, end) if pretty is not None else None


def _clean(content: str) -> list[str]:
    content = content.replace("\r\n", "\n")
    safe = "".join(shown(content[start : start + _PIECE]) for start in range(0, len(content), _PIECE))
    lines = safe.split("\n")
    return [line.expandtabs(4) for line in lines] if "\t" in safe else lines


def _decoded(data: bytes, headers: Headers) -> str:
    charset = _CHARSET.search(header_of(headers, "Content-Type") or "")
    try:
        codec = codecs.lookup(charset[1]).name if charset else "utf-8"
        return data.decode(codec, "replace")
    except (LookupError, UnicodeError, ValueError):
        return data.decode("utf-8", "replace")


def _dump(data: bytes) -> Iterator[str]:
    """Sixteen bytes a line: offset, hexadecimal, and what is ASCII of them."""
    for start in range(0, len(data), 16):
        part = data[start : start + 16]
        letters = "".join(chr(byte) if 0x20 <= byte < 0x7F else "·" for byte in part)
        yield f"{start:08x}  {part[:8].hex(' '):<23}  {part[8:].hex(' '):<23}  {letters}"


def _rest(text: ExchangeText, body: KeptBody, longest: int, more: str) -> None:
    if len(body.data) > longest:
        text.add(LineStyle.NOTE, f"… the first {size(longest)} of {size(body.size)} are shown; {more}")
    elif body.cut:
        text.add(LineStyle.NOTE, f"… kept in part: the first {size(len(body.data))} of {size(body.size)}")
