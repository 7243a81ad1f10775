"""CONTRIBUTING shows the packages as the import contract has them, and folders that exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
CONTRIBUTING = (ROOT / ".github" / "CONTRIBUTING.md").read_text()


def test_its_picture_has_every_floor_in_the_order_of_the_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [layers] = [each["layers"] for each in contracts if each.get("exhaustive")]
    floors = [set(re.split(r"[ |]+", layer)) for layer in layers if layer != "__main__"]
    picture = CONTRIBUTING.partition("```\n")[2].partition("```")[0]
    rows = re.split(r"\n [├└].*", picture)
    drawn = [{name for name in re.findall(r"\w+", row) if any(name in floor for floor in floors)} for row in rows]
    assert [floor for floor, names in zip(floors, drawn, strict=False) if not floor <= names] == []


def test_the_folders_and_families_for_kinds_exist() -> None:
    rows = re.findall(r"\| \w+ \| `([\w/]+)/` \| `(\w+)` \|", CONTRIBUTING)
    assert len(rows) == 6
    for folder, family in rows:
        package = ROOT / "tui_connector" / folder
        assert any(f"({family})" in file.read_text() for file in package.glob("*.py")), folder


def test_the_files_in_it_exist() -> None:
    named = set(re.findall(r"`([\w/]+\.(?:py|tcss))`", CONTRIBUTING))
    package = ROOT / "tui_connector"
    folders = (ROOT, package, package / "magento", package / "magento" / "entities")
    assert len(named) > 30
    assert {name for name in named if not any((folder / name).exists() for folder in folders)} == set()
