"""What was probably meant by a filter that cannot be read, or that finds nothing."""

from __future__ import annotations

import pytest
from exchanges import exchange

from tui_connector.client.exchange import Exchanges
from tui_connector.log.filter import parse
from tui_connector.log.filter_corrections import applied, corrected, unknown_field
from tui_connector.log.searched_fields import SearchedFields


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("stauts >= 400", "status >= 400"),
        ("!(post | Statsu=404)", "!(post | status=404)"),
        ("stauts:4xx", "status:4xx"),
        ("mehtod:put", "method:put"),
        ("tme > 1s", "time > 1s"),
        ("szie>100KB", "size>100KB"),
        ("qty > 5 durration < 2", "qty > 5 duration < 2"),
        ("status >= 400", ""),
        ("state = pending", ""),  # not a value that a status has
        ("entity_id > 500", ""),
        ("price > 1", ""),
        ("stauts", ""),
        ("https://acme.example/", ""),
        ("", ""),
        ("(", ""),
        ("entity_id > 90 status 200", "entity_id > 90 status = 200"),
        ("entity_id > 90 sttus 200", "entity_id > 90 status = 200"),
        ("entity_id > 90 & status & 200 products", "entity_id > 90 & status = 200 products"),
        ("!status 4xx", "!status = 4xx"),
        ("time 1s | x", "time > 1s | x"),
        ("size 100KB", "size > 100KB"),
        ("method put", "method = put"),
        ("method products", ""),
        ("who run", "who = run"),
        ("entity_id 90", "entity_id = 90"),
        ("created_at 2026-11-30", "created_at = 2026-11-30"),
        ("entity_id products", ""),
        ("post >=400", "post status >=400"),
        ("post>1s products", "post time >1s products"),
        ("404 > 100KB", "404 size > 100KB"),
        (">=400", "status >=400"),
        ("products >= 400", ""),
        ("entity_id > 90 200", ""),
        ("post 404", ""),
        ("post 404 products", ""),
        ("post and failed", "post and ~e"),
        ('post "failed"', ""),
        ("path orders", ""),
        ("body is empty", ""),
        ("where lastname is Doe", "lastname = Doe"),
        ("where status is not new or post", "status != new or post"),
        ("where entity_id > 5 and qty < 3", "entity_id > 5 and qty < 3"),
        ("customer_email is a@example.com", "customer_email = a@example.com"),
        ("status equals complete", "status = complete"),
        ("where is the order", ""),
        ("status | 200", ""),
        ("(status) 200", ""),
        ('"status" 200', ""),
        ("~b status 200", ""),
    ],
)
def test_what_was_probably_meant_by_a_filter(typed: str, meant: str) -> None:
    found = corrected(typed)
    assert (found.text if found is not None else "") == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("entitty_id > 500", "entity_id > 500"),
        ("post & skuu is not null", "post & sku is not null"),
        ("fieds = sku", "fields = sku"),
        ("pagee = 3", "page = 3"),
        ("storID = 3", "storeId = 3"),
        ("staus = 401", "status = 401"),
        ("sku = a", ""),
        ("PAGE = 9", ""),
        ("stats > 400", ""),  # which a request has
        ("colour = red", ""),
    ],
)
def test_a_field_that_no_request_has_was_meant_for_one_of_theirs(typed: str, meant: str) -> None:
    place = "https://acme.example/rest/V1/products?"
    group = "searchCriteria%5Bfilter_groups%5D%5B0%5D%5Bfilters%5D%5B{}%5D"
    criteria = (f"{group.format(number)}%5Bfield%5D={name}&" for number, name in enumerate(("entity_id", "sku")))
    log = Exchanges()
    log.record(exchange(1, uri=f"{place}{''.join(criteria)}searchCriteria[currentPage]=3&fields=items[sku]"))
    fields = SearchedFields(log)
    assert "storeId" not in fields.names()
    log.record(exchange(2, uri=f"{place}storeId=3&stats=5"))
    found = corrected(typed, fields=fields.names())
    assert (found.text if found is not None else "") == meant
    assert bool(unknown_field(parse(typed), fields.names())) is (typed.startswith("colour") or bool(meant))


def test_only_what_is_certainly_meant_is_applied() -> None:
    assert applied("post status 401 time 1s") == "post status = 401 time > 1s"
    assert applied("where sku is A or where qty > 5 and 200") == "sku = A or qty > 5 and 200"
    for other in (
        "stauts 401",
        "cart is empty",
        "stauts:4xx",
        "entity_id 90",
        "post failed",
        '"status" 401',
        "status is 401",
        "~",
    ):
        assert applied(other) == other


def test_what_was_meant_is_a_filter_that_is_understood() -> None:
    found = corrected("entity_id > 90 status 200")
    assert found is not None
    assert found.meant == "status = 200"
    assert corrected(found.text) is None
    printed = corrected(str(parse("products stauts >= 400")))
    assert printed is not None
    assert printed.meant == "status ≥ 400"
