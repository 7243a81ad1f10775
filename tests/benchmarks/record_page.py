"""Records one page of a run, masked, with four secrets known; and what a secret in it costs.

Goal: 0.3 ms for a page with nothing to mask, 4 KB of which are kept. With `--smoke` it only runs, and says nothing
about speed.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from split_page import body, milliseconds

from tui_connector.client.exchange import Exchange
from tui_connector.client.message import Request
from tui_connector.client.wire import AttemptRecord, to_exchange
from tui_connector.secrets.mask import Mask

GOAL_MS = 0.3
KEPT, KEPT_WHOLE = 4_000, 64_000
"""Bytes kept of a run's pages, and of its first twenty."""

_HEADERS = (
    ("Server", "nginx"),
    ("Content-Type", "application/json; charset=utf-8"),
    ("Date", "Tue, 24 Nov 2026 12:00:00 GMT"),
    ("Cache-Control", "no-store, no-cache, must-revalidate"),
    ("X-Frame-Options", "SAMEORIGIN"),
    ("X-Content-Type-Options", "nosniff"),
    ("Set-Cookie", "PHPSESSID=0123456789abcdef0123456789; path=/; HttpOnly"),
)


def _seen() -> AttemptRecord:
    uri = "https://acme.example/rest/V1/products?searchCriteria%5BpageSize%5D=100"
    request = Request("GET", uri, (("Authorization", "Bearer " + "x" * 32),))
    seen = AttemptRecord(
        number=1, client="magento", request=request, sent_headers=request.headers,
        began_at=datetime(2026, 1, 1, tzinfo=UTC), began=0.0, ended=1.0,
    )  # fmt: skip
    seen.status, seen.reason, seen.headers = 200, "OK", _HEADERS
    return seen


def main(smoke: bool) -> int:
    mask = Mask()
    for number in range(4):
        mask.learn(f"{number}abcdefghijklmnopqrstuvwxyz01234"[:32], "a secret")
    page, seen, times = body(), _seen(), 3 if smoke else 500
    known = page[:30_000] + b"0abcdefghijklmnopqrstuvwxyz01234"[:32] + page[30_000:]
    placed = page[:30_000] + b'"access_token":"abc",' + page[30_000:]

    def taken(data: bytes, kept: int) -> float:
        def one() -> Exchange:
            return to_exchange(seen, data, len(data), mask=mask, kept=kept)

        return milliseconds(one, times)

    clean = taken(page, KEPT)
    print(f"a page of {len(page):,} bytes, median of {times}")
    print(f"  nothing to mask, {KEPT // 1_000} KB kept    {clean:6.3f} ms (goal {GOAL_MS})")
    print(f"  nothing to mask, {KEPT_WHOLE // 1_000} KB kept   {taken(page, KEPT_WHOLE):6.3f} ms")
    print(f"  a known secret, {KEPT_WHOLE // 1_000} KB kept    {taken(known, KEPT_WHOLE):6.3f} ms")
    print(f"  a secret name, {KEPT_WHOLE // 1_000} KB kept     {taken(placed, KEPT_WHOLE):6.3f} ms")
    return 0 if smoke or clean <= GOAL_MS else 1


if __name__ == "__main__":
    sys.exit(main("--smoke" in sys.argv))
