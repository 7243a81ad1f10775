"""Starts the program in new processes without waiting for its imports: each is a fork of a server that has them.

Starting an interpreter and importing the program takes longer than most commands. A forked process has its own streams,
environment, working directory, signals and exit code. It differs in two things. All modules are already imported, the
screens too, and their models are built. And once the program has returned, its threads have ended, its exit
functions have run and its streams are flushed, it does not take down its modules: to copy all of the server's memory
for that takes longer than most commands do. Tests of the start or the end itself (imports, encodings, shells) start an
interpreter.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import fcntl
import gc
import json
import os
import select
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from homes import assert_own_home

_SIZE = struct.Struct("!I")
_STATUS = struct.Struct("!i")

APP = "tui-connector"
TAP = "tap-tui-connector"


class ForkServer:
    """The server process, which listens at a path, and exits after the last test process that uses it."""

    def __init__(self, path: Path) -> None:
        """Raises `OSError` or `EOFError` if no server listens there."""
        self.path = path
        self._use = _connected(path)
        self._use.sendall(_SIZE.pack(0))
        _received(self._use, _STATUS.size)

    def start(self, order: Mapping[str, Any], streams: Sequence[int]) -> tuple[int, socket.socket]:
        """Starts a process; returns its PID and a socket that receives its exit status."""
        status = _connected(self.path)
        data = json.dumps(order).encode()
        socket.send_fds(status, [_SIZE.pack(len(data))], streams)
        status.sendall(data)
        return _STATUS.unpack(_received(status, _STATUS.size))[0], status

    def close(self) -> None:
        self._use.close()


def _connected(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(path))
    except OSError:
        connection.close()
        raise
    return connection


_starting = threading.Lock()
_servers: list[ForkServer] = []
_processes: list[subprocess.Popen[bytes]] = []
_run_folders: list[Path] = []


def share(run_folder: Path) -> None:
    """Uses the server of the other test processes with this folder: each would import the program for its own."""
    _run_folders.append(run_folder)


def _server() -> ForkServer:
    """The server, started when it is first needed."""
    with _starting:
        if not _servers:
            _servers.append(_join(_run_folders[-1]) if _run_folders else ForkServer(_started()))
            atexit.register(_servers[0].close)
        return _servers[0]


def _join(run_folder: Path) -> ForkServer:
    path = run_folder / "fork-server"
    with open(run_folder / "fork-server.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with contextlib.suppress(OSError, EOFError):  # it is the first, or the others have ended
            return ForkServer(Path(path.read_text()))
        path.write_text(str(_started()))
        return ForkServer(Path(path.read_text()))


def _started() -> Path:
    """Starts a server; returns the path of its socket, a short one, whose folder it removes when it exits."""
    path = Path(tempfile.mkdtemp(prefix="tui-connector-tests-"), "socket")
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        process = subprocess.Popen(
            [sys.executable, __file__, str(listening.fileno())],
            env={**kept, "HOME": os.environ["HOME"], "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdin=subprocess.DEVNULL,
            pass_fds=[listening.fileno()],
        )
    _processes.append(process)  # it may outlive this process, so nobody waits for it
    return path


def command_in_a_terminal() -> str:
    """The program as a shell command: what is called has the terminal, signals and exit code."""
    caller = Path(__file__).with_name("fork_caller.py")
    return shlex.join([sys.executable, "-I", "-S", str(caller), str(_server().path)])


def for_the_interpreter(env: Mapping[str, str]) -> list[str]:
    """Variables that an interpreter reads when it starts, which a forked process cannot use."""
    return [name for name in env if name.startswith("PYTHON") and name != "PYTHONPATH"]


def _order(
    arguments: Sequence[str | Path],
    env: Mapping[str, str],
    *,
    program: str = APP,
    code: str | None = None,
    cwd: Path | None = None,
    limit_file: int | None = None,
    umask: int | None = None,
    closed: int | None = None,
    encoding: str | None = None,
    terminal: bool = False,
) -> dict[str, Any]:
    """`code` runs in the place of the program, as with `python -c`. `limit_file`: bytes that a file may have.

    `closed` is a standard stream (0, 1 or 2) that the process does not have; `encoding` is that of the streams, as with
    PYTHONIOENCODING. With `terminal`, standard input is made the terminal that controls the process.
    """
    assert_own_home(env)
    odd = for_the_interpreter(env)
    assert not odd, f"{odd}: the interpreter reads this when it starts; use subprocess instead"
    return {
        "arguments": [program, *map(str, arguments)],
        "environment": dict(env),
        "code": code,
        "directory": str(cwd or os.getcwd()),
        "limit_file": limit_file,
        "umask": umask,
        "closed": closed,
        "encoding": encoding,
        "terminal": terminal,
    }


class Process:
    """A process of the server, with the part of `subprocess.Popen` that tests use."""

    def __init__(self, *arguments: str | Path, streams: Sequence[int], env: Mapping[str, str], **more: Any) -> None:
        self.pid, self._status = _server().start(_order(arguments, env, **more), streams)
        self.returncode: int | None = None
        self._lock = threading.Lock()

    def wait(self, timeout: float = 120) -> int:
        with self._lock:
            if self.returncode is None:
                self._status.settimeout(timeout)
                try:
                    self.returncode = _STATUS.unpack(_received(self._status, _STATUS.size))[0]
                except TimeoutError:
                    raise AssertionError(f"the process {self.pid} has not ended within {timeout} s") from None
                self._status.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


def run(
    *arguments: str | Path, env: Mapping[str, str], stdin: bytes = b"", stdout: Path | None = None, **more: Any
) -> tuple[int, bytes, bytes]:
    """The exit code of a command, and what it wrote to standard output (unless that is a file) and standard error."""
    found: list[bytes] = [b"", b""]
    inputs, out, err = os.pipe(), os.pipe(), os.pipe()
    written = out[1] if stdout is None else os.open(stdout, os.O_WRONLY)
    process = Process(*arguments, streams=(inputs[0], written, err[1]), env=env, **more)
    for each in {inputs[0], written, out[1], err[1]}:
        os.close(each)

    def write() -> None:
        with open(inputs[1], "wb") as pipe, contextlib.suppress(BrokenPipeError):
            pipe.write(stdin)
            pipe.flush()

    def read(index: int, stream: int) -> None:
        with open(stream, "rb") as pipe:
            found[index] = pipe.read()

    threads = [
        threading.Thread(target=write),
        *(threading.Thread(target=read, args=each) for each in ((0, out[0]), (1, err[0]))),
    ]
    for thread in threads:
        thread.start()
    try:
        code = process.wait()
    except AssertionError:
        process.kill()
        raise
    finally:
        for thread in threads:
            thread.join()
    return code, found[0], found[1]


@contextlib.contextmanager
def piped(*arguments: str | Path, env: Mapping[str, str], **more: Any) -> Iterator[tuple[Process, IO[str]]]:
    """A command that runs, and its standard output; it has no input, and shares our standard error."""
    out, written = os.pipe()
    with open(os.devnull) as nothing:
        process = Process(*arguments, streams=(nothing.fileno(), written, 2), env=env, **more)
    os.close(written)
    with open(out) as lines:
        try:
            yield process, lines
        except BaseException:
            process.kill()
            raise
        finally:
            process.wait()


class AsyncProcess(Process):
    """The same in an event loop, with the part of `asyncio.subprocess.Process` that tests use."""

    stdout: asyncio.StreamReader
    stderr: asyncio.StreamReader

    def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int] = loop.create_future()
        self._status.setblocking(False)
        loop.add_reader(self._status, self._end)

    def _end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._status)
        self.returncode = _STATUS.unpack(self._status.recv(_STATUS.size))[0]
        self._status.close()
        self._ended.set_result(self.returncode)

    async def wait(self) -> int:  # type: ignore[override]
        return await asyncio.shield(self._ended)

    async def communicate(self) -> tuple[bytes, bytes]:
        """What it writes, until it ends."""
        streams = [getattr(self, name, None) for name in ("stdout", "stderr")]
        out, err = await asyncio.gather(*(_all(each) for each in streams))
        await self.wait()
        return out, err


async def _all(stream: asyncio.StreamReader | None) -> bytes:
    return b"" if stream is None else await stream.read()


async def start(
    *arguments: str | Path,
    env: Mapping[str, str],
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
    **more: Any,
) -> AsyncProcess:
    """A command that runs. A stream is `None` (nothing), `asyncio.subprocess.PIPE` or a descriptor."""
    nothing = os.open(os.devnull, os.O_RDWR)
    ours: dict[str, int] = {}
    streams, mine = [nothing if stdin is None else stdin], [nothing]
    for name, given in (("stdout", stdout), ("stderr", stderr)):
        if given == asyncio.subprocess.PIPE:
            ours[name], given = os.pipe()
            mine.append(given)
        streams.append(nothing if given is None else given)
    process = AsyncProcess(*arguments, streams=streams, env=env, **more)
    process._watch()
    for each in mine:
        os.close(each)
    for name, descriptor in ours.items():
        setattr(process, name, await _reader(descriptor))
    return process


async def _reader(descriptor: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=2**24)
    pipe = os.fdopen(descriptor, "rb", buffering=0)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    return reader


def _received(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


# in the server


def _import_everything() -> None:
    import importlib
    import pkgutil

    import tui_connector

    for each in pkgutil.walk_packages(tui_connector.__path__, "tui_connector."):
        importlib.import_module(each.name)

    # what is imported when it is first needed
    for name in ("_strptime", "keyring.backends.SecretService", "platformdirs.unix"):
        importlib.import_module(name)
    with contextlib.suppress(ImportError):  # of an extra
        importlib.import_module("psycopg")

    # what is made when it is first needed
    from tui_connector.client.connection import tls_context
    from tui_connector.client.model import Tls
    from tui_connector.kinds import Model
    from tui_connector.text import shown

    models = [Model]
    for model in models:
        model.model_rebuild()
        models += model.__subclasses__()
    shown("é")
    tls_context(Tls(), Path(), "", None)


def _next_order(listening: socket.socket) -> dict[str, Any]:
    """Serves until nobody uses it. What it returns, it returns in a new process: what is to be done there."""
    users: set[socket.socket] = set()
    ends: dict[int, socket.socket] = {}
    wakes, woken = os.pipe()
    for each in (wakes, woken):
        os.set_blocking(each, False)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        ready, _, _ = select.select([wakes, listening, *users], [], [])
        for left in users.intersection(ready):
            users.remove(left)
            left.close()
            if not users:
                shutil.rmtree(Path(listening.getsockname()).parent)
                os._exit(0)
        if wakes in ready:
            os.read(wakes, 4096)
        if listening in ready:
            connection = listening.accept()[0]
            sent, streams, _, _ = socket.recv_fds(connection, _SIZE.size, 3)
            size = _SIZE.unpack(sent)[0] if sent else 0
            if sent and not size:
                users.add(connection)
                connection.sendall(_STATUS.pack(0))
            if not size:
                continue
            order: dict[str, Any] = json.loads(_received(connection, size))
            if (number := os.fork()) == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                signal.signal(signal.SIGINT, signal.default_int_handler)
                for target, stream in enumerate(streams):
                    os.dup2(stream, target)
                for opened in (listening, connection, *users, *ends.values()):
                    opened.detach()
                os.closerange(3, 256)
                return order
            ends[number] = connection
            with contextlib.suppress(OSError):
                connection.sendall(_STATUS.pack(number))
            for stream in streams:
                os.close(stream)
        while ends:
            number, status = os.waitpid(-1, os.WNOHANG)
            if not number:
                break
            with ends.pop(number) as end, contextlib.suppress(OSError):
                end.sendall(_STATUS.pack(os.waitstatus_to_exitcode(status)))


def _prepare(order: dict[str, Any]) -> None:
    """What a new process has of its own, and then the streams as an interpreter makes them when it starts."""
    import resource

    sys.argv[:] = order["arguments"]
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    os.chdir(order["directory"])
    if order["terminal"]:
        import termios

        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    if order["umask"] is not None:
        os.umask(order["umask"])
    if order["limit_file"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["limit_file"], order["limit_file"]))
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        before = getattr(sys, name)
        if number == order["closed"]:
            os.close(number)
            setattr(sys, name, None)
            setattr(sys, f"__{name}__", None)
            before.detach()
            continue
        errors = before.errors if order["encoding"] is None or number == 2 else "strict"
        stream = open(  # noqa: SIM115
            number, "w" if number else "r", encoding=order["encoding"] or before.encoding, errors=errors, closefd=False
        )
        if number:
            stream.reconfigure(line_buffering=number == 2 or stream.isatty())
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
        before.detach()


def _end(status: object) -> None:
    """What an interpreter does when it ends, but for its modules. Returns where the interpreter itself has to do it."""
    if not isinstance(status, int | None):
        return
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads, as an interpreter that ends does
    atexit._run_exitfuncs()
    gc.collect()
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):
        return
    os._exit(int(status or 0) & 0xFF)


if __name__ == "__main__":
    _import_everything()
    gc.freeze()
    _ordered = _next_order(socket.socket(fileno=int(sys.argv[1])))
    _prepare(_ordered)
    try:
        if _ordered["code"] is not None:
            exec(compile(_ordered["code"], "<string>", "exec"), {"__name__": "__main__"})
        else:
            from tui_connector import __main__

            (__main__.tap if _ordered["arguments"][0] == TAP else __main__.main)()
    except SystemExit as ended:
        _end(ended.code)
        raise
    _end(0)
