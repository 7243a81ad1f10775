"""One row of the diagnosis table, and how it is matched with a response and filled in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import KW_ONLY, dataclass
from types import MappingProxyType
from typing import Literal

from .case import Case
from .finding import Finding, Fix

Probe = Literal["caller", "signature", ""]
"""Which further requests distinguish this cause from others (`probes.py`): about the caller, or the signature."""

FIND_OUT = "Test the authentication, or run `check` on the profile, to find out {}."
"""What to do where only these further requests tell."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One cause. It matches a response that meets all of its conditions; one that is left out is met.

    `field`, `summary`, `remedy` and `fix` may contain facts in braces: a property of `Case`, or one of `parameters`.
    """

    id: str
    field: str = ""
    """The setting to correct, by its name in the profile."""
    _: KW_ONLY
    # what is shown
    summary: str
    remedy: str
    fix: Fix | None = None
    """Not offered if its value is empty once filled in."""
    # the conditions
    status: Collection[int] = ()
    auth: str | None = None
    """How the request was authenticated; "": not at all."""
    parameters: tuple[str, ...] = ()
    """Parameters of Magento's error message that must be present."""
    message: tuple[str, ...] = ()
    """Words in Magento's error message, in lower case; one is enough. Magento translates it: use this last."""
    when: Callable[[Case], object] = lambda _: True
    probe: Probe = ""
    named: str = ""
    """The field of the search that is refused, for `Finding.named`; it may contain facts."""

    def matches(self, case: Case) -> bool:
        return (
            (not self.status or case.status in self.status)
            and (self.auth is None or case.auth == self.auth)
            and all(case.body.parameter(name) for name in self.parameters)
            and (not self.message or case.body.has(*self.message))
            and bool(self.when(case))
        )

    def finding(
        self, evidence: tuple[str, ...], case: Case | None, facts: Mapping[str, str] = MappingProxyType({})
    ) -> Finding:
        """The finding, with `facts` and those of the case filled in."""
        known = _Facts(self, case, facts)

        def filled(text: str) -> str:
            return text.format_map(known)

        fix = self.fix
        if fix is not None:
            value = filled(fix.value)
            fix = Fix(fix.target, value, filled(fix.label)) if value or not fix.value else None
        return Finding(
            self.id,
            filled(self.summary),
            evidence,
            filled(self.remedy),
            filled(self.field),
            fix,
            named=filled(self.named),
        )


class _Facts:
    """The values for the braces in a rule's texts."""

    def __init__(self, rule: Rule, case: Case | None, facts: Mapping[str, str]) -> None:
        self._rule, self._case, self._facts = rule, case, facts

    def __getitem__(self, name: str) -> str:
        if name in self._facts:
            return self._facts[name]
        if self._case is None:
            raise KeyError(name)
        return self._case.body.parameter(name) if name in self._rule.parameters else str(getattr(self._case, name))


@dataclass(frozen=True, slots=True)
class Section:
    """Rules that are only looked at where a response meets `when`; the first match of a section wins."""

    when: Callable[[Case], object]
    rules: tuple[Rule, ...]

    def match(self, case: Case) -> Rule | None:
        """The first rule that matches; None if none does, or the section does not apply."""
        return next((rule for rule in self.rules if rule.matches(case)), None) if self.when(case) else None
