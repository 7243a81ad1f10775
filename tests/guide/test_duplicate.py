"""A copy of a profile: what it shares with the original, and what it must not."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tui_connector.guide.profiles.duplicate import duplicate
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
    return duplicate(folder / "acme.toml", "copy", Library(folder), data).path.read_text()


@pytest.mark.parametrize("data", ["", "/var/data/"])
def test_a_copy_writes_into_a_folder_of_its_own(tmp_path: Path, data: str) -> None:
    where = Path(data) if data else None
    text = copied(tmp_path, sink=f"{data}acme/products.jsonl", source=f"{data}acme/outgoing/stock.csv", data=where)
    found = tomllib.loads(text)
    assert found["incoming"]["products"]["sink"]["path"] == f"{data}copy/products.jsonl"
    assert found["outgoing"]["stock"]["source"]["path"] == f"{data}copy/outgoing/stock.csv"
    assert text.count("#") == 2
    assert found["name"] == "Acme (copy)"


def test_a_copy_of_a_renamed_profile_has_files_of_its_own(tmp_path: Path) -> None:
    data = Path("/var/data")
    text = copied(tmp_path, sink="/var/data/earlier/p.jsonl", source="/var/data/earlier/outgoing/s.csv", data=data)
    found = tomllib.loads(text)
    assert found["incoming"]["products"]["sink"]["path"] == "/var/data/copy/p.jsonl"
    assert found["outgoing"]["stock"]["source"]["path"] == "/var/data/copy/outgoing/s.csv"


@pytest.mark.parametrize(
    ("path", "moved"),
    [
        ("/srv/acme/p.jsonl", "/srv/copy/p.jsonl"),
        ("../acme/p.jsonl", "../copy/p.jsonl"),
        ("out/acme-products.csv", "out/copy-products.csv"),
        ("acme.db", "copy.db"),
    ],
)
def test_a_path_with_the_name_of_the_profile_gets_the_new_one(tmp_path: Path, path: str, moved: str) -> None:
    found = tomllib.loads(copied(tmp_path, sink=path, source="/srv/acme/stock.csv"))
    assert found["incoming"]["products"]["sink"]["path"] == moved
    assert found["outgoing"]["stock"]["source"]["path"] == "/srv/acme/stock.csv"  # somebody provides it


@pytest.mark.parametrize("path", ["/srv/products.jsonl", "acme-2/products.jsonl", "acmeproducts.csv"])
def test_a_path_that_somebody_chose_stays_and_is_reported(tmp_path: Path, path: str) -> None:
    (tmp_path / "acme.toml").write_text(PROFILE.format(sink=path, source="stock.csv"))
    made = duplicate(tmp_path / "acme.toml", "copy", Library(tmp_path), Path("/var/data"))
    expected = PROFILE.format(sink=path, source="stock.csv").replace('"Acme"', '"Acme (copy)"')
    assert made.path.read_text() == expected
    assert made.shared == (f"products ({path})",)


def test_the_variables_that_both_read_are_reported(tmp_path: Path) -> None:
    secret = '[authentications.a]\nkind = "bearer"\ntoken = { env = "ACME_TOKEN" }\n'
    (tmp_path / "acme.toml").write_text(f"format = 1\n{secret}")
    made = duplicate(tmp_path / "acme.toml", "copy", Library(tmp_path))
    assert made.variables == ("ACME_TOKEN",)
    assert made.path.read_text().endswith(secret)


def test_a_variable_that_the_guide_has_named_gets_the_name_of_the_copy(tmp_path: Path) -> None:
    token = 'token = { env = "TUI_CONNECTOR_ACME_A_ACCESS_TOKEN" }  # of the shop\n'
    secret = f'[authentications.a]\nkind = "bearer"\n{token}'
    (tmp_path / "acme.toml").write_text(f"format = 1\n{secret}[environments.test.authentications.a]\n{token}")
    made = duplicate(tmp_path / "acme.toml", "copy", Library(tmp_path))
    own = "TUI_CONNECTOR_COPY_A_ACCESS_TOKEN"
    assert (made.variables, made.own_variables) == ((), {"TUI_CONNECTOR_ACME_A_ACCESS_TOKEN": own})
    assert made.path.read_text().count(own) == 2
    assert made.path.read_text().count("# of the shop") == 2


def test_a_file_with_errors_is_copied_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "acme.toml").write_text("format = 1\n[incoming\n")
    assert duplicate(tmp_path / "acme.toml", "copy", Library(tmp_path)).path.read_text() == "format = 1\n[incoming\n"
