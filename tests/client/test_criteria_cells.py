"""What is typed into the cells of a form is understood as it is on one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_connector.client.criteria_cells import begun, cell_of, read_any_row, read_cells, written_rows
from tui_connector.client.criteria_rows import CONDITION_TYPES, WITHOUT_VALUE, Condition


@pytest.mark.parametrize(
    ("cells", "rows"),
    [
        (("status", "eq", "new"), ["status eq new"]),
        (("status", "eq", "complete or status = processing"), ["status eq complete or status eq processing"]),
        (("status", "neq", "a and qty gteq 5"), ["status neq a", "qty gteq 5"]),
        (("status = complete", "eq", ""), ["status eq complete"]),
        (("status=complete or status=processing", "eq", ""), ["status eq complete or status eq processing"]),
        (("entity_id > 900", "eq", ""), ["entity_id gt 900"]),
        (("where sku is not null and name like 'a or b'", "eq", ""), ["sku notnull", "name like 'a or b'"]),
        (("status eq", "eq", "new"), ["status eq new"]),
        (("qty", "eq", ">= 5"), ["qty gteq 5"]),
        (("name", "eq", "'salt or name = x'"), ["name eq 'salt or name = x'"]),
        (("name", "eq", "salt and pepper"), ["name eq 'salt and pepper'"]),
        (("sku", "in", "ä, b or sku in c"), ["sku in ä,b or sku in c"]),
        (("name", "notnull", "left"), ["name notnull"]),
        (("or", "eq", "x"), ["or eq x"]),
        (("name", "eq", ""), ["name eq ''"]),
    ],
)
def test_cells_stand_for_conditions(cells: tuple[str, str, str], rows: list[str]) -> None:
    read = read_cells(*cells)
    assert written_rows(read.rows) == rows
    assert (read.joiner, read.doubt) == ("", "")


@pytest.mark.parametrize(
    ("value", "doubt"),
    [
        ("complete or processing", "“complete or processing” is one value of a; for either"),
        ("complete and", "the value of a ends with and, which joins nothing: complete and"),
        ("'n Sync", "with its quote"),
        ("'a'b", "with its quote: 'a'b"),
    ],
)
def test_what_may_be_meant_otherwise_is_said(value: str, doubt: str) -> None:
    read = read_cells("a", "eq", value)
    assert [each.value for row in read.rows for each in row] == [value]
    assert doubt in read.doubt


@pytest.mark.parametrize("field", ["a b", "status", "status = new or", "status = 'new", "or x y"])
def test_a_cell_of_a_field_that_is_no_expression_says_what_is_wrong(field: str) -> None:
    if field == "status":
        assert read_cells(field, "eq", "").rows
    else:
        with pytest.raises(ValueError, match=r"condition|quote"):
            read_cells(field, "eq", "")


def test_a_condition_may_be_typed_before_its_value() -> None:
    assert begun("status =") == ("status", "eq")
    assert begun("where qty >=") == ("qty", "gteq")
    assert begun("name like") == ("name", "like")
    assert [begun(text) for text in ("status", "status = 5", "", "a b", "sku is not null")] == [None] * 5


def test_or_before_the_field_joins_its_row() -> None:
    assert read_cells("or status = new", "eq", "").joiner == "or"


@given(st.sampled_from(CONDITION_TYPES), st.text(max_size=300) | st.sampled_from(["a or b = 1", "> 5", "'", "in (1)"]))
def test_a_condition_is_read_from_its_cells_as_it_is(kind: str, value: str) -> None:
    condition = Condition("sku", kind, "1" if kind in WITHOUT_VALUE else value)
    assert read_cells("sku", kind, cell_of(condition)).rows == [(condition,)]


def test_a_row_may_be_as_a_profile_has_it_or_as_the_log_shows_it() -> None:
    assert written_rows(read_any_row("a eq 1 or b gt 2")) == ["a eq 1 or b gt 2"]
    assert written_rows(read_any_row("a = 1 or b > 2 and c is null")) == ["a eq 1 or b gt 2", "c null"]
    with pytest.raises(ValueError, match="did you mean 'gteq'"):
        read_any_row("statu moreq 1")
