"""The main screens as text, at two sizes: `pytest tests/tui/test_snapshots.py --update-snapshots` writes them anew."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from every_screen import SMALL, WIDE, shots

LEFT_OUT = ("run", "sending", "authentication-fields", "criteria")
"""The charts of a run, and the times behind the criteria, are measured; the sandbox's values are masked once the
process has sent them.
"""
_SCROLL_BAR = re.compile(r"[▁-▇](?= *(│|$))")
FOLDER = Path(__file__).parent / "snapshots"


@pytest.mark.parametrize("size", [SMALL, WIDE], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_screens_look_as_they_did(size: tuple[int, int], run_folder: Path, pytestconfig: pytest.Config) -> None:
    columns, rows = size
    now = {
        f"{shot.name}-{columns}x{rows}.txt": _lines(shot.text)
        for shot in await shots(size, run_folder)
        if shot.name not in LEFT_OUT
    }
    known = {path.name for path in FOLDER.glob(f"*-{columns}x{rows}.txt")}
    if pytestconfig.getoption("update_snapshots"):
        FOLDER.mkdir(exist_ok=True)
        for name in known - now.keys():
            (FOLDER / name).unlink()
        for name, text in now.items():
            (FOLDER / name).write_text(text, encoding="utf-8")
        return
    assert known == now.keys()
    for name, text in now.items():
        assert text == (FOLDER / name).read_text(encoding="utf-8"), f"{name} differs; is that meant?"


def _lines(text: str) -> str:
    """The lines without the ends of scroll bars, which are drawn a moment later."""
    return "".join(f"{_SCROLL_BAR.sub(' ', line).rstrip()}\n" for line in text.splitlines())
