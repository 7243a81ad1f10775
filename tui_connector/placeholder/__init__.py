"""Templates: text in which `&{…}`, `?{…}` and `@{…}` stand for what a JMESPath expression finds."""

from pydantic import JsonValue as Json

from .expression import STEPS, Budget
from .template import (
    MISSING,
    Missing,
    PlaceholderError,
    RunTemplateText,
    Scope,
    Template,
    TemplateJson,
    TemplateText,
    UriTemplateText,
    as_data,
    render,
)

__all__ = [
    "MISSING",
    "STEPS",
    "Budget",
    "Json",
    "Missing",
    "PlaceholderError",
    "RunTemplateText",
    "Scope",
    "Template",
    "TemplateJson",
    "TemplateText",
    "UriTemplateText",
    "as_data",
    "render",
]
