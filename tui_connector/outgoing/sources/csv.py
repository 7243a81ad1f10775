"""CSV: one entity a row."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..source import Source


class CsvSource(Source):
    """CSV: one entity a row, the first row names the fields."""

    kind: Literal["csv"] = "csv"
    path: str = Field(min_length=1, title="File", description="Relative to the profile.", examples=["stock.csv"])
