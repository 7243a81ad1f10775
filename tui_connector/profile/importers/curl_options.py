"""The options of curl (its manual, version 8), as far as reading a command needs them."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SHORT = {
    "X": "request", "H": "header", "d": "data", "u": "user", "G": "get", "I": "head", "F": "form", "x": "proxy",
    "U": "proxy-user", "k": "insecure", "L": "location", "b": "cookie", "c": "cookie-jar", "A": "user-agent",
    "e": "referer", "E": "cert", "K": "config", "m": "max-time", "o": "output", "O": "remote-name", "s": "silent",
    "S": "show-error", "v": "verbose", "i": "include", "f": "fail", "g": "globoff", "N": "no-buffer",
    "T": "upload-file", "w": "write-out", "D": "dump-header", "r": "range", "C": "continue-at", "z": "time-cond",
    "n": "netrc", "0": "http1.0", "1": "tlsv1", "2": "sslv2", "3": "sslv3", "4": "ipv4", "6": "ipv6", "a": "append",
    "B": "use-ascii", "h": "help", "j": "junk-session-cookies", "J": "remote-header-name", "l": "list-only",
    "M": "manual", "p": "proxytunnel", "P": "ftp-port", "q": "disable", "Q": "quote", "R": "remote-time",
    "t": "telnet-option", "V": "version", "y": "speed-time", "Y": "speed-limit", "Z": "parallel",
    "#": "progress-bar", ":": "next",
}  # fmt: skip
"""Short options, and the long ones that they stand for."""
WITH_VALUE = _words("""
    request header data data-raw data-binary data-ascii data-urlencode url-query json user form form-string proxy
    proxy-user cookie cookie-jar user-agent referer cert cert-type key key-type pass cacert capath config max-time
    connect-timeout output output-dir upload-file write-out dump-header range continue-at time-cond url retry
    retry-delay retry-max-time limit-rate max-redirs max-filesize resolve connect-to interface ciphers tls-max
    tls13-ciphers oauth2-bearer noproxy proxy1.0 socks4 socks4a socks5 socks5-hostname preproxy proxy-header
    proxy-cacert proxy-cert proxy-key aws-sigv4 netrc-file stderr trace trace-ascii trace-config unix-socket
    abstract-unix-socket dns-servers keepalive-time local-port speed-time speed-limit parallel-max delegation
    service-name proto proto-default proto-redir pinnedpubkey request-target expect100-timeout
    happy-eyeballs-timeout-ms ftp-port quote telnet-option variable curves engine crlfile hsts alt-svc doh-url ech
    ip-tos vlan-priority create-file-mode etag-save etag-compare rate random-file egd-file libcurl login-options
    mail-from mail-rcpt mail-auth proxy-service-name pubkey hostpubmd5 hostpubsha256 sasl-authzid
    socks5-gssapi-service tlsauthtype tlsuser tlspassword dns-interface dns-ipv4-addr dns-ipv6-addr ftp-account
    ftp-method ipfs-gateway haproxy-clientip
""")
"""Options that are followed by a value."""
FLAGS = _words("""
    get head insecure location location-trusted silent show-error verbose include fail fail-with-body fail-early
    globoff no-buffer remote-name remote-name-all remote-header-name compressed compressed-ssh next netrc
    netrc-optional http0.9 http1.0 http1.1 http2 http2-prior-knowledge http3 http3-only tlsv1 tlsv1.0 tlsv1.1
    tlsv1.2 tlsv1.3 sslv2 sslv3 ssl ssl-reqd ssl-no-revoke ssl-revoke-best-effort ssl-auto-client-cert
    ssl-allow-beast ipv4 ipv6 append use-ascii help junk-session-cookies list-only manual proxytunnel disable
    remote-time version parallel parallel-immediate progress-bar basic digest ntlm negotiate anyauth proxy-basic
    proxy-digest proxy-ntlm proxy-negotiate proxy-anyauth proxy-insecure path-as-is post301 post302 post303
    tcp-fastopen tcp-nodelay no-keepalive keepalive no-sessionid no-alpn alpn no-npn npn raw tr-encoding create-dirs
    crlf styled-output retry-connrefused retry-all-errors cert-status doh-cert-status doh-insecure false-start
    ca-native proxy-ca-native no-progress-meter progress-meter disallow-username-in-url disable-eprt disable-epsv
    ignore-content-length suppress-connect-headers trace-time trace-ids xattr clobber no-clobber skip-existing
    remove-on-error haproxy-protocol metalink form-escape mptcp sessionid buffer
""")
"""Options without a value; most have a counterpart that begins with no-."""
OUTPUT_ONLY = _words("""
    silent show-error verbose include fail fail-with-body fail-early no-buffer output output-dir remote-name
    remote-name-all remote-header-name write-out dump-header progress-bar no-progress-meter stderr trace trace-ascii
    trace-config trace-time trace-ids styled-output globoff path-as-is create-dirs parallel parallel-immediate
    parallel-max tcp-nodelay http1.1 basic next url compressed
""")
"""Options that change what curl prints or how it connects; the program does these things in its own way."""
