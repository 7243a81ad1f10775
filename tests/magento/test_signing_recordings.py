"""Signed requests recorded at a real Magento 2.4.8-p1: the sandbox accepts and refuses the same ones as that store."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from recordings import needed

from tui_connector.client.uri import canonical
from tui_connector.magento.dialects import Dialect, signature
from tui_connector.sandbox.oauth_signature import sign

PLACE = Path(
    os.environ.get("TUI_CONNECTOR_RECORDINGS_248", Path(__file__).parents[3] / "shared" / "magento-recordings-2.4.8")
)
WAYS: dict[str, Dialect] = {"laminas": "laminas", "rfc5849": "rfc5849", "bytewise-once": "m248"}
"""How a recording was signed, by its name; others are of no version of Magento."""
HEADER = {"oauth_consumer_key": "a" * 32, "oauth_nonce": "n", "oauth_token": "b" * 32}


def recorded() -> Iterator[tuple[str, Dialect, str, int]]:
    """What it shows, the dialect it was signed in, the path and query, and the store's status."""
    for file in sorted(PLACE.glob("[0-9]*-oauth-*.json")):
        data = json.loads(file.read_text())
        way = next((way for way in WAYS if data["name"].startswith(f"oauth-{way}-")), None)
        if way is not None:
            yield data["name"], WAYS[way], data["request"]["path"], data["response"]["status"]


def test_a_request_is_accepted_where_the_real_store_accepted_it() -> None:
    needed(PLACE)
    seen = {}
    for name, dialect, target, status in recorded():
        uri = canonical(f"http://127.0.0.1:8181{re.sub(r'[][]', lambda found: quote(found[0]), target)}")
        signed = signature("GET", uri, HEADER, "CANARY", "CANARY2", dialect)
        accepted = signed == sign("m248", "GET", uri, HEADER, "CANARY&CANARY2")
        assert accepted == (status == 200), name
        seen[name] = dialect
    assert set(seen.values()) == set(WAYS.values())
