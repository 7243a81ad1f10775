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
import gc
import json
import os
import select
import shlex
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
    """The server process and its control socket. It exits when the socket is closed.

    It also listens at a path, and starts a process for each program that calls it there.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._folder = tempfile.TemporaryDirectory()
        self.path = Path(self._folder.name) / "socket"
        self._control, its_end = socket.socketpair()
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
        with its_end:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(its_end.fileno()), str(self.path)],
                env={**kept, "HOME": os.environ["HOME"], "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                stdin=subprocess.DEVNULL,
                pass_fds=[its_end.fileno()],
            )

    def start(self, order: Mapping[str, Any], streams: Sequence[int]) -> tuple[int, socket.socket]:
        """Starts a process; returns its PID and a socket that receives its exit status."""
        ours, theirs = socket.socketpair()
        data = json.dumps(order).encode()
        with theirs, self._lock:
            socket.send_fds(self._control, [_SIZE.pack(len(data))], [*streams, theirs.fileno()])
            self._control.sendall(data)
        return _STATUS.unpack(_received(ours, _STATUS.size))[0], ours

    def close(self) -> None:
        self._control.close()
        self._process.wait()
        self._folder.cleanup()


_starting = threading.Lock()
_servers: list[ForkServer] = []


def _server() -> ForkServer:
    """The server of this test process, started when it is first needed."""
    with _starting:
        if not _servers:
            _servers.append(ForkServer())
            atexit.register(_servers[0].close)
        return _servers[0]


def command_in_a_terminal() -> str:
    """The program as a shell command: what is called has the terminal, signals and exit code."""
    path = _server().path
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, "the server does not listen"
        time.sleep(0.01)
    caller = Path(__file__).with_name("fork_caller.py")
    return shlex.join([sys.executable, "-I", "-S", str(caller), str(path)])


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


def _next_order(control: socket.socket, listening: socket.socket) -> dict[str, Any]:
    """Serves until the socket is closed. What it returns, it returns in a new process: what is to be done there."""
    ends: dict[int, socket.socket] = {}
    wakes, woken = os.pipe()
    for each in (wakes, woken):
        os.set_blocking(each, False)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        ready, _, _ = select.select([control, wakes, listening], [], [])
        if wakes in ready:
            os.read(wakes, 4096)
        for each in ready:
            if each is wakes:
                continue
            connection = control if each is control else each.accept()[0]
            size, streams, _, _ = socket.recv_fds(connection, _SIZE.size, 4)
            if not size:
                os._exit(0)
            order: dict[str, Any] = json.loads(_received(connection, _SIZE.unpack(size)[0]))
            if connection is not control:  # who calls is also who waits for the end
                streams.append(connection.detach())
            if (number := os.fork()) == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                signal.signal(signal.SIGINT, signal.default_int_handler)
                for target, stream in enumerate(streams[:3]):
                    os.dup2(stream, target)
                for opened in (control, listening, *ends.values()):
                    opened.detach()
                os.closerange(3, 256)
                return order
            ends[number] = socket.socket(fileno=streams.pop())
            with contextlib.suppress(OSError):
                ends[number].sendall(_STATUS.pack(number))
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
        import fcntl
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
    if not isinstance(status, int | None) or None in (sys.stdout, sys.stderr):
        return
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads, as an interpreter that ends does
    atexit._run_exitfuncs()
    gc.collect()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return
    os._exit(int(status or 0) & 0xFF)


def _listening(path: str) -> socket.socket:
    found = socket.socket(socket.AF_UNIX)
    found.bind(f"{path}.new")
    found.listen()
    os.rename(f"{path}.new", path)
    return found


if __name__ == "__main__":
    _import_everything()
    gc.freeze()
    _ordered = _next_order(socket.socket(fileno=int(sys.argv[1])), _listening(sys.argv[2]))
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
