"""Splits a page of 100 products of 2 KB into items, beside what decoding and encoding it would take.

Goal: 0.5 ms a page. With `--smoke` it only runs, and says nothing about speed.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

from tui_connector.client.message import Response
from tui_connector.client.pages import read_page
from tui_connector.incoming.model import ItemTransform

GOAL_MS = 0.5


def body() -> bytes:
    """As Magento writes it: compact, with PHP's escapes."""
    attributes = [{"attribute_code": f"attribute_{number}", "value": "v" * 50} for number in range(18)]
    items = [
        {"id": number, "sku": f"24/MB{number:02}", "name": "Bâg " * 10, "custom_attributes": attributes}
        for number in range(100)
    ]
    text = json.dumps(
        {"items": items, "search_criteria": {"filter_groups": []}, "total_count": 100}, separators=(",", ":")
    )
    return text.replace("/", "\\/").encode()


def milliseconds(work: Callable[[], object], times: int) -> float:
    """The median of so many times."""
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begin)
    return sorted(taken)[times // 2] * 1_000


def main(smoke: bool) -> int:
    page = body()
    response, times = Response(200, (), page, 1), 3 if smoke else 300
    items = read_page(response, "items").items
    transform, condition = ItemTransform("{id: id, sku: sku, name: name}", None), ItemTransform(None, "id > `50`")
    split = milliseconds(lambda: read_page(response, "items"), times)
    print(f"page of {len(page):,} bytes, {len(items)} items, median of {times}")
    print(f"  split                      {split:7.2f} ms")
    print(f"  json.loads and json.dumps  {milliseconds(lambda: json.dumps(json.loads(page)), times):7.2f} ms")
    print(f"  transform of 3 fields      {milliseconds(lambda: transform(items), max(3, times // 10)):7.2f} ms")
    print(f"  filter on one field        {milliseconds(lambda: condition(items), max(3, times // 10)):7.2f} ms")
    return 0 if smoke or split <= GOAL_MS else 1


if __name__ == "__main__":
    sys.exit(main("--smoke" in sys.argv))
