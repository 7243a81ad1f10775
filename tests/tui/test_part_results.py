"""What a test of the guide has shown belongs to the values that it tested."""

from __future__ import annotations

import pytest

from tui_connector.guide.drafts import Draft
from tui_connector.guide.misplaced_secrets import without_secrets
from tui_connector.guide.resume import draft_of
from tui_connector.guide.steps.methods import GuideStep
from tui_connector.machine import Machine
from tui_connector.magento.diagnosis import Finding, Fix
from tui_connector.tui.setup.context import GuideContext, open_context, resume_context

STORE = "http://127.0.0.1:8424"
FIX = Fix("login", "again", "Log in")
REFUSED = Finding("refused", "The store refuses it", ("#4 GET → 401",), "Correct it.", "token", FIX)
SECRETS = {
    "oauth1": ("consumer-key",),
    "bearer": ("token",),
    "request": ("parameters", "password"),
    "oauth2": ("client-secret",),
    "basic": ("password",),
    "header": ("value",),
    "query-parameter": ("value",),
}


def begun(machine: Machine) -> GuideContext:
    work = open_context(machine, None)
    work.setup.edit(("clients", "magento", "plugins", 0, "uri"), f"{STORE}/rest/all/V1")
    return work


def type_secret(work: GuideContext, value: str) -> None:
    work.setup.write_authentication()
    work.hold(("authentications", work.setup.authentication, *SECRETS[work.setup.auth_kind]), value)


def refusal(work: GuideContext) -> Finding | None:
    return work.refusal("authentications", work.setup.authentication)


def draft(work: GuideContext) -> Draft:
    return without_secrets(draft_of(work.setup, work.draft_key, GuideStep.AUTHENTICATION, 0.0, work.refusals()))


@pytest.mark.parametrize("kind", SECRETS)
def test_a_refusal_is_that_of_its_value_whatever_else_was_tried(machine: Machine, kind: str) -> None:
    work = begun(machine)
    work.setup.choose_kind(kind)
    type_secret(work, "CANARY-refused-value")
    name = work.setup.authentication
    work.setup.edit(("authentications", name, "description"), "as typed")
    work.mark_refused("authentications", name, finding=REFUSED)
    for other in SECRETS:
        if other != kind and {other, kind} != {"oauth1", "bearer"}:  # which have the access token in common
            work.setup.choose_kind(other)
            assert refusal(work) is None
            type_secret(work, "CANARY-another-value")
            work.mark_tested("authentications", work.setup.authentication)
    work.setup.choose_kind(kind)
    assert (work.setup.authentication, work.setup.at("authentications", name, "description")) == (name, "as typed")
    assert refusal(work) == REFUSED
    assert not work.is_tested("authentications", name)
    type_secret(work, "CANARY-new-value")
    assert refusal(work) is None
    work.mark_tested("authentications", name)
    type_secret(work, "CANARY-refused-value")
    assert refusal(work) == REFUSED
    type_secret(work, "CANARY-new-value")
    assert work.is_tested("authentications", name)
    type_secret(work, "CANARY-refused-value")
    work.rename("piper")
    assert refusal(work) == REFUSED


def test_the_tests_of_a_guide_are_those_of_the_values_that_it_ends_with(machine: Machine) -> None:
    work = begun(machine)
    work.setup.choose_kind("bearer")
    type_secret(work, "CANARY-new-value")
    path = ("authentications", work.setup.authentication)
    work.mark_tested(*path)
    work.mark_refused("clients", "magento", finding=REFUSED)
    work.keep_tests()
    assert [(test.path, test.finding) for test in work.tests] == [(path, None), (("clients", "magento"), REFUSED)]
    type_secret(work, "CANARY-another-value")
    work.keep_tests()
    assert work.tests == []


def test_what_a_typed_sample_was_refused_for_is_no_result_of_its_outgoing(machine: Machine) -> None:
    work = begun(machine)
    name = work.setup.add_outgoing("products")
    work.mark_refused("outgoing", name, finding=REFUSED)
    work.keep_tests()
    assert [test.path for test in work.tests] == [("outgoing", name)]
    work.setup.samples[name] = "{bad"
    work.keep_tests()
    assert work.tests == []


@pytest.mark.parametrize("kind", SECRETS)
def test_a_refusal_is_resumed_with_the_draft_until_the_secret_is_entered_again(machine: Machine, kind: str) -> None:
    work = begun(machine)
    work.setup.choose_kind(kind)
    type_secret(work, "CANARY-refused-value")
    work.mark_refused("authentications", work.setup.authentication, finding=REFUSED)
    resumed, _ = resume_context(machine, draft(work))
    found = refusal(resumed)
    assert found is not None
    assert (found.summary, found.remedy, found.field, found.fix) == (
        REFUSED.summary,
        REFUSED.remedy,
        REFUSED.field,
        REFUSED.fix,
    )
    assert found.evidence == ()  # the log of that session is gone
    type_secret(resumed, "CANARY-new-value")
    assert refusal(resumed) is None


def test_a_draft_keeps_no_secret_that_a_refusal_repeats(machine: Machine) -> None:
    work = begun(machine)
    work.setup.choose_kind("bearer")
    type_secret(work, "CANARY-refused-value-of-32-letters")
    finding = Finding("refused", "Unknown token CANARY-refused-value-of-32-letters", (), "Correct it.")
    work.mark_refused("authentications", work.setup.authentication, finding=finding)
    assert "CANARY" not in str(draft(work))


@pytest.mark.parametrize("kept", ["x", [None], [{"part": "x"}], [{"part": ["a", "b"], "fix": {"target": "none"}}]])
def test_an_edited_draft_is_resumed(machine: Machine, kept: object) -> None:
    found = draft(begun(machine))
    found.about["refused"] = kept  # type: ignore[assignment]
    resumed, _ = resume_context(machine, found)
    assert refusal(resumed) is None


def test_what_was_accepted_is_to_be_tested_again_with_another_token(machine: Machine) -> None:
    work = begun(machine)
    work.setup.choose_kind("bearer")
    type_secret(work, "CANARY-first")
    work.setup.add_incoming("products")
    work.mark_tested("incoming", "products")
    type_secret(work, "CANARY-second")
    assert not work.is_tested("incoming", "products")
    type_secret(work, "CANARY-first")
    assert work.is_tested("incoming", "products")
