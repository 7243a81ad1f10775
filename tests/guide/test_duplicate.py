"""A copy of a profile: what it shares with the original, and what it must not."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tui_connector.guide.duplicate import duplicate
from tui_connector.profile.library import Library

PROFILE = """# the shop of our customer
format = 1
name = "Acme"
[incoming.products]
client = "magento"
# where the items go
sink = {{ kind = "jsonl", path = "{sink}" }}
[outgoing.stock]
client = "magento"
source = {{ kind = "csv", path = "{source}" }}
"""


def copied(folder: Path, *, sink: str, source: str, data: Path | None = None) -> str:
    (folder / "acme.toml").write_text(PROFILE.format(sink=sink, source=source))
    return duplicate(folder / "acme.toml", "copy", Library(folder), data).read_text()


@pytest.mark.parametrize("data", ["", "/var/data/"])
def test_a_copy_writes_into_a_folder_of_its_own(tmp_path: Path, data: str) -> None:
    where = Path(data) if data else None
    text = copied(tmp_path, sink=f"{data}acme/products.jsonl", source=f"{data}acme/outgoing/stock.csv", data=where)
    found = tomllib.loads(text)
    assert found["incoming"]["products"]["sink"]["path"] == f"{data}copy/products.jsonl"
    assert found["outgoing"]["stock"]["source"]["path"] == f"{data}copy/outgoing/stock.csv"
    assert text.count("#") == 2


@pytest.mark.parametrize("path", ["/srv/products.jsonl", "acme-2/products.jsonl", "../acme/p.jsonl", "/acme/p.jsonl"])
def test_a_path_that_somebody_chose_stays(tmp_path: Path, path: str) -> None:
    text = copied(tmp_path, sink=path, source="stock.csv", data=Path("/var/data"))
    assert text == PROFILE.format(sink=path, source="stock.csv")


def test_a_file_with_errors_is_copied_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "acme.toml").write_text("format = 1\n[incoming\n")
    assert duplicate(tmp_path / "acme.toml", "copy", Library(tmp_path)).read_text() == "format = 1\n[incoming\n"
