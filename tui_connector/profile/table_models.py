"""Finds the models of the tables of a profile's data, and what their keys may have as values."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any, get_origin

from pydantic import BaseModel, ValidationError

from ..client.spans import is_span, probable_span
from ..kinds import Kind, Model
from ..templates import Json
from .model import Profile
from .positions import value_at


def model_of(data: Any, loc: tuple[str | int, ...]) -> type[Model] | None:
    """The model of the table that the last key of `loc` is in."""
    model: Any = Profile
    is_name = False
    for step in loc[:-1]:
        data = value_at(data, (step,))
        annotation = None if is_name else _annotation(model, step)  # a part may be called like a key
        is_name = get_origin(annotation) is dict
        model = kind_class(model if annotation is None else item_type(annotation), data)
    return model if isinstance(model, type) and issubclass(model, Model) else None


def models_of(family: str) -> list[type[Model]]:
    """The models of the parts of a family: one, or that of each kind."""
    model = item_type(next(each.annotation for name, each in Profile.model_fields.items() if name == family))
    return [*model.all_kinds().values()] if Kind in model.__bases__ else [model]


def table_of(value: object) -> Mapping[str, Any]:
    """A value that is a table; any other as an empty one."""
    return value if isinstance(value, Mapping) else {}


def keys_of(model: type[Model] | None) -> list[str]:
    return [] if model is None else [field.alias or name for name, field in model.model_fields.items()]


def as_type_of(model: type[Model], key: str, value: Json) -> Json:
    """What this key has instead of a value that was written for another one; None if it may have that value."""
    types = str(next(field.annotation for name, field in model.model_fields.items() if key in (name, field.alias)))
    if types.startswith("bool"):
        return None if isinstance(value, bool) else True
    if types.startswith("list[str]") and isinstance(value, str):
        try:
            return list(shlex.split(value)) or None
        except ValueError:
            return None
    return None


def _annotation(model: Any, key: str | int) -> Any:
    """The type of a key of a model; None if it has no such key."""
    fields = model.model_fields.items() if isinstance(model, type) and issubclass(model, BaseModel) else ()
    return next((field.annotation for name, field in fields if key in (name, field.alias)), None)


def kind_class(model: Any, data: object) -> Any:
    """The kind that a table in `data` names, where `model` is a family."""
    if not (isinstance(model, type) and issubclass(model, Kind) and Kind in model.__bases__):
        return model
    name = data.get("kind") if isinstance(data, Mapping) else None
    return (model.find(name) if isinstance(name, str) else None) or model


def item_type(annotation: Any) -> Any:
    """The model inside `dict[Name, Model]`, `list[Model]` or `Model | None`."""
    arguments = getattr(annotation, "__args__", ())
    models = [a for a in arguments if isinstance(a, type) and issubclass(a, BaseModel)]
    return models[-1] if models else annotation


def may_have(model: type[Model] | None, key: str, value: Json) -> bool:
    """Whether a table may have this key, with a value of this type."""
    if model is None or key not in keys_of(model):
        return False
    try:
        model.model_validate({key: value}, by_alias=True, by_name=False, strict=True)
    except ValidationError as error:
        return not any(each["loc"] == (key,) and each["type"].endswith("_type") for each in error.errors())
    return True


def span_meant(model: type[Model] | None, key: str, written: object) -> str:
    """The span that a number was meant as; "" where the key has none."""
    fields = model.model_fields.items() if model is not None else ()
    return probable_span(str(written)) if any(key in (n, f.alias) and is_span(f) for n, f in fields) else ""
