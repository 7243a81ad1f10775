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
    magento, guide = package / "magento", package / "guide"
    folders = (ROOT, package, magento, magento / "entities", guide / "checks", guide / "steps")
    assert len(named) > 30
    assert {name for name in named if not any((folder / name).exists() for folder in folders)} == set()


def modules() -> dict[str, str]:
    """The text of each module of the package, by its path below it."""
    package = ROOT / "tui_connector"
    return {file.relative_to(package).as_posix(): file.read_text() for file in sorted(package.rglob("*.py"))}


def test_the_clock_and_the_environment_are_read_where_it_says() -> None:
    reads = re.compile(
        r"\btime\.(monotonic|time|perf_counter)\b|^from time import|\bos\.(environ|getenv)\b|\bdatetime\.now\b", re.M
    )
    printed = "guide/schedules/slice_engines.py"  # a program for Airflow, as text
    others = {name for name, text in modules().items() if reads.search(text)} - {"machine.py", "__main__.py", printed}
    assert {name.partition("/")[0] for name in others} <= {"cli", "tui", "sandbox"}, others


def test_what_is_explained_elsewhere_is_listed() -> None:
    explaining = {name for name, text in modules().items() if re.search(r"\bFinding\(\n? *[f\"]", text)}
    assert len(explaining) > 4
    assert {name for name in explaining if name.rpartition("/")[2] not in CONTRIBUTING} == set()


def test_the_lists_that_draw_their_rows_themselves_are_listed() -> None:
    drawn = {name for text in modules().values() for name in re.findall(r"class (\w*List|\w*Rows)\(.*ScrollView", text)}
    assert len(drawn) > 3
    assert {name for name in drawn if f"`{name}`" not in CONTRIBUTING} == set()


def test_a_kind_is_in_a_file_of_its_name() -> None:
    """Those that share one are loaded together, which its text says of `client/plugins/headers.py`."""
    shared = {"client/plugins/headers.py"}
    wrong = {
        f"{name}: {kind}"
        for name, text in modules().items()
        for kind in re.findall(r'(?m)^    kind: Literal\["([a-z0-9-]+)"\] = ', text)
        if not name.startswith("runs/") and name not in shared and Path(name).stem != kind.replace("-", "_")
    }
    assert wrong == set()
