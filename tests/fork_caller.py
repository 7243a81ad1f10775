"""Calls the program by a fork server (`fork_server.command_in_a_terminal`): it has our streams, signals, exit code."""

import json
import os
import signal
import socket
import struct
import sys

_PASSED_ON = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGWINCH)


def _received(connection: socket.socket) -> int:
    data = connection.recv(4, socket.MSG_WAITALL)
    if len(data) < 4:
        sys.exit("the fork server has ended")
    number: int = struct.unpack("!i", data)[0]
    return number


with socket.socket(socket.AF_UNIX) as server:
    server.connect(sys.argv[1])
    order = {
        "arguments": ["tui-connector", *sys.argv[2:]],
        "environment": dict(os.environ),
        "code": None,
        "directory": os.getcwd(),
        "limit_file": None,
        "umask": None,
        "closed": None,
        "encoding": None,
        "terminal": False,
    }
    text = json.dumps(order).encode()
    signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED_ON)
    socket.send_fds(server, [struct.pack("!I", len(text))], [0, 1, 2])
    server.sendall(text)
    process = _received(server)
    for number in _PASSED_ON:
        signal.signal(number, lambda number, _: os.kill(process, number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _PASSED_ON)
    status = _received(server)
if status < 0:
    signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
sys.exit(status)
