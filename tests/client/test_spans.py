"""Spans of time as people write them, and as a profile has them."""

from __future__ import annotations

import pytest

from tui_connector.client.spans import probable_span, seconds
from tui_connector.errors import InvalidValue


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("10 min", "10m"),
        ("1 Hour", "1h"),
        ("300", "300s"),
        ("500 msecs.", "500ms"),
        ("1.5h", "90m"),
        ("0,5 s", "500ms"),
        ("1h 30min", "90m"),
        ("1 hour and 30 minutes", "90m"),
        ("1 d, 2 h", "26h"),
        ("1,000 s", ""),  # a thousand, or one
        ("1h30", ""),
        ("0 s", ""),
        ("-5s", ""),
        ("5x", ""),
        ("9999999999 s", ""),
        ("soon", ""),
        ("", ""),
    ],
)
def test_a_span_as_people_write_it_is_refused_with_the_one_that_was_meant(written: str, meant: str) -> None:
    assert probable_span(written) == meant
    with pytest.raises(InvalidValue, match="write a number and a unit") as refused:
        seconds(written)
    assert refused.value.correction == ((written, meant) if meant else None)
    if meant:
        assert meant in str(refused.value)
        assert seconds(meant)
