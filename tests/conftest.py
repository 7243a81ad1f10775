"""Shared fixtures; the order of the tests; and the search for leaked secrets and for writes to a real home."""

from __future__ import annotations

import base64
import gc
import hashlib
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fork_server
import pytest
from _pytest.runner import runtestprotocol
from examples import examples
from homes import STRAY, stray_home
from hypothesis import HealthCheck, settings
from keyring_service import KeyringService
from memory_keyring import MemoryKeyring
from requirements import require
from time_zones import time_zone

from tui_connector import text
from tui_connector.guide.trust import ProfileTrust
from tui_connector.machine import Directories, Machine
from tui_connector.sandbox.server import Sandbox, SandboxOptions

# what a shell starts in the background ignores Ctrl+C and Ctrl+\, and so would the programs that tests interrupt
for _number, _handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGQUIT, signal.SIG_DFL)):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _handler)

# how fast a machine is says nothing about whether the program is right
settings.register_profile(
    "any machine", max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

CANARY = b"CANARY"
_allowed: set[Path] = set()


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Runs a test again that failed because gnome-keyring-daemon crashed."""
    if not hasattr(getattr(item, "module", None), "KeyringService"):
        return None
    crashes = KeyringService.crashes
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, log=False, nextitem=nextitem)
    if KeyringService.crashes > crashes and any(report.failed for report in reports):
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """Three processes a core with `-n auto`: tests wait for sockets, processes and the next frame."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    return 3 * (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-snapshots", action="store_true", help="rewrite tests/tui/snapshots with what is shown")
    parser.addoption("--seed", type=int, help="run the tests in the order of this number; 0: in the order of the files")


@pytest.fixture(scope="session", autouse=True)
def _no_real_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with stray_home(tmp_path_factory.mktemp(STRAY)):
        yield


@pytest.fixture(scope="session", autouse=True)
def _utc() -> Iterator[None]:
    """The local time of the tests is UTC, wherever they run."""
    with time_zone("UTC"):
        yield


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """A folder that all processes of a test run share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if hasattr(pytestconfig, "workerinput") else own


@pytest.fixture(scope="session", autouse=True)
def _one_fork_server(run_folder: Path) -> None:
    fork_server.share(run_folder)


@pytest.fixture
def directories(tmp_path: Path) -> Directories:
    config = tmp_path / "config" / "tui-connector"
    return Directories(config, tmp_path / "state", tmp_path / "cache", config / "profiles")


@pytest.fixture
def memory_keyring() -> MemoryKeyring:
    return MemoryKeyring()


@pytest.fixture
def machine(directories: Directories, memory_keyring: MemoryKeyring, tmp_path: Path) -> Machine:
    return Machine(directories, {"HOME": str(tmp_path / "home")}, keyring=lambda: memory_keyring)


@pytest.fixture(autouse=True)
def _trusted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The profiles that tests write are trusted in this process, but where a test is about trust."""
    if "untrusted" not in request.keywords:
        monkeypatch.setattr(ProfileTrust, "missing", lambda self, wanted: [])


@pytest.fixture(autouse=True)
def _no_secrets_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is displayed hides the secrets of this test only: those of others may be known until they are collected."""
    monkeypatch.setattr(text, "_registered", ())


@pytest.fixture
def clean_environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a new user: an empty home and nothing else."""
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    folders = {name: str(home / name.lower()) for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")}
    return {**kept, "TZ": "UTC", "HOME": str(home), **folders, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


@pytest.fixture
async def sandbox(machine: Machine) -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxOptions(products=50), machine.now) as store:
        yield store


@pytest.fixture(scope="session")
def _keyring_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyringService]:
    require("dbus-daemon", "gnome-keyring-daemon")
    service = KeyringService(tmp_path_factory.mktemp("keyring"))
    yield service
    service.close()


@pytest.fixture
def keyring_service(_keyring_service: KeyringService, monkeypatch: pytest.MonkeyPatch) -> Iterator[KeyringService]:
    """A real Secret Service on a bus of its own, unlocked; fresh again for the next test."""
    _keyring_service.ensure_running()
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", _keyring_service.address)
    yield _keyring_service
    _keyring_service.clear()


@pytest.fixture
def may_hold_canary() -> set[Path]:
    """Files that a test writes as its user would, secrets and all: they are left out of the search."""
    return _allowed


def _forms() -> list[bytes]:
    """CANARY as it is, in UTF-16, and as base64 shows it at each of the three alignments."""
    coded = [base64.b64encode(b"x" * shift + CANARY)[2 if shift else 0 : -2] for shift in range(3)]
    return [CANARY, CANARY.decode().encode("utf-16-le"), *(form for form in coded if len(form) >= 6)]


@dataclass
class LeakSearch:
    """What the files hold that tests wrote."""

    searched: set[str] = field(default_factory=set)
    files: int = 0
    leaks: list[str] = field(default_factory=list)
    """Files with a secret in them."""
    stray: list[str] = field(default_factory=list)
    """Files in nobody's home."""

    def add(self, root: Path) -> None:
        """Searches a folder, but for what has been searched already."""
        for folder, folders, files in os.walk(root):
            folders[:] = [each for each in folders if os.path.join(folder, each) not in self.searched]
            is_stray = any(part.startswith(STRAY) for part in Path(folder).relative_to(root).parts)
            for name in files:
                path = Path(folder, name)
                if path.is_symlink() or not path.is_file():
                    continue
                if is_stray:
                    self.stray.append(str(path))
                if path in _allowed:
                    continue
                try:
                    content = path.read_bytes()
                except OSError:
                    continue
                self.files += 1
                if any(form in content for form in _forms()):
                    self.leaks.append(str(path))
        self.searched.add(str(root))

    def merge(self, other: LeakSearch) -> None:
        self.searched |= other.searched
        self.files += other.files
        self.leaks += other.leaks
        self.stray += other.stray


_search = LeakSearch()

BAD_INPUTS = 61
"""The kinds of bad input the project promises to answer with a clear message; `bad_input(number)` marks their tests."""

_met: set[int] = set()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" and report.passed:
        _met.update(number for mark in item.iter_markers("bad_input") for number in mark.args)
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Each process searches the files of its own tests; the one that started the workers gets their results."""
    factory = getattr(session.config, "_tmp_path_factory", None)
    if factory is not None and factory._basetemp is not None:
        _search.add(factory._basetemp)
    worker = getattr(session.config, "workeroutput", None)
    if worker is not None:
        worker["met"], worker["allowed"] = sorted(_met), sorted(map(str, _allowed))
        worker["search"] = (sorted(_search.searched), _search.files, _search.leaks, _search.stray)
    elif _search.leaks or _search.stray:
        session.exitstatus = 1


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Imports all modules.

    To compile them takes most of this time. Each worker begins elsewhere, so that it finds what others have compiled.

    The modules and thousands of cases stay: looking through them for garbage took a quarter of the time.
    """
    sys.dont_write_bytecode = False
    _begin_elsewhere(session.config)
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()
        gc.set_threshold(100_000, 10, 100)  # with 10,000, it took a tenth of the time of tests of screens


def _begin_elsewhere(config: pytest.Config) -> None:
    worker = getattr(config, "workerinput", None)
    if worker is not None and config.args == config.getini("testpaths"):
        files = sorted(str(path) for root in config.args for path in (config.rootpath / root).rglob("test_*.py"))
        begin = len(files) * int(worker["workerid"].removeprefix("gw")) // worker["workercount"]
        config.args[:] = files[begin:] + files[:begin]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests must not depend on their order. The same number gives the same order, in each process.

    Those marked `long` come first, module by module in one process, which so starts their service once. Then those that
    share a long walk through the program: others would wait for its end.
    """
    seed = config.getoption("seed")
    if seed:
        items.sort(key=lambda item: hashlib.sha1(f"{seed} {item.nodeid}".encode()).digest())
        items.sort(key=lambda item: "run_folder" not in getattr(item, "fixturenames", ()))
        items.sort(key=lambda item: (not _is_long(item), item.location[0] if _is_long(item) else ""))
    else:
        items.sort(key=lambda item: item.location[:2])


def _is_long(item: pytest.Item) -> bool:
    return item.get_closest_marker("long") is not None


class _Workers:
    """Starts the workers of a parallel run with the same order, and collects their results."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput["seed"] = self._seed

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        output = getattr(node, "workeroutput", {})
        _met.update(output.get("met", ()))
        _allowed.update(map(Path, output.get("allowed", ())))
        if "search" in output:
            searched, *found = output["search"]
            _search.merge(LeakSearch(set(searched), *found))


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        config.option.seed = config.workerinput["seed"]
    elif config.option.seed is None:
        config.option.seed = random.randrange(1, 100_000)
    if config.pluginmanager.hasplugin("xdist"):
        config.pluginmanager.register(_Workers(config.option.seed), "workers")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    lines = [f"CANARY search: {_search.files} files, {len(_search.leaks)} hits"]
    lines += [f"  leaked into {path}" for path in _search.leaks]
    lines += [f"written by a process without a home of its own: {path}" for path in _search.stray]
    if _met:
        lines.append(f"bad inputs met with a clear message: {len(_met)} of {BAD_INPUTS}")
    lines.append(f"order of the tests: --seed {config.option.seed}")
    for line in lines:
        terminalreporter.write_line(line)
