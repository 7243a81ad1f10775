"""Which fields step 2 shows for a kind of authentication, and which of them were given."""

from __future__ import annotations

from dataclasses import replace

from ...guide.steps import kind_schemas
from ...guide.steps.methods import ADMIN, GuideField
from ...guide.steps.setup import Setup
from ...kinds import Named
from ...profile.positions import value_at
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


def code_wanted(setup: Setup) -> str:
    """The field of the one-time code, where the store asks for one and nothing makes it yet: else none."""
    path = ("authentications", setup.authentication, *CODE)
    wanted = setup.auth_kind == ADMIN and setup.needs_code() and setup.at(*path) is None
    return CODE[-1] if wanted else ""


def is_given(work: GuideContext, each: GuideField) -> bool:
    """Whether this field was given: typed here, or named by the saved profile or by another source."""
    setup = work.setup
    path = setup.path_of(each)
    there = setup.at(*path)
    if not each.secret:
        return bool(there or value_at(setup.default_authentication(), each.path))
    if work.workbench.vault.glimpse(setup.secret_name(path)):
        return True
    variable = setup.at(*path, "env")
    if isinstance(variable, str):
        return work.has_variable(variable, path)
    return setup.is_saved(path) or (there is not None and setup.at(*path, "keyring") is None)
