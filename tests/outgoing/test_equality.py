"""Sent and stored values that mean the same, and those that only look alike."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tui_connector.outgoing.equality import ABSENT, Absent, EqualityRule, equal
from tui_connector.templates import Json

STOCK, PRICE = EqualityRule(places=4), EqualityRule(places=6)
TEXT = EqualityRule(blank=True)
CODE = EqualityRule(ignore_case=True)

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
)
prices = st.decimals(min_value=-100_000, max_value=1_000_000, places=6)


@pytest.mark.parametrize(
    ("sent", "stored", "rule"),
    [
        (100, 100, STOCK),
        ("7.00005", 7.0001, STOCK),
        ("34.1234567", 34.123457, PRICE),
        ("34.10", 34.1, PRICE),
        ("1.5", 1.5, EqualityRule()),
        ("5", 5, EqualityRule()),
        (5, "5.0000", EqualityRule()),
        (2, "2", EqualityRule()),
        (9.5, "9.500000", EqualityRule()),
        ("9.5", "9.500000", EqualityRule()),
        (17, "17.000000", EqualityRule()),
        (1 / 3, "0.333333", EqualityRule()),
        ("5", "5.0", EqualityRule(number=True)),
        ("1", True, EqualityRule()),
        ("0", False, EqualityRule()),
        (True, "1", EqualityRule()),
        (False, 0, EqualityRule()),
        ("2026-01-01", "2026-01-01 00:00:00", EqualityRule()),
        ("2026-02-03T04:05:06+02:00", "2026-02-03 04:05:06", EqualityRule()),
        ("2026-02-03T04:05:06Z", "2026-02-03 04:05:06", EqualityRule()),
        (None, ABSENT, EqualityRule()),
        (None, None, EqualityRule()),
        ("", ABSENT, TEXT),
        (None, "", TEXT),
        ("ALL GROUPS", "all groups", CODE),
        ("petrol ", "Petrol", CODE),
        ("Joust Duffle Bag", "joust-duffle-bag", EqualityRule(slug=True)),
        ([3, 4], ["4", "3"], EqualityRule()),
        ([{"category_id": 3}], [{"position": 0, "category_id": "3"}], EqualityRule()),
        ({"sourceCode": "west"}, {"source_code": "west"}, EqualityRule()),
        ([3], ["3", "4"], EqualityRule(adds=True)),
        (["4", "5"], "4,5", TEXT),
        ([5, 4], "4,5", EqualityRule()),
        (["4"], "4", EqualityRule()),
        ([], "", TEXT),
        ([], ABSENT, TEXT),
    ],
)
def test_what_a_real_store_made_of_a_value_is_equal(sent: Json, stored: Json | Absent, rule: EqualityRule) -> None:
    assert equal(sent, stored, rule)


@pytest.mark.parametrize(
    ("sent", "stored", "rule"),
    [
        ("0012", "12", EqualityRule()),
        ("0012", 12, EqualityRule()),
        (12, "0012", EqualityRule()),
        ("1.0", "1.00", EqualityRule()),
        ("", ABSENT, PRICE),
        ("", "0.000000", PRICE),
        ("", 0, PRICE),
        (0, ABSENT, PRICE),
        (None, "0.000000", PRICE),
        (None, 0, EqualityRule()),
        (None, False, EqualityRule()),
        (False, ABSENT, EqualityRule()),
        (2, True, EqualityRule()),
        ("2", True, EqualityRule()),
        (7.0001, 7.0002, STOCK),
        ("Blue", "blue", EqualityRule()),
        ("2026-01-01", "2026-01-01 00:00:01", EqualityRule()),
        ("2026-13-01", "2026-13-01 00:00:00", EqualityRule()),
        (["4"], "4,5", EqualityRule()),
        (["4", "5", "6"], "4,5", EqualityRule()),
        ([], "4", EqualityRule()),
        (["a,b"], "a,b", EqualityRule()),
        ([["4"]], "4", EqualityRule()),
        ([3], ["3", "4"], EqualityRule()),
        ([3, 3], ["3", "4"], EqualityRule()),
        ([3, 4], ["4", "3"], EqualityRule(ordered=True)),
        ({"a": 1}, {"b": 1}, EqualityRule()),
        ({"a": 1}, [1], EqualityRule()),
        ([1], {"a": 1}, EqualityRule()),
        ("[]", [], EqualityRule()),
    ],
)
def test_what_only_looks_alike_is_different(sent: Json, stored: Json | Absent, rule: EqualityRule) -> None:
    assert not equal(sent, stored, rule)


@given(values)
def test_a_value_equals_itself(value: Json) -> None:
    for rule in (EqualityRule(), EqualityRule(ordered=True), TEXT, CODE, EqualityRule(adds=True)):
        assert equal(value, value, rule)


@given(prices, st.sampled_from([0, 2, 4, 6]))
def test_a_number_equals_what_a_decimal_column_makes_of_it(price: Decimal, places: int) -> None:
    stored = price.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    for sent in (float(price), str(price)):
        assert equal(sent, float(stored), EqualityRule(places=places))
        assert equal(sent, str(stored), EqualityRule(places=places))


@given(prices, prices, st.sampled_from([2, 4, 6]))
def test_numbers_that_a_column_stores_differently_are_different(one: Decimal, two: Decimal, places: int) -> None:
    unit = Decimal(1).scaleb(-places)
    first, second = (each.quantize(unit, ROUND_HALF_UP) for each in (one, two))
    assert equal(str(one), str(second), EqualityRule(places=places)) == (first == second)


@given(st.dictionaries(st.text(min_size=1, max_size=4), values, max_size=4), st.dictionaries(st.text(), values))
def test_members_that_were_not_sent_are_ignored(sent: dict[str, Json], others: dict[str, Json]) -> None:
    assert equal(sent, {**others, **sent})


@given(st.lists(values, max_size=5), st.randoms())
def test_the_order_of_lists_does_not_matter(items: list[Json], chance: Random) -> None:
    mixed = list(items)
    chance.shuffle(mixed)
    assert equal(items, mixed)
    assert equal(items[1:], mixed, EqualityRule(adds=True))
    assert not items or not equal(items[1:], mixed)


@given(scalars, scalars)
@example(None, " ")
def test_two_scalars_are_equal_in_both_directions(one: Json, two: Json) -> None:
    for rule in (EqualityRule(), CODE, TEXT):
        assert equal(one, two, rule) == equal(two, one, rule)
