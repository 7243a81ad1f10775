"""Makes text from outside safe to show: nothing in it can move the cursor, talk to the terminal or reorder a line."""

from __future__ import annotations

import re
from typing import NewType

Shown = NewType("Shown", str)
"""Text that passed through `shown` or `shown_line`."""

# C0 but newline and tab, DEL, C1, soft hyphen, invisible and bidirectional controls (UAX #9), line and paragraph
# separators, variation selectors, fillers, interlinear annotations, surrogates, tags.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)


def shown(text: str) -> Shown:
    """`text` with newlines and tabs kept and every other control, invisible or bidirectional character written out.

    A stray carriage return could overwrite the line it stands in, so only the pair `\\r\\n` counts as a newline.
    """
    return Shown(_UNSAFE.sub(_written_out, text.replace("\r\n", "\n")))


def shown_line(text: str, width: int | None = None) -> Shown:
    """`text` on one line, cut to `width` characters (with an ellipsis) where that is given."""
    if width is not None:
        text = text[: width + 1]
    line = shown(text).replace("\n", "\\n").replace("\t", " ")
    if width is not None and len(line) > width:
        line = line[: max(0, width - 1)] + "…"
    return Shown(line)


def _written_out(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
