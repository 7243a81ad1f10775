"""A profile with an environment: two stores."""

from __future__ import annotations

from pathlib import Path

PROFILE = """format = 1
name = "Shop"
[clients.shop]
production = true
[[clients.shop.plugins]]
kind = "base-uri"
uri = "LIVE/rest/V1"
[incoming.items]
client = "shop"
request = { uri = "products" }
items = "items"
identifier = "sku"
sink = { kind = "jsonl", path = "live.jsonl" }
[outgoing.stock]
client = "shop"
source = { kind = "jsonl", path = "stock.jsonl" }
identifier = "sku"
request = { method = "post", uri = "inventory/source-items", parameters = { sourceItems = ["&{@}"] } }
[environments.staging]
production = false
clients.shop.plugins.base-uri.uri = "STAGING/rest/V1"
incoming.items.sink.path = "staging.jsonl"
"""


def write(folder: Path, live: str, staging: str, text: str = PROFILE) -> Path:
    """Writes the profile of two stores with these addresses, and what it sends."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "shop.toml"
    path.write_text(text.replace("LIVE", live).replace("STAGING", staging))
    (folder / "stock.jsonl").write_text('{"sku": "a", "quantity": 1}\n')
    return path


def with_secret(text: str, source: str) -> str:
    """The profile with a bearer token from this source."""
    authentication = f'[authentications.a]\nkind = "bearer"\ntoken = {source}\n'
    return text.replace("[clients.shop]\n", f'{authentication}[clients.shop]\nauthentications = ["a"]\n')


WITH_SECRET = with_secret(PROFILE.partition("[environments")[0], '{ env = "SHOP_TOKEN" }')
