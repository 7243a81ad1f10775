"""Which fields step 2 shows for a kind of authentication, which of them were given, and what was tested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...guide.steps import kind_schemas
from ...guide.steps.methods import ADMIN, GuideField
from ...guide.steps.setup import Setup
from ...kinds import Named
from ...profile.model import ModelPath
from ...profile.positions import value_at
from ...text import count, shown_line
from ..widgets.field_specs import FieldSpec, FieldType, field_specs, with_inner
from .context import GuideContext
from .form import field_specs_in

USERNAME = ("parameters", "username")
CODE = ("parameters", "otp", "totp")
"""Where a login has the secret that its one-time code is made from."""


def guide_fields(setup: Setup) -> list[FieldSpec]:
    """What the guide asks for; nothing for a kind that it does not offer."""
    described = {each.path: each for each in with_inner(schema_fields(setup))}
    found = [
        replace(described[each.path], type=FieldType.SECRET if each.secret else FieldType.TEXT, required=True)
        for each in setup.fields()
    ]
    if setup.auth_kind == ADMIN and setup.needs_code():
        found += [replace(each, path=CODE, required=False) for each in field_specs(kind_schemas.one_time_code())]
    return found


def usual_fields(setup: Setup) -> list[FieldSpec]:
    """What the guide asks for; of a kind that it does not offer, all but what every part has, such as a title."""
    return guide_fields(setup) or [each for each in schema_fields(setup) if each.name not in Named.model_fields]


def schema_fields(setup: Setup) -> list[FieldSpec]:
    """All that the kind takes."""
    schema = kind_schemas.authentication(setup.auth_kind)
    return list(field_specs_in(setup, schema)) if schema is not None else []


def shown_fields(setup: Setup, *, is_whole: bool) -> list[FieldSpec]:
    """All fields of the kind, if it `is_whole`, else the usual ones."""
    return schema_fields(setup) if is_whole else usual_fields(setup)


def code_wanted(setup: Setup) -> str:
    """The field of the one-time code, where the store asks for one and nothing makes it yet: else none."""
    path = ("authentications", setup.authentication, *CODE)
    wanted = setup.auth_kind == ADMIN and setup.needs_code() and setup.at(*path) is None
    return CODE[-1] if wanted else ""


def first_missing(work: GuideContext) -> str:
    """The name of the first field that was not given; "" where none is missing."""
    setup = work.setup
    return next((each.name for each in setup.fields() if not is_given(work, each)), code_wanted(setup))


def is_given(work: GuideContext, each: GuideField) -> bool:
    """Whether this field was given: typed here, or named by the saved profile or by another source."""
    setup = work.setup
    path = setup.path_of(each)
    there = setup.at(*path)
    if not each.secret:
        return bool(there or value_at(setup.default_authentication(), each.path))
    if work.takes_typed(path) and work.workbench.vault.glimpse(setup.secret_name(path)):
        return True
    variable = setup.at(*path, "env")
    if isinstance(variable, str):
        return work.has_variable(variable, path)
    return setup.is_saved(path) or (there is not None and setup.at(*path, "keyring") is None)


def how_to_give(setup: Setup, missing: Sequence[GuideField]) -> str:
    """What is missing, and how to enter it."""
    titles = {each.path: each.title for each in guide_fields(setup)}
    variables = [setup.at(*setup.path_of(each), "env") for each in missing]
    unset = [each for each in variables if isinstance(each, str)]
    if len(unset) < len(missing):
        return f"{titles[missing[0].path]} is missing."
    names = ", ".join(titles[each.path] for each in missing)
    lines = [
        f"{names}: {'this variable is' if len(unset) == 1 else 'these variables are'} not set.",
        "  Paste each value into its field for this session, or set them before the program starts:",
        *(f"    export {name}=…" for name in unset),
    ]
    return "\n".join(lines)


def tested_values(work: GuideContext) -> str:
    """What a test of the fields sends, as far as it may be shown, and where else it is from; "" where nothing may."""
    found = []
    for each in work.setup.fields():
        path = work.setup.path_of(each)
        found.append(_tested_secret(work, path) if each.secret else str(work.setup.at(*path) or ""))
    return ", ".join(filter(None, found))


def _tested_secret(work: GuideContext, path: ModelPath) -> str:
    there = work.setup.table(*path)
    if isinstance(command := there.get("command"), list) and command:
        return f"the output of {shown_line(str(command[0]), 40)}"
    if not work.takes_typed(path):
        return f"the variable {there['env']}"
    if not (glimpse := work.glimpse(path)):
        return ""
    text = f"…{end}" if (end := glimpse.lstrip("•")) else count(len(glimpse), "character")
    return f"{text} (for this session: {there['env']} is not set)" if "env" in there else text
