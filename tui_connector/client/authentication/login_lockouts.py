"""Logins that a store refused, kept on disk, and the turn to log in: no wrong password is sent twice.

Magento locks an admin user for 30 minutes after six failures (Magento_Integration, oauth_token_request_log), and its
answer does not tell a wrong password from a locked account. A job that starts every minute must not lock the account,
nor may ten that start at the same time.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import logging
import os
import re
import secrets
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote, urlsplit

from ...files import LockTimeout, read_private, try_lock, update_private
from ..uri import canonical

MAGENTO_LOGIN = re.compile(r"/(integration/(admin|customer)/token|tfa/provider/(\w+)/[\w-]+)/?$")
"""The paths of Magento's own token endpoints (Magento_Integration, Magento_TwoFactorAuth)."""

_BEFORE_LOGIN = re.compile(r"(/pub)?(/index\.php)?/rest(/[^/]+)?/v1$")
"""How the same endpoint is reached by several paths: with a store code or without, and with the entry script."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_LONGEST_WAIT = 120.0
"""Seconds for one login of another process; a code may have to be typed for it."""
_POLL = 0.05
_KEPT = 20
"""Refusals of one account; a login is compared with each of them at the cost of one hash."""


@dataclass(frozen=True, slots=True)
class LoginLockout:
    """One refused login. `proof` tells whether the same secrets would be sent again, and gives nothing else away."""

    at: str
    status: int
    message: str
    proof: str


@dataclass(frozen=True, slots=True)
class Account:
    """Who logs in, however the endpoint is written, and with which secrets."""

    login: str
    secret_values: str

    @classmethod
    def of(cls, uri: str, values: Mapping[str, object], secret_names: list[str]) -> Account:
        """The account that `values` log in to at `uri`; those of `secret_names` are never part of its name.

        One exception: a user name is not a secret to Magento, wherever it comes from. Raises `InvalidValue`.
        """
        place, kind = _place(uri)
        if kind and "username" in values and "password" in values:
            who: object = str(values["username"]).strip().casefold()  # so does MySQL compare user names
            return cls(json.dumps([place, kind, who]), json.dumps([str(values["password"])]))
        others = {name: value for name, value in values.items() if name not in secret_names and value is not None}
        return cls(
            json.dumps([place, kind, others], sort_keys=True), json.dumps([values[name] for name in secret_names])
        )


def is_magento_login(uri: str) -> bool:
    """Whether this is a token endpoint of Magento, which locks accounts."""
    return MAGENTO_LOGIN.search(_path("/" + uri.partition("?")[0].lstrip("/"))) is not None


def _place(uri: str) -> tuple[str, str]:
    """Where a login goes, in one form for all ways to write it; at Magento also whose account: admin or customer."""
    parts = urlsplit(canonical(uri))
    host = _host(parts.hostname or "")
    path = _path(parts.path)
    found = MAGENTO_LOGIN.search(path.casefold())
    if found is None:
        return f"{parts.scheme}://{host}:{parts.port}{path}?{parts.query}", ""
    before = _BEFORE_LOGIN.sub("", path.casefold()[: found.start()])
    # http and https of one host are one store; tfa is another door to the same admin account
    return f"{host}:{parts.port or ''}{before}", found[2] or "admin"


def _path(path: str) -> str:
    return re.sub(r"/{2,}", "/", unquote(path)).rstrip("/")


def _host(name: str) -> str:
    name = name.rstrip(".")
    try:
        address = ip_address(name)
    except ValueError:
        try:  # 127.1 and 0x7f000001, which the system's resolver reads as addresses
            address = ip_address(socket.inet_aton(name))
        except OSError:
            return "localhost" if name in _LOOPBACK else name
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return "localhost" if address.compressed in _LOOPBACK else address.compressed


log = logging.getLogger(__name__)


class LoginLockouts:
    """The refused logins of this user. Its methods touch the disk, and hash slowly: call them in a thread.

    Where the state directory cannot be used, they hold within this process.
    """

    _under_way: ClassVar[set[tuple[Path, str]]] = set()
    _unkept: ClassVar[dict[tuple[Path, str], list[LoginLockout]]] = {}
    """Refusals that the disk did not take; their proofs are made with `_salt`."""
    _guard: ClassVar[threading.Lock] = threading.Lock()
    _salt: ClassVar[bytes] = secrets.token_bytes(16)

    def __init__(self, state: Path) -> None:
        self._directory = state / "refused-logins"

    @contextlib.asynccontextmanager
    async def turn(self, account: Account, sleep: Callable[[float], Awaitable[None]]) -> AsyncIterator[None]:
        """The turn to log in to this account: one for all sessions, threads and processes of this user.

        Raises `LockTimeout` when one other login takes too long.
        """
        key = (self._directory, account.login)
        for _ in range(round(_LONGEST_WAIT / _POLL)):
            if self._enter(key):
                break
            await sleep(_POLL)
        else:
            raise LockTimeout(self._directory)
        try:
            descriptor = await self._locked(self._path(account.login).with_suffix(".lock"), sleep)
            try:
                yield
            finally:
                if descriptor is not None:
                    os.close(descriptor)
        finally:
            with self._guard:
                self._under_way.discard(key)

    def _enter(self, key: tuple[Path, str]) -> bool:
        with self._guard:
            if key in self._under_way:
                return False
            self._under_way.add(key)
            return True

    async def _locked(self, path: Path, sleep: Callable[[float], Awaitable[None]]) -> int | None:
        """The lock of all processes; None where the disk has none to give."""
        holder, left = b"", _LONGEST_WAIT
        while left > 0:
            try:
                descriptor = await _in_thread_or_closed(path)
                if descriptor is not None:
                    return descriptor
                found = await asyncio.to_thread(path.read_bytes)
            except OSError:
                return None
            if found != holder:  # each login has its own time
                holder, left = found, _LONGEST_WAIT
            await sleep(_POLL)
            left -= _POLL
        raise LockTimeout(path)

    def find(self, account: Account) -> LoginLockout | None:
        """The refusal of this login with these secrets, if there was one."""
        unkept = self._unkept.get((self._directory, account.login), [])
        if unkept and (stop := _same(unkept, account, self._salt)):
            return stop
        try:
            salt, stops = _read(read_private(self._path(account.login)))
        except (OSError, ValueError):  # not there, or damaged: then it cannot stop anything, and is written again
            return None
        return _same(stops, account, salt)

    def add(self, account: Account, *, at: str, status: int, message: str) -> None:
        """Keeps a refusal. Raises OSError where the disk takes none; this process knows it all the same."""

        def with_it(found: bytes | None) -> bytes:
            try:
                salt, stops = _read(found or b"")
            except ValueError:
                salt, stops = secrets.token_bytes(16), []
            stops = [*stops, LoginLockout(at, status, message[:500], _proof(account.secret_values, salt))][-_KEPT:]
            return json.dumps({"salt": salt.hex(), "stops": [asdict(each) for each in stops]}).encode()

        log.warning("a login was refused with %d: it is not tried again", status)
        try:
            update_private(self._path(account.login), with_it)
        except OSError as error:
            log.warning("the refused login could not be recorded: %s", error.strerror)
            stop = LoginLockout(at, status, message[:500], _proof(account.secret_values, self._salt))
            self._unkept.setdefault((self._directory, account.login), []).append(stop)
            raise

    def clear_all(self) -> None:
        for key in [each for each in self._unkept if each[0] == self._directory]:
            self._unkept.pop(key, None)
        for path in self._directory.glob("*.json"):
            _remove(path)

    def _path(self, login: str) -> Path:
        return self._directory / f"{hashlib.sha256(login.encode()).hexdigest()[:32]}.json"


async def _in_thread_or_closed(path: Path) -> int | None:
    """`try_lock` in a thread; a lock that comes when nobody waits for it any more is let go."""
    task = asyncio.ensure_future(asyncio.to_thread(_marked_lock, path))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(_let_go)
        raise


def _let_go(task: asyncio.Future[int | None]) -> None:
    if not task.cancelled() and task.exception() is None and (descriptor := task.result()) is not None:
        os.close(descriptor)


def _marked_lock(path: Path) -> int | None:
    """The lock, with a mark in it by which those who wait see that another one holds it now."""
    descriptor = try_lock(path)
    if descriptor is not None:
        with contextlib.suppress(OSError):  # on a full disk they wait a little less patiently
            os.pwrite(descriptor, secrets.token_bytes(16), 0)
    return descriptor


def _read(data: bytes) -> tuple[bytes, list[LoginLockout]]:
    """Raises ValueError for what is not a list of refusals."""
    try:
        kept = json.loads(data)
        return bytes.fromhex(kept["salt"]), [LoginLockout(**each) for each in kept["stops"]]
    except (TypeError, KeyError, RecursionError) as error:
        raise ValueError("not a list of refused logins") from error


def _same(stops: list[LoginLockout], account: Account, salt: bytes) -> LoginLockout | None:
    proof = _proof(account.secret_values, salt)
    return next((each for each in reversed(stops) if hmac.compare_digest(each.proof, proof)), None)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):  # one that stays stops the same secrets only, and says so then
        path.unlink()


def _proof(secret_values: str, salt: bytes) -> str:
    # scrypt, so that the file does not help to guess a password (RFC 7914); about 50 ms
    return hashlib.scrypt(secret_values.encode("utf-8", "surrogatepass"), salt=salt, n=2**14, r=8, p=1, dklen=32).hex()
