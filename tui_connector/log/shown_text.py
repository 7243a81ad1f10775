"""What rows and details show of an exchange in words of their own, as text that can be searched."""

from __future__ import annotations

from functools import lru_cache

from ..client.exchange import Exchange
from ..client.printer import attempt_label, failure_message
from ..client.uri import parameters
from ..units import milliseconds, size
from .request_summary import conditions, decoded_criteria, request_summary

WORDS = "where and or sort page per page is null is not null like nlike in nin finset nfinset asc desc"
"""The words that `query_text` adds to those of the address."""


@lru_cache(maxsize=500)
def query_text(uri: str) -> str:
    """The address as rows show it, and its query as details do, a line each."""
    rows = decoded_criteria(uri)[0]
    values = [name if value is None else f"{name} = {value}" for name, value in parameters(uri.partition("?")[2])]
    return "\n".join([request_summary(uri), conditions(uri), *(f"{label} {words}" for label, words in rows), *values])


def row_text(exchange: Exchange) -> str:
    """The columns of its row, besides the address, and the reason of its status."""
    took, received = milliseconds(exchange.timings.total), size(exchange.body.size)
    first = f"#{exchange.number} {exchange.at.astimezone():%H:%M:%S} {exchange.method} {exchange.status or ''} "
    return f"{first}{took} {received}\n{words_of_row(exchange)}"


def words_of_row(exchange: Exchange) -> str:
    """The same without number, time, duration and size."""
    outcome = "" if exchange.status is None else f"{exchange.status} {exchange.reason}"
    labels = (attempt_label(exchange), failure_message(exchange), remark(exchange))
    return "\n".join([exchange.method, outcome, *labels, exchange.entity, exchange.purpose])


def remark(exchange: Exchange) -> str:
    """What its note says has happened; "" for a probe, whose note is what the program wants to know."""
    return "" if exchange.purpose == "probe" else exchange.note
