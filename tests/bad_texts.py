"""Texts that are no profile, or a wrong one, and some words of what is said of each."""

from __future__ import annotations

START = 'format = 1\nname = "x"\n'
CLIENT = f"{START}[clients.a]\n"

BAD: list[tuple[int, str | bytes, tuple[str, ...]]] = [
    (
        1,
        "",
        (
            ":1:1: format: is missing",
            "name: is missing",
        ),
    ),
    (1, "# only a comment\n", ("format: is missing",)),
    (
        3,
        "format = 1".encode("utf-16"),
        (
            "UTF-16",
            "Save it as UTF-8",
        ),
    ),
    (3, b'format = 1\nname = "caf\xe9"\n', (":2: is not UTF-8",)),
    (3, 'format = 1\nname = "a\x00b"\n', (":2:10: Invalid character",)),
    (
        5,
        'format = 1\nname = "x\n',
        (
            ":2:10",
            "closing quote",
        ),
    ),
    (
        5,
        f"{START}x = [1,\n",
        (
            ":3:8: ",
            "is not closed",
        ),
    ),
    (6, 'format = 1\nname = "x"\nname = "y"\n', (":3:1: The key name is already defined on line 2",)),
    (6, f"{CLIENT}[clients.a]\n", (":4:1: The table [clients.a] is declared twice, first on line 3",)),
    (6, f'{START}[[clients]]\nname = "a"\n', (":3:1: clients: must be a table",)),
    (
        7,
        f"{CLIENT}timeout = yes\n",
        (
            ":4:11",
            "Write true",
        ),
    ),
    (
        7,
        f'{CLIENT}timeout = "30"\n',
        (
            ":4:1: clients.a.timeout",
            '"30s"',
        ),
    ),
    (7, f"{CLIENT}timeout = -1\n", (":4:1: clients.a.timeout",)),
    (7, f"{CLIENT}timeout = 0\n", (":4:1: clients.a.timeout",)),
    (7, f"{CLIENT}timeout = nan\n", (":4:1: clients.a.timeout",)),
    (7, f"{CLIENT}timeout = 1e400\n", (":4:1: clients.a.timeout",)),
    (7, f'{CLIENT}plugins = [{{ kind = "retry", attempts = 0 }}]\n', ("at least 1",)),
    (
        8,
        f'{CLIENT}description = "C:\\Users\\x"\n',
        (
            ":4:18",
            "'single quotes'",
        ),
    ),
    (
        9,
        '{"format": 1}',
        (
            ":1:1",
            "looks like JSON",
        ),
    ),
    (
        9,
        "format: 1\nname: x\n",
        (
            ":1:7",
            "looks like YAML",
        ),
    ),
    (
        10,
        f"{START}clients = {{\n a = {{}} }}\n",
        (
            ":3:11",
            "on one line",
        ),
    ),
    (13, f"{START}x = {'[' * 2_000}{']' * 2_000}\n", ("nested too deeply",)),
    (13, f"format = {'9' * 5_000}\n", (":1:10: a number is too long",)),
    (15, f'{START}colour = "red"\n', (":3:1: colour: unknown key",)),
    (15, 'format = 1\nnmae = "x"\n', (":2:1: nmae: unknown key; did you mean 'name'?",)),
    (
        16,
        f'{START}[authentications.a]\nkind = "bearer"\ntoken = "CANARY-token"\n',
        (
            ":5:1",
            "into the keyring",
        ),
    ),
    (17, "#" * 2_000_000, ("larger than 1 MiB",)),
]
"""The number of the kind of bad input, a text, and the words."""
