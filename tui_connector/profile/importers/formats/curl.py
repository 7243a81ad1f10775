"""Imports curl commands as people paste them: from bash, the Windows command prompt, PowerShell and browsers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote_plus

from ....client.typed_address import with_scheme
from ....templates import Json
from ..command_text import POWERSHELL, looks_like_command
from ..curl_options import FLAGS, OUTPUT_ONLY, SHORT, WITH_VALUE
from ..format import text_format
from ..model import (
    Files,
    FoundRequest,
    Import,
    ImportOptions,
    InvalidImport,
    NotImported,
    as_written,
    has_unknown,
    no_files,
    short,
    unknown,
)
from ..parts import PartsBuilder
from ..shell_words import PowerShell, PowerShellString, ShellCommand, bash_commands, cmd_commands

_REASONS = {
    "location": "redirects are not followed: write the address that is redirected to",
    "location-trusted": "redirects are not followed: write the address that is redirected to",
    "cookie": "cookies are the secrets of a browser's session; use an HTTP authentication",
    "cookie-jar": "cookies are not kept",
    "cert": "a file of this computer: set tls.client-certificate of the client",
    "key": "a file of this computer: set tls.client-key of the client",
    "capath": "a folder of certificates is not supported: set tls.ca-file of the client",
    "config": "the file of options is not read",
    "netrc": "the file of passwords is not read: use -u",
    "netrc-file": "the file of passwords is not read: use -u",
    "netrc-optional": "the file of passwords is not read: use -u",
    "retry": "add the plugin retry to the client",
    "digest": "HTTP Digest authentication is not supported",
    "ntlm": "NTLM authentication is not supported",
    "negotiate": "Negotiate authentication is not supported",
    "anyauth": "of HTTP's own authentications, only Basic is supported",
    "aws-sigv4": "AWS signatures are not supported",
    "resolve": "addresses of hosts are not overridden",
    "connect-to": "addresses of hosts are not overridden",
    "unix-socket": "Unix sockets are not supported",
    "upload-file": "uploads of files are not supported",
    "max-redirs": "redirects are not followed",
}
_PREFIXES = frozenset(("$", "%", "#", ">", "sudo", "time", "exec", "command", "env"))
_GLOB = re.compile(r"\[\d+-\d+(?::\d+)?\]|\[[a-z]-[a-z]\]|\{[^{},]*,[^{}]*\}")
_WEB_CMDLETS = ("invoke-webrequest", "invoke-restmethod", "iwr", "irm")


def read(text: str, options: ImportOptions) -> Import:
    """The requests of all curl commands in the text. Raises `InvalidImport`."""
    builder = PartsBuilder("curl command", options)
    number = 0
    for words, stdin, unused in _commands(text.replace("\r\n", "\n")):
        number += 1
        place = f"command {number}"
        builder.not_imported += [
            NotImported(place, short(" ".join(each.split()[:2])), "only the request is imported") for each in unused
        ]
        for request in _requests(words, stdin, place, options.files, builder):
            builder.add(request)
    if number == 0:
        raise InvalidImport("import-command", "there is no curl command in this text", "Copy the whole command.")
    return builder.build()


def first_request(text: str) -> FoundRequest:
    """The first request of the commands in a text. Raises `InvalidImport`."""
    builder = PartsBuilder("curl command", ImportOptions())
    for words, stdin, _ in _commands(text.replace("\r\n", "\n")):
        for request in _requests(words, stdin, "the command", no_files, builder):
            return request
    raise InvalidImport("import-command", "there is no request in this text", "Copy the whole command.")


def _commands(text: str) -> Iterator[tuple[list[str], str | None, list[str]]]:
    """The arguments of each curl command, its standard input, and what is left out of it."""
    if POWERSHELL.search(text) or (re.search(r"`[ \t]*\n", text) and not re.search(r"\^[ \t]*\n|\\[ \t]*\n", text)):
        yield from _powershell_commands(text)
        return
    is_cmd = re.search(r'\^[ \t]*\n|\^"|\^\\', text) is not None or (
        re.search(r"(?i)curl\.exe", text) is not None and "'" not in text
    )
    for command in cmd_commands(text) if is_cmd else bash_commands(text):
        words = _after_curl(command)
        if words is not None:
            yield words, command.stdin, command.unused
        elif not is_cmd:
            yield from _at_the_end_of_a_pipe(command)


def _at_the_end_of_a_pipe(command: ShellCommand) -> Iterator[tuple[list[str], str | None, list[str]]]:
    """The curl command, if any, that reads what this command prints: of the program's own, method and address."""
    for at, piped in enumerate(command.unused):
        [reader, *_] = bash_commands(piped.removeprefix("|")) or [ShellCommand()]
        if piped.startswith("|") and (words := _after_curl(reader)) is not None:
            yield [*_printed_options(command.words), *words], None, command.unused[at + 1 :]
            return


def _printed_options(words: Sequence[str]) -> list[str]:
    """The options of curl that `tui-connector header PROFILE METHOD URI` prints for it, but for the secrets."""
    if [word.rpartition("/")[2] for word in words[:2]] != ["tui-connector", "header"]:
        return []
    places = [at for at in range(2, len(words)) if not words[at].startswith("-")]
    positional = [words[at] for at in places if words[at - 1] not in ("--client", "--env")]
    return ["--globoff", "--request", positional[1], "--url", positional[2]] if len(positional) == 3 else []


def _after_curl(command: ShellCommand) -> list[str] | None:
    words = list(command.words)
    while words and (words[0] in _PREFIXES or re.fullmatch(r"[A-Za-z]:.*>|\w[\w.@~:-]*[$#]", words[0])):
        words.pop(0)
    return words[1:] if words and _is_curl(words[0]) else None


def _is_curl(word: str) -> bool:
    return re.split(r"[/\\]", word.lower())[-1] in ("curl", "curl.exe")


def _powershell_commands(text: str) -> Iterator[tuple[list[str], str | None, list[str]]]:
    shell = PowerShell(text)
    for values, unused in shell.commands():
        name = values[0] if values and isinstance(values[0], str) else ""
        is_alias = _is_curl(name) and any(isinstance(each, dict) for each in values)  # as in Windows PowerShell 5
        if name.lower() in _WEB_CMDLETS or is_alias:
            yield [*_cmdlet_words(values[1:], shell)], None, unused
        elif _is_curl(name):
            texts = [each.text if isinstance(each, PowerShellString) else each for each in values[1:]]
            yield [each.replace('\\"', '"') for each in texts if isinstance(each, str)], None, unused


def _cmdlet_words(values: Sequence[str | PowerShellString | dict[str, str]], shell: PowerShell) -> Iterator[str]:
    """The arguments of Invoke-WebRequest as those of curl."""
    method, body, kind = "", None, ""
    at = 0
    while at < len(values):
        value = values[at]
        at += 1
        if isinstance(value, PowerShellString) or (isinstance(value, str) and not value.startswith("-")):
            yield from ("--url", value.text if isinstance(value, PowerShellString) else value)
            continue
        parameter = value.lower().rstrip(":") if isinstance(value, str) else ""
        if parameter in ("-usebasicparsing", "-skipcertificatecheck", "-disablekeepalive", "-verbose"):
            yield from ["--insecure"] if parameter == "-skipcertificatecheck" else []
            continue
        found = values[at] if at < len(values) else ""
        at += 1
        text = found.text if isinstance(found, PowerShellString) else found if isinstance(found, str) else ""
        if parameter == "-uri":
            yield from ("--url", text)
        elif parameter == "-method":
            method = text
        elif parameter == "-headers" and isinstance(found, dict):
            for name, content in found.items():
                yield from ("--header", f"{name}: {content}")
        elif parameter == "-contenttype":
            kind = text
        elif parameter == "-body" and isinstance(found, dict):
            body = "&".join(f"{quote_plus(name)}={quote_plus(content)}" for name, content in found.items())
        elif parameter == "-body":
            body = text
        elif parameter == "-useragent":
            yield from ("--user-agent", text)
        elif parameter == "-proxy":
            yield from ("--proxy", text)
        elif parameter == "-timeoutsec":
            yield from ("--max-time", text)
        elif parameter == "-websession":
            cookies = [texts for name, texts in shell.methods if name.endswith("cookies.add")]
            yield from (word for texts in cookies for word in ("--cookie", "; ".join(texts[:1])))
        else:
            yield from ("--unknown-parameter", parameter or "an argument")
    if kind:
        yield from ("--header", f"Content-Type: {kind}")
    if body is not None:
        yield from ("--data-raw", body)
    if method:
        yield from ("--request", method.upper())


@dataclass(slots=True)
class _Options:
    """What the options of one request say."""

    urls: list[str] = field(default_factory=list)
    method: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    query: list[str] = field(default_factory=list)
    is_json: bool = False
    in_query: bool = False
    multipart: bool = False
    unread: list[str] = field(default_factory=list)
    user: str | None = None
    bearer: str | None = None
    other_authentication: bool = False
    cookies: list[str] = field(default_factory=list)
    proxy: str | None = None
    proxy_user: str | None = None
    globs: bool = True
    client: dict[str, Json] = field(default_factory=dict)
    others: list[tuple[str, str]] = field(default_factory=list)


def _requests(
    words: Sequence[str], stdin: str | None, place: str, files: Files, builder: PartsBuilder
) -> Iterator[FoundRequest]:
    """The requests of one command: one for each address, in groups that --next separates."""
    groups: list[_Options] = [_Options()]
    for name, value in _options(words, place):
        if name == "next":
            groups.append(_Options())
        else:
            _apply(groups[-1], name, value, stdin, files)
    for number, found in enumerate(groups, 1):
        where = place if len(groups) == 1 else f"{place}, part {number}"
        for what, reason in found.others:
            builder.not_imported.append(NotImported(where, what, reason))
        if found.cookies:
            builder.not_imported.append(NotImported(where, f"Cookie {', '.join(found.cookies)}", _REASONS["cookie"]))
        if not found.urls:
            hint = "Copy the whole command, or write the address after --url."
            raise InvalidImport("import-command", "the command has no address", hint, where)
        for url in found.urls:
            yield from _request(found, url, where, builder)


def _options(words: Sequence[str], place: str) -> Iterator[tuple[str, str]]:
    """Each option by its long name, with its value, and each address as "url". Raises `InvalidImport`."""
    at, only_urls = 0, False
    while at < len(words):
        word = words[at]
        at += 1
        if only_urls or not word.startswith("-") or word == "-":
            yield "url", word
        elif word == "--":
            only_urls = True
        elif word.startswith("--"):
            name = word[2:]
            if name in WITH_VALUE or name == "unknown-parameter":
                if at == len(words):
                    raise InvalidImport("import-command", f"the option {word} has no value", "", place)
                yield name, words[at]
                at += 1
            elif name in FLAGS or (name.startswith("no-") and name[3:] in FLAGS):
                yield name, ""
            else:
                hint = "It is not an option of curl, or the command was not copied completely."
                raise InvalidImport("import-command", f"the option {short(word)} is not known", hint, place)
        else:
            letters = word[1:]
            while letters:
                name = SHORT.get(letters[0], "")
                letters = letters[1:]
                if not name:
                    raise InvalidImport("import-command", f"the option {short(word)} is not known", "", place)
                if name not in WITH_VALUE:
                    yield name, ""
                elif letters:
                    yield name, letters
                    break
                elif at < len(words):
                    yield name, words[at]
                    at += 1
                else:
                    raise InvalidImport("import-command", f"the option {short(word)} has no value", "", place)


def _apply(found: _Options, name: str, value: str, stdin: str | None, files: Files) -> None:
    match name:
        case "url":
            found.urls.append(value)
        case "request":
            found.method = value.upper()
        case "header":
            _add_header(found, value, stdin, files)
        case "data" | "data-ascii" | "data-binary" | "json":
            text = _content(found, value[1:], stdin, files) if value.startswith("@") else value
            if text is not None:
                found.data.append(text if _is_json(text) else text.replace("\r", "").replace("\n", ""))
            found.is_json = found.is_json or name == "json"
        case "data-raw":
            found.data.append(value)
        case "data-urlencode":
            found.data.append(_url_encoded(found, value, stdin, files))
        case "url-query":
            found.query.append(value[1:] if value.startswith("+") else _url_encoded(found, value, stdin, files))
        case "get":
            found.in_query = True
        case "head":
            found.method = found.method or "HEAD"
        case "form" | "form-string":
            found.multipart = True
        case "user":
            found.user = value
        case "oauth2-bearer":
            found.bearer = value
        case "digest" | "ntlm" | "negotiate" | "aws-sigv4":
            found.other_authentication = True
            found.others.append((f"--{name}", _REASONS[name]))
        case "user-agent":
            found.headers.append(("User-Agent", value))
        case "referer":
            found.headers.append(("Referer", value))
        case "cookie":
            found.cookies += _cookie_names(value) or ["of a file"]
        case "proxy" | "proxy1.0" | "preproxy" | "socks4" | "socks4a" | "socks5" | "socks5-hostname":
            found.proxy = value if "proxy" in name else f"{name}://{value}"
        case "proxy-user":
            found.proxy_user = value
        case "noproxy":
            if value == "*":
                found.proxy = "direct"
            else:
                found.others.append(("--noproxy", "set the proxy of the client"))
        case "insecure":
            found.client["tls"] = {"verify": False}
        case "cacert":
            found.others.append((f"--cacert {short(value)}", "a file of this computer: set tls.ca-file of the client"))
        case "max-time" | "connect-timeout":
            _add_timeout(found, name, value)
        case "globoff":
            found.globs = False
        case "unknown-parameter":
            found.others.append((value, "this parameter has no counterpart"))
        case _ if name not in OUTPUT_ONLY:
            reason = _REASONS.get(name, "this option of curl has no counterpart")
            found.others.append((f"--{name}", reason))  # its value may be a secret


def _add_timeout(found: _Options, name: str, value: str) -> None:
    try:
        milliseconds = round(float(value) * 1000)
    except (ValueError, OverflowError):
        milliseconds = 0
    if milliseconds <= 0:
        found.others.append((f"--{name} {short(value)}", "it is not a number of seconds"))
        return
    span = f"{milliseconds // 1000}s" if milliseconds % 1000 == 0 else f"{milliseconds}ms"
    found.client["timeout" if name == "max-time" else name] = span


def _add_header(found: _Options, value: str, stdin: str | None, files: Files) -> None:
    lines = [value]
    if value.startswith("@"):
        text = _content(found, value[1:], stdin, files)
        if text is None:  # the request has a body of its own
            found.others.append(("headers", f"their content is not available: {found.unread.pop()}"))
            return
        lines = text.splitlines()
    for line in lines:
        name, colon, content = line.partition(":")
        if not colon and line.strip().endswith(";"):  # curl's way to write a header without a value
            name, colon = line.strip().removesuffix(";"), ":"
        if name.strip().lower() == "cookie":
            found.cookies += _cookie_names(content)
        elif colon and name.strip():
            found.headers.append((name.strip(), content.strip()))
        elif line.strip():
            found.others.append(("a header", "it has no colon between its name and its value"))


def _cookie_names(text: str) -> list[str]:
    return [short(each) for each in re.findall(r"(?:^|;)\s*([^=;\s]{1,60})=", text)]


def _content(found: _Options, name: str, stdin: str | None, files: Files) -> str | None:
    """The text of a file that the command names; None if it is not available."""
    if name == "-":
        if stdin is None:
            found.unread.append("the standard input")
        return stdin
    try:
        return files(name).decode("utf-8-sig")
    except InvalidImport as error:
        found.unread.append(error.message)
    except UnicodeDecodeError:
        found.unread.append(f"the file {short(name)!r}, which is not text")
    return None


def _url_encoded(found: _Options, value: str, stdin: str | None, files: Files) -> str:
    """A value of --data-urlencode: content, =content, name=content, @file or name@file."""
    name = re.split("[=@]", value, maxsplit=1)[0]
    sign, content = value[len(name) :][:1], value[len(name) + 1 :]
    if not sign:
        name, content = "", value
    elif sign == "@":
        content = _content(found, content, stdin, files) or ""
    parts = re.split("(\0[^\0]*\0)", content)
    encoded = "".join(each if each.startswith("\0") else quote_plus(each) for each in parts)
    return f"{name}={encoded}" if name else encoded


def _is_json(text: str) -> bool:
    return text.lstrip()[:1] in ("{", "[")


def _request(found: _Options, url: str, place: str, builder: PartsBuilder) -> Iterator[FoundRequest]:
    if found.globs and (globbed := _GLOB.search(url)):
        reason = "curl would send several requests: import one address after the other"
        builder.not_imported.append(NotImported(place, short(globbed[0]), reason))
        return
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", url):
        url = with_scheme(url) if not has_unknown(url[:1]) else url
    query = list(found.query)
    data = "&".join(found.data) if not found.is_json else "".join(found.data)
    if found.in_query and found.data:
        query.append(data)
    if query:
        address, hash_sign, _ = url.partition("#")
        url = f"{address}{'&' if '?' in address else '?'}{'&'.join(query)}" if not hash_sign or address else url
    has_body = bool(found.data or found.unread) and not found.in_query
    method = found.method or ("POST" if has_body or found.multipart else "GET")
    headers = list(found.headers)
    request = FoundRequest(place, method, url, headers=headers, client=dict(found.client))
    names = {name.lower() for name, _ in headers}
    if found.is_json and "content-type" not in names:
        headers.append(("Content-Type", "application/json"))
    if found.multipart:
        request.not_a_body = "a form with files (multipart/form-data) cannot be sent"
    elif found.unread and not found.in_query:
        request.not_a_body = f"its content is not available: {found.unread[0]}"
    elif has_body:
        kind = next((value for name, value in headers if name.lower() == "content-type"), "")
        if "x-www-form-urlencoded" in kind or (not kind and not _is_json(data)):
            request.form = parse_qsl(data, keep_blank_values=True)
        else:
            request.body = data
    if "authorization" in names and (found.user is not None or found.bearer is not None):
        builder.not_imported.append(NotImported(place, "-u", "the header Authorization replaces it"))
    elif found.bearer is not None:
        headers.append(("Authorization", f"Bearer {found.bearer}"))
    elif found.user is not None and not found.other_authentication:
        name, _, password = found.user.partition(":")
        request.authentication = {"kind": "basic", "username": as_written(name), "password": password or unknown("-u")}
    _add_proxy(request, found, builder)
    yield request


def _add_proxy(request: FoundRequest, found: _Options, builder: PartsBuilder) -> None:
    if found.proxy is None:
        return
    if found.proxy == "direct" or not found.proxy:
        request.client["proxy"] = {"uri": "direct"}
        return
    address = found.proxy if "://" in found.proxy else f"http://{found.proxy}"
    scheme, _, rest = address.partition("://")
    user, at, host = rest.rpartition("@")
    if scheme.lower() not in ("http", "https") or has_unknown(host):
        reason = "only proxies with an http:// or https:// address are supported"
        builder.not_imported.append(NotImported(request.place, f"the proxy {short(f'{scheme}://{host}')}", reason))
        return
    proxy = {"uri": f"{scheme.lower()}://{host.rstrip('/')}"}
    user = found.proxy_user or (user if at else "")
    if user:
        name, _, password = user.partition(":")
        proxy |= {"username": as_written(name), "password": password or unknown("-U")}
    request.client["proxy"] = dict(proxy)


def _fits(text: str) -> bool:
    return not text.startswith(("{", "[")) and looks_like_command(text)  # JSON may contain a command


FORMAT = text_format("curl commands", _fits, read)
