"""The profile with nothing but what a request, a test or a run uses of it."""

from __future__ import annotations

from collections.abc import Iterable

from ..incoming.model import Incoming
from ..outgoing.model import Outgoing
from ..outgoing.sources.incoming import IncomingSource
from .model import Profile

Part = tuple[str, str]
"""The family and the name of a part; the name of `LEDGER` and `ON_FAILURE` is empty."""
LEDGER: Part = ("ledger", "")
ON_FAILURE: Part = ("on-failure", "")


def used_of(profile: Profile, parts: Iterable[Part]) -> Profile:
    """The profile with these parts and what they refer to; the runs of an incoming or outgoing also use its ledger.

    So its capabilities and secrets are those that are about to be used. An incoming that is only read for another part
    has no sink.
    """
    used = _UsedParts(profile)
    for family, name in parts:
        used.add(family, name)
    return profile.model_copy(
        update={
            "clients": {name: each for name, each in profile.clients.items() if name in used.clients},
            "authentications": {
                name: each for name, each in profile.authentications.items() if name in used.authentications
            },
            "incoming": {
                name: each if name in used.run else each.model_copy(update={"sink": None})
                for name, each in profile.incoming.items()
                if name in used.incoming
            },
            "outgoing": {name: each for name, each in profile.outgoing.items() if name in used.run_outgoing},
            "ledger": profile.ledger if used.ledger else None,
            "on_failure": profile.on_failure if used.on_failure else None,
        }
    )


class _UsedParts:
    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self.clients, self.authentications = set[str](), set[str]()
        self.incoming, self.run, self.run_outgoing = set[str](), set[str](), set[str]()
        self.ledger = self.on_failure = False

    def add(self, family: str, name: str) -> None:
        profile = self._profile
        match family:
            case "clients":
                self._client(name)
                for each, incoming in profile.incoming.items():  # the first of them is read to test the client
                    if incoming.client == name:
                        self._incoming(each)
            case "authentications":
                for client, saved in profile.clients.items():
                    if name in saved.authentications:
                        self.add("clients", client)
            case "incoming-read" if name in profile.incoming:
                self._incoming(name)
            case "incoming" if name in profile.incoming:
                self._incoming(name)
                self.run.add(name)
                self.ledger = True
            case "outgoing" if name in profile.outgoing:
                self._outgoing(profile.outgoing[name])
                self.run_outgoing.add(name)
                self.ledger = True
            case "ledger":
                self.ledger = True
            case "on-failure":
                self.on_failure = True
                if profile.on_failure is not None and profile.on_failure.request is not None:
                    self._client(profile.on_failure.client)

    def _client(self, name: str) -> None:
        if name in self.clients or name not in self._profile.clients:
            return
        self.clients.add(name)
        for each in self._profile.clients[name].authentications:
            self.authentications.add(each)
            authentication = self._profile.authentications[each]
            if authentication.login_uri() is not None:
                self._client(authentication.login_client())

    def _incoming(self, name: str) -> None:
        if name in self.incoming:
            return
        self.incoming.add(name)
        incoming: Incoming = self._profile.incoming[name]
        self._client(incoming.client)
        if incoming.parent is not None:
            self._incoming(incoming.parent.incoming)

    def _outgoing(self, outgoing: Outgoing) -> None:
        self._client(outgoing.client)
        source = outgoing.source
        if isinstance(source, IncomingSource) and source.profile is None and source.name in self._profile.incoming:
            self._incoming(source.name)
