"""Web addresses: their identity, their credentials and their hosts."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

_TRACKING = ("utm_", "fbclid", "gclid", "at_", "cmp", "ns_")
_TRACKING_EXACT = {"ref", "source", "rss", "ocid", "traffic_source", "outputtype"}
_SECRETS = re.compile(
    r"(?<=[?&;])((?:[a-z_-]*(?:token|secret|password|passwd|api_?key)|key|pwd|pass|auth|sig|signature)"
    r"=)"
    r"[^&#;]+",
    re.I,
)  # fmt: skip


def canonical_url(url: str) -> str:
    """An address as identity: no fragment, tracking, default port, `www.`, mobile or AMP form; always https.

    An address that cannot be taken apart is returned as it is.

    >>> canonical_url("HTTP://www.Example.org:80/a/?utm_source=rss&id=3#top")
    'https://example.org/a?id=3'
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
        query = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=200)
    except ValueError:
        return url.strip()
    for prefix in ("www.", "m.", "mobile.", "amp."):
        if host.count(".") > 1:
            host = host.removeprefix(prefix)
    host = f"[{host}]" if ":" in host else host
    where = host + (f":{port}" if port and port not in (80, 443) else "")
    kept = [(k, v) for k, v in query if not (k.lower().startswith(_TRACKING) or k.lower() in _TRACKING_EXACT)]
    scheme = "https" if parts.scheme.lower() == "http" else parts.scheme.lower()
    path = parts.path.rstrip("/").removesuffix("/amp")
    return urlunsplit((scheme, where, path, urlencode(kept, errors="replace"), ""))


def without_credentials(url: str) -> str:
    """The address without user name and password and with secret parameters masked, for logs and exports.

    >>> without_credentials("https://me:secret@example.org/feed?api_key=17&page=2")
    'https://example.org/feed?api_key=***&page=2'
    """
    return _SECRETS.sub(r"\1***", re.sub(r"(?<=//)[^/?#]*@", "", url))


def split_credentials(url: str) -> tuple[str, tuple[str, str] | None]:
    """The address without user name and password, and those apart. Raises ValueError for a broken address."""
    parts = urlsplit(url)
    user, at, where = parts.netloc.rpartition("@")
    if not at:
        return url, None
    name, _, password = user.partition(":")
    return urlunsplit(parts._replace(netloc=where)), (unquote(name), unquote(password))


def with_credentials(url: str, source: str) -> str:
    """The address with the user name and password of another."""
    user, at, _ = urlsplit(source).netloc.rpartition("@")
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=user + at + parts.netloc)) if at else url


def same_host(a: str, b: str) -> bool:
    """Whether what is secret to address `b` may be told to `a`: same host and port, and no step down to http."""
    try:
        pa, pb = urlsplit(a), urlsplit(b)
        if pa.scheme == "http" and pb.scheme == "https":
            return False
        ports = {"http": 80, "https": 443}
        same_port = (pa.port or ports.get(pa.scheme)) == (pb.port or ports.get(pb.scheme))
        return pa.hostname == pb.hostname and (same_port or not (pa.port or pb.port))
    except ValueError:
        return False
