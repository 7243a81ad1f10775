"""Templates: text with the placeholders `&{…}`, `?{…}` and `@{…}`, which contain JMESPath expressions."""

from pydantic import JsonValue as Json

from .expression import MAX_STEPS, Budget
from .template import (
    MISSING,
    DataPath,
    Missing,
    PlaceholderError,
    RunTemplateText,
    Scope,
    Template,
    TemplateJson,
    TemplateText,
    UriTemplateText,
    as_data,
    paths_read,
    reads_entity,
    render,
    run_only,
    run_paths_read,
)

__all__ = [
    "MAX_STEPS",
    "MISSING",
    "Budget",
    "DataPath",
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
    "paths_read",
    "reads_entity",
    "render",
    "run_only",
    "run_paths_read",
]
