"""How a real store has accepted or refused what was sent, and what the program makes of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from recordings import PLACE, needed

from tui_connector.client.message import Response
from tui_connector.client.model import RequestTemplate
from tui_connector.outgoing.batch import with_item_errors
from tui_connector.outgoing.errors import Outcome, SendResult, result_for_response

LATER = PLACE.with_name("magento-recordings-2.4.8")
REFUSED: dict[str, tuple[int, ...]] = {
    "base-prices-20-one-bad-sku": (7,),
    "base-prices-20-one-bad-negative": (7,),
    "base-prices-20-one-bad-store": (7,),
    "base-prices-three-bad-of-4": (0, 1, 2),
    "special-price-20-one-bad-date": (7,),
    "special-price-20-one-bad-order": (),
    "special-price-20-one-bad-negative": (7,),
    "special-price-delete-20-one-bad": (7,),
    "cost-20-two-bad": (7, 9),
    "tier-prices-one-bad-group": (3,),
    "tier-prices-one-bad-type": (3,),
    "tier-prices-one-bad-website": (3,),
    "tier-prices-one-bad-quantity": (3,),
    "tier-prices-one-bad-percent": (3,),
    "tier-prices-same-twice": (0, 1),
    "stock-20-one-bad-sku-unknown": (),
    "stock-20-one-bad-negative": (),
}
"""Rows that a response of success says were refused."""
WHOLE = {
    "stock-20-one-bad-source": Outcome.SPLIT,
    "stock-20-one-bad-quantity-text": Outcome.SPLIT,
    "tier-prices-one-bad-sku": Outcome.SPLIT,
    "base-prices-20-one-bad-unknown-key": Outcome.SPLIT,
    "input-limits-base-prices-21": Outcome.SPLIT,
    "product-put-whole-as-read": Outcome.DONE,
    "product-delete-created": Outcome.DONE,
    "category-product-again": Outcome.DONE,
    "coupons-delete-by-codes": Outcome.DONE,
    "generated-coupons": Outcome.DONE,
    "order-ship": Outcome.DONE,
    "order-invoice-again": Outcome.SPLIT,
    "bulk-stock": Outcome.ACCEPTED,
    "async-product-delete": Outcome.ACCEPTED,
}


def recorded(name: str) -> tuple[list[Any], SendResult]:
    """The entities that were sent, and the result of their request."""
    needed(LATER)
    [found] = LATER.glob(f"[0-9][0-9][0-9]-{name}.json")
    exchange = json.loads(found.read_text())
    sent, answer = exchange["request"], exchange["response"]
    headers = tuple((str(key), str(value)) for key, value in dict(answer["headers"]).items())
    response = Response(answer["status"], headers, (answer["body"] or "").encode(), 1)
    template = RequestTemplate(uri="rows", method=sent["method"].lower())
    result = result_for_response(response, template, reads=False, retry_after=None, of_magento=True)
    data = json.loads(sent["body"]) if sent.get("body") else None
    rows = next(iter(data.values())) if isinstance(data, dict) and data else None
    return (rows if isinstance(rows, list) else [data]), result


@pytest.mark.parametrize("name", REFUSED)
def test_refused_rows_of_a_response_of_success_are_found(name: str) -> None:
    rows, result = recorded(name)
    assert result.outcome is Outcome.DONE
    result = with_item_errors(result, rows, [row["sku"] for row in rows])
    assert (tuple(sorted(result.items)), result.unassigned) == (REFUSED[name], ())
    for index, item in result.items.items():
        assert rows[index]["sku"] in item.message or any(
            str(value) in item.message for value in (rows[index]["price"], "CMP")
        ), item


def test_a_refused_row_that_the_response_does_not_name_is_not_assigned_to_another() -> None:
    rows, result = recorded("base-prices-20-one-bad-null")
    result = with_item_errors(result, rows, [row["sku"] for row in rows])
    assert (result.items, result.unassigned) == ({}, ("Invalid attribute Price = null.",))


@pytest.mark.parametrize("name", WHOLE)
def test_the_outcome_of_a_request_is_understood(name: str) -> None:
    assert recorded(name)[1].outcome is WHOLE[name]
