"""The context that the guide's steps share, for a new profile, a saved one, a draft or the sandbox."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex

from ...client.exchange import Exchanges
from ...client.message import InvalidRequest
from ...client.uri import origin_of
from ...errors import UserError
from ...guide.checks.permissions import UNKNOWN_PERMISSIONS, Permissions
from ...guide.draft_history import DraftHistory
from ...guide.drafts import Draft, key_for
from ...guide.profiles.save import session_key
from ...guide.profiles.saved_changes import SavedChanges
from ...guide.resume import has_unsaved_work, refusals_of, setup_of
from ...guide.secret_sources import SecretPlace, is_source, secret_name, source, source_place, sources, takes_typed
from ...guide.sending.kept_samples import read_samples
from ...guide.steps.methods import GuideStep
from ...guide.steps.profile_draft import new_document
from ...guide.steps.setup import Setup
from ...guide.steps.store_address import FoundStore
from ...guide.trust import ProfileTrust
from ...guide.workbench import Workbench, profile_of
from ...machine import Machine
from ...magento.diagnosis import Finding
from ...profile.model import DEFAULT_CLIENT, ModelPath, Profile
from ...profile.positions import value_at
from ...profile.problems import read_profile
from ...profile.used_parts import Part
from ...secrets.vault import HeldSecrets, KeyringState
from ...templates import Json
from .results import PartPath, PartResults, PartTest, PartValues


@dataclass(frozen=True, slots=True)
class DemoStore:
    """The sandbox store as the guide shows it."""

    url: str
    name: str
    title: str
    description: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class GuideResults:
    """What the guide found in this session about an unfinished setup."""

    parts: PartResults
    skipped: Collection[GuideStep]
    sent: PartValues
    """What the rest depends on."""
    store: FoundStore | None
    authenticated: bool
    permissions: Permissions


@dataclass
class GuideContext:
    """What the steps share: the setup, and what it is tested with."""

    setup: Setup
    workbench: Workbench
    profiles: Path
    path: Path | None = None
    sandbox: Mapping[str, str] = field(default_factory=dict)
    """The sandbox's values by field, in the demo."""
    permissions: Permissions = UNKNOWN_PERMISSIONS
    """What the token may do, as the last successful test found."""
    environment: str = ""
    """The environment in use, whose base values are edited; "" where these are used themselves."""
    draft_key: str = field(default_factory=lambda: token_hex(8))
    """The key of its draft."""
    _parts: PartResults = field(default_factory=PartResults)
    """What tests have shown of the parts of the profile."""
    skipped: set[GuideStep] = field(default_factory=set)
    """The steps that the user has passed without adding anything."""
    resumed: bool = False
    """Whether it was resumed from a draft, which contains no secrets."""
    resumed_secrets: frozenset[ModelPath] = frozenset()
    """The places of the secrets that the draft had when it was resumed."""
    results: dict[str, GuideResults] = field(default_factory=dict)
    """What was found earlier in this session, by the key of the draft."""
    keyring: KeyringState | None = None
    """Whether the keyring can be used, once that was found out."""
    told_keyring: bool = False
    """Whether its user has read why the keyring cannot be used, and what to do about it."""
    changes: SavedChanges = field(default_factory=SavedChanges)
    """What was saved of the profile in this session."""
    tests: list[PartTest] = field(default_factory=list)
    """The last tests of its parts in this guide, once it is closed."""
    draft_history: DraftHistory = field(init=False)
    """The requests of its draft."""
    _tested_at: dict[PartPath, float] = field(default_factory=dict)
    """When parts were tested in this guide, in seconds since the epoch."""

    def __post_init__(self) -> None:
        directory = self.path.parent if self.path is not None else self.profiles
        self.setup.data = self.workbench.machine.directories.data_for(directory)
        self.draft_history = DraftHistory(self.workbench, self.draft_key, saved=self.path is not None)
        self.keep_secrets()

    def keep_secrets(self) -> None:
        """Called once the setup is saved: the secrets that were typed for it belong to the profile."""
        self._kept_secrets = self.workbench.vault.held_secrets()

    def forget_unsaved_secrets(self) -> None:
        """Drops what was typed since the setup was saved: the profile is used as it is saved."""
        self.workbench.vault.restore_held(self._kept_secrets)

    def _typed(self) -> list[tuple[ModelPath, dict[str, Json], str]]:
        """The secrets of the saved profile that were typed since it was saved: path, source, and name in the vault."""
        named = [(path, there, self.setup.secret_name(path)) for path, there in sources(self.setup.draft)]
        vault = self.workbench.vault
        return [each for each in named if self.setup.is_saved(each[0]) and vault.differs(self._kept_secrets, each[2])]

    def use_in_session(self, *within: str, keyring: bool = False) -> list[ModelPath]:
        """Gives the saved profile what was typed for its variables and prompts, until the program exits.

        `within` is a part of the profile. `keyring`: also for its keyring entries, where no keyring can be used.
        Whether a test has accepted them or not: it may have failed for another reason. Returns their paths.
        """
        found: list[ModelPath] = []
        for path, there, name in self._typed():
            key = f"keyring:{name}" if keyring and "keyring" in there else session_key(path, there)
            if self.path is None or key is None or path[: len(within)] != within:
                continue
            self.workbench.vault.keep_typed(name, self.path, key)
            found.append(path)
        return found

    def unsaved_secrets(self) -> list[ModelPath]:
        """The secrets in the keyring whose new values were typed here and are not stored."""
        return [path for path, there, _ in self._typed() if "keyring" in there]

    def secrets_only_here(self) -> list[ModelPath]:
        """The secrets typed here that quitting would lose: not prompts, and none that has a value of its own.

        A command that was given for all secrets may not print them yet.
        """
        vault, environ = self.workbench.vault, self.workbench.machine.environ
        return [
            path
            for path, there in sources(self.setup.draft)
            if vault.differs(self._kept_secrets, self.setup.secret_name(path))
            and "ask" not in there
            and (takes_typed(there, environ) or path in self.setup.moved_to_command)
        ]

    @property
    def has_unsaved(self) -> bool:
        """Whether closing it now would lose something, or keep it as a draft."""
        return has_unsaved_work(self.setup) or bool(self.unsaved_secrets())

    def mark_tested(self, *path: str) -> None:
        """Called after a successful test of this part."""
        self._record(path, None)
        self._tested_at[path] = self.workbench.machine.now().timestamp()

    def mark_refused(self, *path: str, finding: Finding) -> None:
        """Called after a test of this part that has failed, with what it has shown."""
        self._record(path, finding)
        self._tested_at[path] = self.workbench.machine.now().timestamp()

    def _record(self, path: PartPath, finding: Finding | None) -> None:
        self._parts.record(path, self.values_of(path), finding)

    def keep_tests(self) -> None:
        """Keeps the last tests of the parts as they are now, with the secrets that were typed for them.

        Not the refusals of outgoings that were tested with a typed sample: it may be what is wrong, and is not saved.
        """
        with_sample = {("outgoing", name) for name in self.setup.samples}
        refused = {path for path in self.refusals() if path not in with_sample}
        found = [path for path in self._tested_at if path in refused or self.is_tested(*path)]
        data = deepcopy(self.setup.draft)
        self.tests = [PartTest(path, self.refusal(*path), self._tested_at[path], data) for path in found]

    def is_tested(self, *path: str) -> bool:
        """Whether a test has accepted this part as it and its requests are now."""
        return path in self._parts and self._parts.is_accepted(path, self.values_of(path))

    def refusal(self, *path: str) -> Finding | None:
        """Why the last test has refused this part as it and its requests are now; None where it has not."""
        return self._parts.refusal(path, self.values_of(path)) if path in self._parts else None

    def refusals(self) -> dict[PartPath, Finding]:
        """The refusals of all parts as they are now."""
        found = {path: self.refusal(*path) for path in self._parts.paths()}
        return {path: finding for path, finding in found.items() if finding is not None}

    def values_sent(self) -> PartValues:
        """What the results of the client and the authentication that are shown depend on."""
        return self.values_of(("authentications", self.setup.authentication))

    def values_of(self, path: PartPath) -> PartValues:
        """This part, and how its requests are sent."""
        setup = self.setup
        client = path[1] if path[0] == "clients" else setup.client
        if path[0] in ("incoming", "outgoing"):
            client = str(setup.at(*path, "client") or DEFAULT_CLIENT)
        shown = [path[1]] if path[0] == "authentications" else []
        sent = self._senders(client, shown)
        names = {setup.secret_name(place) for place, _ in sources(sent)}
        held = self.workbench.vault.held_secrets()
        typed = HeldSecrets({name: each for name, each in held.entries.items() if name in names})
        return PartValues(deepcopy(setup.at(*path)), sent, typed)

    def _senders(self, client: str, shown: Iterable[str]) -> dict[str, Json]:
        """This client, its authentications and these, and the clients that log in for them, as in the profile."""
        clients, authentications = dict[str, Json](), dict[str, Json]()
        found, names = [client], [*shown]
        while found:
            if (name := found.pop()) in clients:
                continue
            clients[name] = deepcopy(self.setup.at("clients", name))
            applied = value_at(clients[name], ("authentications",))
            names += map(str, applied) if isinstance(applied, list) else ()
            for each in names:
                authentications[each] = deepcopy(self.setup.at("authentications", each))
                if isinstance(login := value_at(authentications[each], ("client",)), str):
                    found.append(login)
        return {"clients": clients, "authentications": authentications}

    @contextmanager
    def keeping_results(self) -> Iterator[None]:
        """What was tested counts for the values as they are afterwards: they get other names, and stay the same."""
        accepted = [path for path in self._parts.paths() if self.is_tested(*path)]
        refused = self.refusals()
        try:
            yield
        finally:
            for path in accepted:
                self._record(path, None)
            for path, finding in refused.items():
                self._record(path, finding)

    def keep_results(self) -> None:
        """Keeps what was found for the draft until the program exits."""
        self.results[self.draft_key] = GuideResults(
            self._parts,
            self.skipped,
            self.values_sent(),
            self.setup.store,
            self.setup.authenticated,
            self.permissions,
        )

    def restore_results(self, refused: Mapping[PartPath, Finding]) -> None:
        """Takes up what was found for the draft earlier in this session, as far as it is still about this setup.

        `refused` are the refusals that the draft has from an earlier session.
        """
        if (found := self.results.get(self.draft_key)) is None:
            for path, finding in refused.items():
                self._record(path, finding)
            return
        self._parts, self.skipped = found.parts.copy(), {*found.skipped}
        if found.sent == self.values_sent():
            self.setup.store, self.setup.authenticated = found.store, found.authenticated
            self.permissions = found.permissions

    def prove_authentication(self, client: object) -> None:
        """Called after this client has read what is not public: the store accepts its authentications."""
        if client == self.setup.client and self.setup.authentication in (applied := self.setup.applied()):
            self.setup.authenticated = True
            for name in applied:
                self.mark_tested("authentications", name)

    def rename(self, name: str) -> None:
        """Renames a profile that was not saved yet; what was typed and tested for it counts under the new name."""
        former, vault = f"{self.setup.name}/", self.workbench.vault
        with self.keeping_results():
            self.setup.rename(name)
            for each in vault.held_names() - {*self.setup.keyring_names()}:
                if each.startswith(former):
                    vault.rename_held(each, f"{name}/{each.removeprefix(former)}")

    def hold(self, path: ModelPath, value: str) -> None:
        """Holds a typed secret in memory, for the place in the profile that names it."""
        setup = self.setup
        if not is_source(setup.at(*path)):
            setup.edit(path, source(SecretPlace.KEYRING, setup.secret_name(path)))
        self.workbench.vault.hold(setup.secret_name(path), value, setup.origin_for(path))
        setup.authenticated = False

    @property
    def keyring_problem(self) -> str:
        """Why the keyring cannot be used, and what to do; "" if it can, or if that is not known."""
        return self.keyring.reason if self.keyring is not None else ""

    def why_no_keyring(self, reason: str) -> str:
        """The reason why the keyring cannot be used; its first words once the whole was read."""
        return reason.partition(": ")[0] if self.told_keyring else reason

    def has_variable(self, name: str, path: ModelPath) -> bool:
        """Whether this variable is set, or this session has a value that may be sent where the secret at `path` is."""
        machine = self.workbench.machine
        origins = [origin] if (origin := self.setup.origin_for(path)) else []
        return bool(machine.environ.get(name)) or machine.typed.has(self.path, f"env:{name}", origins)

    def check_secrets(self) -> None:
        """Raises `InvalidRequest` if secrets must be entered again: a draft was resumed, and it contains none.

        Checked before anything is asked about the profile, since nothing could be sent after a yes.
        """
        if self.lacks_secrets:
            field = str(self._to_enter()[0][-1])
            raise InvalidRequest("Drafts contain no secrets", hint="Enter them again in step 2 (Esc 2).", field=field)

    def trial_data(self) -> dict[str, Json]:
        """The data of the profile as every request of the guide uses it, with the secrets that were typed for it.

        Raises `InvalidRequest` if its secrets must be entered first.
        """
        self.check_secrets()
        return self.data_with_typed()

    def data_with_typed(self) -> dict[str, Json]:
        """The data of the profile, with the secrets that were typed for it, whether or not some are missing."""
        return self.setup.trial_data(self.workbench.vault.held, self.workbench.machine.environ)

    def trial_profile(self, *parts: Part) -> Profile:
        """The profile of `trial_data` for a test of these parts; invalid parts that they do not use are left out.

        Raises `InvalidRequest` with the problems of those that they use, too.
        """
        return profile_of(self.trial_data(), parts)

    @property
    def lacks_secrets(self) -> bool:
        """Whether it was resumed from a draft, and secrets must be entered again."""
        return self.resumed and bool(self._to_enter())

    def _to_enter(self) -> list[ModelPath]:
        """The secrets of the draft that must be entered again."""
        return [path for path, there in sources(self.setup.draft) if self._must_enter(path, there)]

    def _must_enter(self, path: ModelPath, there: Mapping[str, Json]) -> bool:
        setup, vault, place = self.setup, self.workbench.vault, source_place(there)
        is_saved = path[1] in setup.saved_authentications if path[0] == "authentications" else self.path is not None
        names = (setup.secret_name(path), secret_name(setup.name, path))
        if is_saved or place not in (SecretPlace.KEYRING, SecretPlace.ENVIRONMENT) or any(map(vault.held, names)):
            return False
        return place is SecretPlace.KEYRING or not self.has_variable(str(there["env"]), path)

    def takes_typed(self, path: ModelPath) -> bool:
        """Whether requests have what was typed for this secret, if anything was; also where it has no source yet."""
        return takes_typed(self.setup.table(*path), self.workbench.machine.environ)

    def is_typed(self, path: ModelPath) -> bool:
        """Whether requests have a value of this secret that was typed in this session and is not stored."""
        return self.takes_typed(path) and self.workbench.vault.held(self.setup.secret_name(path))

    def glimpse(self, path: ModelPath) -> str:
        """What may be shown of the secret for this place: of a password, its length; "" where it is not available."""
        setup, vault, there = self.setup, self.workbench.vault, self.setup.at(*path)
        if not self.takes_typed(path):
            return ""
        found = vault.glimpse(setup.secret_name(path))
        if not found and isinstance(there, dict) and is_source(there):
            key = session_key(path, there) or f"keyring:{setup.secret_name(path)}"
            found = vault.glimpse_typed(key, setup.origin_for(path))
        return "•" * len(found) if path[-1] in _NEVER_SHOWN else found


def keep_demo_values(machine: Machine, path: Path, demo: DemoStore) -> bool:
    """Makes the sandbox's values known to a profile that names them otherwise than in the keyring. It blocks.

    Returns whether the profile is for this store, and not for one on another port.
    """
    try:
        _, profile = read_profile(path)
    except UserError:  # its page shows what is wrong
        return True
    origin = origin_of(demo.url)
    secrets = [*profile.secrets()]
    for secret in secrets:
        value = demo.values.get(secret.name.rpartition("/")[2])
        if value is not None and origin in secret.origins:
            machine.typed.keep(path, secret.source.key, origin, value)
    return not secrets or any(origin in secret.origins for secret in secrets)


_NEVER_SHOWN = ("password", "totp", "client-key-password")


def open_context(
    machine: Machine,
    path: Path | None,
    demo: DemoStore | None = None,
    *,
    exchanges: Exchanges | None = None,
    trust_once: bool = False,
    results: dict[str, GuideResults] | None = None,
) -> GuideContext:
    """The context for a new profile, or for the one at `path`. Raises `UserError` with every problem and its place.

    `exchanges` is the log to continue, and `results` where to keep what is found.
    """
    workbench = _make_workbench(machine, path, exchanges, once=trust_once)
    directory = machine.directories.profiles
    results = {} if results is None else results
    if path is None:
        setup = Setup(demo.name, new_document(demo.title, demo.description)) if demo else Setup()
        setup.suggested_title = setup.title
        setup.typed_address = setup.suggested_address = demo.url if demo else ""
        setup.suggested_name = setup.name
        return GuideContext(setup, workbench, directory, sandbox=demo.values if demo else {}, results=results)
    document, profile = read_profile(path)
    workbench.keep_history(path, profile)  # the profile page reports it where this fails
    setup = Setup.from_document(path.stem, document)
    setup.samples = read_samples(machine.directories.state, path, setup.outgoing)
    if demo is not None:
        setup.typed_address, setup.authenticated = demo.url, False
        setup.searched = (demo.url, setup.store_view)
    values = demo.values if demo else {}
    return GuideContext(setup, workbench, directory, path, values, draft_key=key_for(path), results=results)


def _make_workbench(
    machine: Machine, path: Path | None, exchanges: Exchanges | None, *, once: bool = False
) -> Workbench:
    trust = ProfileTrust(machine, path, once=once)
    return Workbench(machine, exchanges, directory=trust.directory, trust=trust)


def resume_context(
    machine: Machine,
    draft: Draft,
    exchanges: Exchanges | None = None,
    demo: DemoStore | None = None,
    results: dict[str, GuideResults] | None = None,
) -> tuple[GuideContext, GuideStep]:
    """The context of a draft, and the step to resume at. `exchanges` is the log to continue.

    `demo`: the demo store, whose values are offered if the draft is for it. `results`: what was found earlier.
    """
    setup, step = setup_of(draft)
    path = Path(draft.profile) if draft.profile else None
    workbench = _make_workbench(machine, path, exchanges)
    if path is not None:
        with suppress(UserError):  # its page shows what is wrong
            workbench.keep_history(path, read_profile(path)[1])
    context = GuideContext(setup, workbench, machine.directories.profiles, path, draft_key=draft.key)
    context.resumed = True
    context.resumed_secrets = frozenset(place for place, _ in sources(setup.draft))
    workbench.vault.hold_of_draft(draft.key)
    context.results = {} if results is None else results
    context.restore_results(refusals_of(draft))
    if demo is not None and setup.origin == origin_of(demo.url):
        context.sandbox = demo.values
    return context, step
