"""Templates: text in which `&{…}`, `?{…}` and `@{…}` stand for what a JMESPath expression finds."""

from pydantic import JsonValue as Json

from .expression import STEPS, Budget
from .template import (
    MISSING,
    Missing,
    Names,
    PlaceholderError,
    RunTemplateText,
    Scope,
    Template,
    TemplateJson,
    TemplateText,
    UriTemplateText,
    as_data,
    read_of_run,
    reads,
    render,
    run_only,
)

__all__ = [
    "MISSING",
    "STEPS",
    "Budget",
    "Json",
    "Missing",
    "Names",
    "PlaceholderError",
    "RunTemplateText",
    "Scope",
    "Template",
    "TemplateJson",
    "TemplateText",
    "UriTemplateText",
    "as_data",
    "read_of_run",
    "reads",
    "render",
    "run_only",
]
