"""Long lines wrap and lose nothing; no row is wider than its screen, or hides what distinguishes it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from exchanges import exchange, lost
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style

from tui_connector.client.exchange import Exchange
from tui_connector.client.message import Failure
from tui_connector.guide.last_runs import LastRun
from tui_connector.guide.profiles.overview import ProfileOverview
from tui_connector.guide.steps.summaries import fitted
from tui_connector.log.filter import parse
from tui_connector.profile.library import ProfileSummary
from tui_connector.text import shown_apart, shown_line, shown_path
from tui_connector.tui.home.preview import profile_preview
from tui_connector.tui.home.rows import columns as home_columns
from tui_connector.tui.home.rows import run_cell, uncut_width
from tui_connector.tui.log.detail import WrappedLines
from tui_connector.tui.log.rows import columns_for, row, row_message, similar, status_paint
from tui_connector.tui.widgets.item_table import table

lines = st.lists(st.text(st.sampled_from("ab \u4e2d\u0301é😀\x1b"), max_size=60).map(shown_line), max_size=8)


@given(lines, st.integers(8, 40))
def test_wrapped_rows_contain_every_character_once_and_fit(given_lines: list[str], width: int) -> None:
    rows = WrappedLines(given_lines, width)
    back = [""] * len(given_lines)
    for index in range(len(rows)):
        row = rows[index]
        part = given_lines[row.line][row.start : row.end]
        back[row.line] += part
        assert row.indent + cell_len(part.rstrip()) <= width
    assert back == given_lines


@given(lines, st.integers(8, 40), st.data())
def test_row_of_a_position_in_a_line(given_lines: list[str], width: int, data: st.DataObject) -> None:
    rows = WrappedLines(given_lines, width)
    for line, text in enumerate(given_lines):
        column = data.draw(st.integers(0, max(0, len(text) - 1)))
        row = rows[rows.row_at(line, column)]
        assert row.line == line
        assert row.start <= column <= row.end


def test_words_stay_whole_and_hang_under_their_indent() -> None:
    rows = WrappedLines(["  one two three four"], 14)
    assert [(rows[i].start, rows[i].indent) for i in range(len(rows))] == [(0, 0), (10, 4)]


def test_a_million_characters_on_one_line() -> None:
    rows = WrappedLines(["x" * 1_000_000], 80)
    assert rows[0].end == 80
    assert rows[len(rows) - 1].end == 1_000_000


def test_the_row_of_a_page_shows_where_the_page_begins_in_half_of_120_columns() -> None:
    criteria = "searchCriteria[filter_groups][0][filters][0]"
    query = f"{criteria}[field]=entity_id&{criteria}[condition_type]=gt&{criteria}[value]=12345"
    page = exchange(1, uri=f"https://acme.example/rest/V1/products?{query}&searchCriteria[pageSize]=100")

    def text(width: int) -> str:
        segments = row(page, columns_for(width, dates=False), lambda _: Style(), marked=False)
        return "".join(segment.text for segment in segments)

    assert "products  entity_id>12345" in text(58)
    assert "products · entity_id > 12345 · 100 per page" in text(118)
    assert all(cell_len(text(width)) <= width for width in (58, 80, 118))


def test_the_rows_of_pages_without_a_response_differ_where_there_is_room() -> None:
    pages = [slice_of(("entity_id", "gt", start)) for start in ("2300", "2400")]

    def text(uri: str) -> str:
        failed = replace(lost(), uri=uri, failure_text="127.0.0.1:8431 refused the connection")
        segments = row(failed, columns_for(100, dates=False), lambda _: Style(), marked=False)
        return "".join(segment.text for segment in segments)

    assert ">2300" in text(pages[0])
    assert ">2400" in text(pages[1])


def test_the_row_of_a_request_that_a_run_no_longer_needed_is_no_failure() -> None:
    cancelled = replace(lost(failure=Failure.CANCELLED), failure_text="cancelled before the response arrived")
    segments = row(cancelled, columns_for(80, dates=False), lambda _: Style(), marked=False)
    text = "".join(segment.text for segment in segments)
    assert "cancelled" in text
    assert " — " in text
    assert "✘" not in text
    assert status_paint(cancelled) == "muted"
    assert not parse("~e").matches(cancelled)


@pytest.mark.parametrize("width", [58, 80, 120])
def test_the_row_of_a_retry_says_which_attempt_it_is(width: int) -> None:
    page = slice_of(SINCE, ("entity_id", "gt", "12345"))
    retries = [
        exchange(1, uri=page, status=503, attempt=5, body=b'{"message":"In maintenance since this night"}'),
        replace(lost(attempt=12), uri=page),
        exchange(1, uri=page, attempt=2),
    ]
    for retry in retries:
        segments = row(retry, columns_for(width, dates=False), lambda _: Style(), marked=False)
        text = "".join(segment.text for segment in segments)
        assert f"  attempt {retry.attempt}" in text
        assert "products" in text
        # id would be another field
        assert re.search("[ …](entity_id)?>12345", text.replace(" > ", ">")) or width < 80
        assert cell_len(text) <= width


@pytest.mark.parametrize("width", range(98, 130, 4))
def test_the_row_of_a_retry_is_written_as_those_around_it(width: int) -> None:
    page = slice_of(("qty", "gt", "5"))

    def written(attempt: int) -> bool:
        found = exchange(1, uri=page, attempt=attempt)
        segments = row(found, columns_for(width, dates=False), lambda _: Style(), marked=False)
        return "qty > 5" in "".join(segment.text for segment in segments)

    assert written(attempt=1) == written(attempt=2)


CRITERIA = "searchCriteria[filter_groups][{0}][filters][0]"


def slice_of(*conditions: tuple[str, str, str], page: int = 1) -> str:
    """The address of a page of a slice."""
    rows = [
        f"{CRITERIA.format(group)}[{name}]={value}"
        for group, condition in enumerate(conditions)
        for name, value in zip(("field", "condition_type", "value"), condition, strict=True)
    ]
    query = "&".join([*rows, "searchCriteria[pageSize]=100", f"searchCriteria[currentPage]={page}"])
    return f"https://acme.example/rest/V1/products?{query}"


def test_the_end_of_a_slice_is_shown_without_its_field_before_it_is_left_out() -> None:
    page = exchange(1, uri=slice_of(("entity_id", "gt", "95"), ("entity_id", "lteq", "100")))
    other = exchange(1, uri=slice_of(("entity_id", "gt", "95"), ("status", "lteq", "100")))

    def text(each: Exchange, width: int) -> str:
        segments = row(each, columns_for(width, dates=False), lambda _: Style(), marked=False)
        return "".join(segment.text for segment in segments)

    assert "entity_id>95  entity_id≤100  page 1" in text(page, 84)
    assert "entity_id>95  …≤100  page 1" in text(page, 80)
    assert "…≤100" not in text(other, 74)  # which would be read as one of the same field


SINCE = ("updated_at", "gteq", "2026-01-02 01:32:39")


@pytest.mark.parametrize("width", [58, 70, 80, 98, 120])
def test_a_row_keeps_what_differs_from_a_similar_one(width: int) -> None:
    def text(page: str, above: str) -> str:
        columns = columns_for(width, dates=False)
        found = row(exchange(1, uri=page), columns, lambda _: Style(), marked=False, others=[above])
        return "".join(segment.text for segment in found).replace(" > ", ">").replace(" ≤ ", "≤")

    above = slice_of(SINCE, ("entity_id", "gt", "1000"), ("entity_id", "lteq", "2000"))
    below = slice_of(SINCE, ("entity_id", "gt", "2000"), ("entity_id", "lteq", "3000"))
    assert ">2000" in text(below, above)
    assert "entity_id≤3000" in text(below, above) or width < 98
    assert "page 7" in text(
        slice_of(SINCE, ("entity_id", "gt", "1000"), page=7), slice_of(SINCE, ("entity_id", "gt", "1000"))
    )
    assert "…" in text(below, above) or width >= 120


@pytest.mark.parametrize("width", [58, 70, 80, 98, 120])
def test_a_row_shows_and_marks_what_a_filter_looks_for(width: int) -> None:
    hit = Style(reverse=True)

    def marked(uri: str, wanted: str, **changes: Any) -> list[str]:
        one = exchange(1, uri=uri, **changes)
        found = row(
            one,
            columns_for(width, dates=False),
            lambda name: hit if name == "hit" else Style(),
            marked=False,
            others=[uri],
            wanted=parse(wanted).found_in(one),
        )
        assert sum(cell_len(segment.text) for segment in found) <= width
        return [segment.text.replace(" ", "") for segment in found if segment.style == hit]

    page = slice_of(SINCE, ("entity_id", "gt", "500"), ("entity_id", "lteq", "600"), page=3)
    refused = {"status": 400, "body": b'{"message":"Invalid argument, which this message explains at length"}'}
    for changes in ({}, refused):
        assert marked(page, "entity_id > 400", **changes) == ["entity_id>500"]
        assert marked(page, "entity_id<=600", **changes) == ["entity_id≤600"]
        assert marked(page, "page = 3", **changes) == ["page3"]
        assert marked(page, "~p 'page 3'", **changes) == ["page3"]
        assert marked(page, "!entity_id>500 ~s 2xx", **changes) == []
    several = slice_of(("sku", "in", ",".join(f"24-MB{number:02}" for number in range(40))))
    assert marked(several, "24-MB17") == ["24-MB17"]
    assert marked(page, "status>=400 | argument", **refused) == ["argument"]
    asked = {"purpose": "probe", "status": 404, "note": "is it the argument?"}
    assert marked(page, "argument | expected", **asked) == []


@pytest.mark.parametrize("width", [58, 70, 80, 98, 120])
def test_a_row_without_what_a_search_looks_for_is_as_without_the_search(width: int) -> None:
    page = slice_of(SINCE, ("entity_id", "gt", "500"), ("entity_id", "lteq", "600"))
    one = exchange(1, uri=page, status=400, body=b'{"message":"Invalid argument, which is explained at length"}')
    columns = columns_for(width, dates=False)
    without, other, message = (
        "".join(segment.text for segment in row(one, columns, lambda _: Style(), marked=False, wanted=wanted))
        for wanted in ((), ("SKU-000700",), ("argument",))
    )
    assert other == without
    assert "argument" in message


def stock(sku: str, source: str = "default") -> str:
    """The address that looks up the stock of a product."""
    place = "https://acme.example/rest/V1/inventory/source-items?"
    return place + slice_of(("sku", "in", sku), ("source_code", "eq", source)).partition("?")[2]


def text_at(index: int, listed: list[str], width: int = 80) -> str:
    """The row at this index in a log of these addresses."""
    others = similar(listed[index], dict(enumerate(listed)).get, index)  # type: ignore[arg-type]
    columns = columns_for(width, dates=False)
    one = exchange(1, uri=listed[index])
    found = row(one, columns, lambda _: Style(), marked=False, others=others)
    return "".join(segment.text for segment in found)


def test_a_row_is_compared_with_others_of_the_same_path_above_and_below() -> None:
    listed = [stock("24-MB01"), slice_of(SINCE), "", stock("24-MB04"), stock("24-MB04")]
    similar_at = [similar(uri, dict(enumerate(listed)).get, at) for at, uri in enumerate(listed) if uri]  # type: ignore[arg-type]
    assert similar_at == [(stock("24-MB04"),), (), (stock("24-MB01"),), (stock("24-MB01"),)]
    assert "24-MB01" in text_at(0, listed)
    assert "24-MB04" in text_at(3, listed)


@pytest.mark.parametrize("width", [70, 80, 105])
def test_a_row_keeps_what_few_have_before_what_all_have(width: int) -> None:
    lookup = ["https://acme.example/rest/V1/orders/1", stock("SYNC-0001"), stock("SYNC-0001")]
    assert "SYNC-0001" in text_at(1, lookup, width)
    sources = [stock("SYNC-0001", source) for source in ("berlin", "default", "paris")]
    assert ["berlin" in text_at(0, sources, width), "paris" in text_at(2, sources, width)] == [True, True]

    pages = [slice_of(("status", "eq", "1"), ("entity_id", "gt", f"{start}00"), SINCE) for start in (1, 2, 3)]
    assert ">200" in text_at(1, pages, width).replace(" ", "")
    ranges = [
        slice_of(("entity_id", "gt", start), ("entity_id", "lteq", end))
        for start, end in (("98500", "99000"), ("73500", "75000"))
    ]
    assert ">98500" in text_at(0, ranges, width).replace(" ", "")  # where a page begins, before the end of its slice
    in_turns = [
        slice_of(("entity_id", "gt", f"{start}00"), ("store_id", "eq", store))
        for start, store in zip((1, 2, 3), "121", strict=True)
    ]
    assert ">100" in text_at(0, in_turns, width).replace(" ", "")


def test_rows_with_room_have_the_time_of_day() -> None:
    assert columns_for(118, dates=False).time
    assert columns_for(118, dates=True).time.endswith(columns_for(118, dates=False).time)
    assert columns_for(80, dates=False) == columns_for(80, dates=True)  # those of earlier sessions look the same
    assert not columns_for(80, dates=False).time


def test_a_probe_without_a_response_says_what_it_asked() -> None:
    """An address without a scheme is tried by both, and the paths of the two requests are the same."""
    probe = lost(purpose="probe", note="http: Magento REST API?")
    assert row_message(probe) == "http: Magento REST API? · no response within 30 s"
    assert row_message(lost(note="again")) == "no response within 30 s"


@pytest.mark.parametrize(
    ("uri", "body", "words"),
    [
        ("inventory/source-items", b'{"sourceItems": [{"sku": "A-1", "quantity": 5}]}', "sku A-1"),
        ("inventory/source-items", b'{"sourceItems": [{"sku": "A-1"}, {"sku": "A-2"}]}', "sku A-1 …"),
        ("orders", b'{"entity": {"entity_id": 17, "status": "new"}}', "entity_id 17"),
        ("products/A-1", b'{"product": {"sku": "A-1"}}', ""),
        ("products", b"", ""),
        ("products", b'{"name": "sku"}', ""),
    ],
)
def test_the_row_of_a_request_with_a_body_names_its_first_entity(uri: str, body: bytes, words: str) -> None:
    sent = exchange(method="POST", uri=f"https://shop.example/rest/V1/{uri}", request_body=body)
    assert row_message(sent) == words
    assert row_message(replace(sent, purpose="login")) == ""


def test_home_shortens_an_age_and_a_title_before_an_address_and_a_name() -> None:
    cells = {"name": 9, "store": 22, "authentication": 10, "run": 16, "secrets": 9}
    widths = {column.name: column.width for column in home_columns(76, cells)}
    assert [widths["store"], widths["run"]] == [22, 16]
    run = LastRun("products", True, "complete", {}, 1000.0)
    assert [run_cell(runs, 1000.0, 20)[0] for runs in (None, [])] == ["…", "never"]
    assert run_cell([run], 1000.0, 20)[0] == "✔ products, just now"
    assert run_cell([run], 1000.0, 16)[0] == "✔ products, now"
    assert run_cell([run], 1130.0, 16)[0] == "✔ pro…cts, 2 min"
    assert run_cell([replace(run, undone_run=1)], 1130.0, 16)[0] == "✔ undo, 2 min"


@pytest.mark.parametrize("problem", [None, "not TOML"])
@pytest.mark.parametrize(("width", "height"), [(78, 4), (60, 40)])
def test_the_preview_on_home_keeps_the_name_of_the_file(problem: str | None, width: int, height: int) -> None:
    file = "a-very-long-name-of-a-shop-production.toml"
    path = Path("/srv/some/deep/folder/of/the/configuration", file)
    entry = ProfileOverview(ProfileSummary("shop", "Shop", None, path, problem, None))
    preview = profile_preview(entry, None, 0.0, width, height, Path("/home/me"))
    assert any(line.endswith(f"/{file}") for line in preview.plain.splitlines())


@pytest.mark.parametrize("height", range(4, 24))
def test_the_preview_on_home_names_all_parts_in_the_lines_that_it_has(height: int) -> None:
    summary = ProfileSummary("shop", "Shop", "https://shop.example", Path("/srv/shop.toml"), None, 0.0)
    entry = ProfileOverview(
        summary, authentication="Bearer token", incoming=("orders", "products"), outgoing=("stock",)
    )
    runs = [LastRun(name, True, "complete", {}, 0.0) for name in ("orders", "products")]
    lines = profile_preview(entry, runs, 0.0, 78, height, Path("/home/me")).plain.splitlines()
    assert len(lines) <= height
    assert all(any(each in line for line in lines) for each in ("orders", "products", "stock", "/srv/shop.toml"))
    assert any("https://shop.example" in line for line in lines) is (height > 4)
    assert any("Changed" in line for line in lines) is (height > 7)


def test_a_table_on_home_that_has_the_width_it_asks_for_cuts_no_cell() -> None:
    needed = {"name": 11, "store": 21, "authentication": 18, "run": 22, "secrets": 9}
    width = uncut_width(90, needed)
    assert {column.name: column.width for column in home_columns(width, needed)} == needed
    assert width == 11 + 21 + 18 + 22 + 9 + 4 * 2


@pytest.mark.parametrize("width", [-2, -1, 0, 5])
def test_home_has_a_name_and_an_address_in_a_terminal_of_whatever_width(width: int) -> None:
    assert [column.name for column in home_columns(width, {"name": 5, "store": 5})] == ["name", "store"]


@pytest.mark.parametrize("width", range(20, 200, 7))
def test_a_title_on_home_is_never_cut(width: int) -> None:
    for longest in (0, 8, 12, 30, 60):
        needed = dict.fromkeys(("name", "title", "store", "authentication", "run", "secrets"), longest)
        found = home_columns(width, needed)
        assert all(len(column.title) <= column.width for column in found)
        assert len({column.title for column in found}) == len(found)


def test_cells_that_would_look_alike_keep_what_differs() -> None:
    stores = [f"acme-production-{place}.shops.example.com" for place in ("west", "east", "north")]
    assert [shown_apart(stores, 21)[each] for each in stores] == [
        "acme-…uction-west.sh…",
        "acme-…uction-east.sh…",
        "acme-…uction-north.s…",
    ]
    assert shown_apart(["acme", "other-shop.example.com"], 12) == {
        "acme": "acme",
        "other-shop.example.com": "other…le.com",
    }


@given(st.sets(st.text("abc-.", min_size=1, max_size=60), max_size=8), st.integers(8, 40))
def test_cells_fit_and_are_told_apart(texts: set[str], width: int) -> None:
    found = shown_apart(texts, width)
    assert found.keys() == texts
    assert all(cell_len(each) <= width for each in found.values())


def test_a_path_keeps_its_file_name_and_whole_folders() -> None:
    path = "/home/ann/.config/tui-connector/profiles/acme.toml"
    assert shown_path(path, 60) == path
    assert shown_path(path, 44) == "…/.config/tui-connector/profiles/acme.toml"
    assert shown_path(f"run products → {path}", 40) == "run products → …/profiles/acme.toml"
    assert shown_path(path, 12) == "…/acme.toml"
    assert shown_path("/srv/stock-of-all-the-warehouses.csv", 16) == "stock-o…uses.csv"
    assert shown_path("no path at all", 8) == "no … all"


def test_the_row_of_a_part_keeps_its_method_its_secrets_and_its_file() -> None:
    integration = "Integration, 4 tokens (signed with OAuth 1.0a) · 4 from the environment"
    assert fitted(integration, 80) == integration
    assert fitted(integration, 50) == "Integration, 4 tokens · 4 from the environment"
    products = "GET products · keyset · changes by updated_at · → …/sandbox/products.jsonl"
    assert fitted(products, 50) == "GET products · keyset · → …/sandbox/products.jsonl"
    stock = "POST inventory/source-items · ← …/outgoing/stock.jsonl"
    assert fitted(stock, 50) == "POST inventory/source-items · ← …/stock.jsonl"


@pytest.mark.parametrize(
    ("width", "row"),
    [
        (90, "GET orders · status eq complete or status eq closed · keyset · → out/orders-closed.jsonl"),
        (80, "GET orders · status eq complete or status eq closed · → out/orders-closed.jsonl"),
        (70, "GET orders · status eq complete … · → out/orders-closed.jsonl"),
        (60, "GET orders · status eq complete … · → …/orders-closed.jsonl"),
        (52, "GET orders · status eq co… · → …/orders-closed.jsonl"),
        (50, "GET orders · → out/orders-closed.jsonl"),
    ],
)
def test_the_row_of_a_part_shows_as_much_of_its_conditions_as_has_room(width: int, row: str) -> None:
    orders = "GET orders · status eq complete or status eq closed · keyset · → out/orders-closed.jsonl"
    assert fitted(orders, width) == row


def test_a_column_without_room_for_its_values_is_left_out() -> None:
    items = [{"id": 1, "status": "pending", "base_discount_amount": 12.5}]
    assert table(items, list(items[0]), 40) == [
        "id  status   base_discount_amount",
        " 1  pending                  12.5",
    ]
    assert table(items, list(items[0]), 24) == ["id  status ", " 1  pending"]
