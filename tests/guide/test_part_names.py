"""Parts of a profile get another name: the rest of the profile refers to them by it, and comments stay."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tui_connector.errors import UserError
from tui_connector.guide.part_names import renaming
from tui_connector.guide.summaries import Family

PROFILE = """\
format = 1
name = "Acme"

# the integration
[authentications.integration]
kind = "bearer"
token = { env = "A_TOKEN" }

[clients.magento] # ours
authentications = ["integration"]
[[clients.magento.plugins]]
kind = "base-uri"
uri = "http://127.0.0.1:9/rest/V1"

# all products
[incoming."products"]
client = "magento"
items = "items" # of the page
request.uri = "products"

[incoming.media]
client = "magento"
parent = { incoming = "products" }
request = { uri = "products/&{sku}/media" }

[outgoing.copy]
client = "magento"
source = { kind = "incoming", name = "products" }
request = { method = "put", uri = "products/&{sku}", parameters = "&{@}" }

[environments.staging]
clients.magento.timeout = "5s"
authentications = { integration = { token = { env = "B_TOKEN" } } }

[environments.staging.incoming.products]
items = "items[:5]"
"""


@pytest.mark.parametrize(
    ("family", "name", "count"),
    [("incoming", "products", 4), ("clients", "magento", 6), ("authentications", "integration", 3)],
)
def test_rename_changes_the_table_the_references_and_the_environments(
    tmp_path: Path, family: Family, name: str, count: int
) -> None:
    path = tmp_path / "acme.toml"
    path.write_text(PROFILE)
    edit = renaming(path, family, name, "other")
    assert edit.problems == []
    text = edit.setup.document.text()
    assert text.count("other") == count
    assert text.count("#") == PROFILE.count("#")
    data = tomllib.loads(text)
    assert "other" in data[family]
    assert "other" in data["environments"]["staging"][family]
    assert [name in data[family], name in data["environments"]["staging"][family]] == [False, False]


def test_taken_and_invalid_names_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_text(PROFILE)
    with pytest.raises(UserError, match="incoming already has media"):
        renaming(path, "incoming", "products", "media")
    with pytest.raises(UserError, match="not a valid name"):
        renaming(path, "incoming", "products", "a b")
