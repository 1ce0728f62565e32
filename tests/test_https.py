"""HTTPS with a certificate made for the test, and a real proxy on loopback: what is trusted, refused, and said."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from feed_server import Answer, FeedServer, item, rss
from proxy_server import ProxyServer

from forecast.archive import Archive
from forecast.errors import RetrieveError
from forecast.feeds import collect
from forecast.records import Feed
from forecast.retrieve import retrieve

trustme = pytest.importorskip("trustme")
NOW = datetime(2025, 7, 20, 12, tzinfo=UTC)
FAST: dict[str, Any] = {"timeout": (2.0, 2.0), "deadline": 6.0}
VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No certificates and no proxies but those of the test."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="module")
def authority() -> Any:
    return trustme.CA()


@pytest.fixture
def trusted(authority: Any, tmp_path: Path) -> Path:
    """The authority's certificate in a file, as an IT department hands it out."""
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    return file


def serve(authority: Any, *names: str, **more: Any) -> FeedServer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, **more).configure_cert(context)
    server = FeedServer(tls=context)
    server.play("/feed", Answer(rss(item(1), item(2))))
    return server


@pytest.fixture
def secure(authority: Any) -> Iterator[FeedServer]:
    with serve(authority, "127.0.0.1", "paper.example") as server:
        yield server


def refused(url: str) -> str:
    with pytest.raises(RetrieveError) as e:
        retrieve(url, **FAST)
    assert "\n" not in str(e.value)
    return str(e.value)


def test_an_unknown_authority_is_refused_in_words_that_say_what_to_do(secure: FeedServer) -> None:
    said = refused(secure.url())
    assert "certificate" in said
    assert "self-signed" in said or "authority" in said
    assert "REQUESTS_CA_BUNDLE" in said
    assert secure.requests == [], "something was sent before the certificate was looked at"


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_what_the_user_trusts_is_accepted(secure: FeedServer, trusted: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, str(trusted))
    assert retrieve(secure.url(), **FAST).status == 200


def test_the_more_special_variable_wins(secure: FeedServer, trusted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    assert "certificate" in refused(secure.url())


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_bundle_that_is_not_there_is_named(secure: FeedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "nowhere.pem"))
    said = refused(secure.url())
    assert variable in said
    assert "nowhere.pem" in said
    (tmp_path / "nowhere.pem").write_text("this is no certificate")
    said = refused(secure.url())
    assert variable in said


def test_another_name_is_said(authority: Any, trusted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with serve(authority, "other.example") as server:
        assert "another" in refused(server.url())


def test_an_expired_certificate_is_said(authority: Any, trusted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with serve(authority, "127.0.0.1", not_after=datetime(2020, 1, 1, tzinfo=UTC)) as server:
        said = refused(server.url())
    assert "expired" in said
    assert "clock" in said


def test_a_server_without_tls_is_said() -> None:
    with FeedServer() as server:
        server.play("/feed", Answer(rss(item())))
        said = refused(server.url().replace("http:", "https:"))
    assert "HTTPS" in said


def test_collect_goes_on_past_a_bad_certificate(secure: FeedServer, tmp_path: Path) -> None:
    with FeedServer() as plain, Archive(tmp_path / "a.sqlite") as archive:
        feeds = [Feed("bad", secure.url(), "third"), Feed("good", plain.play("/feed", Answer(rss(item(1)))), "third")]
        bad, good = collect(feeds, archive, now=NOW, **FAST)
    assert (bad.status, good.status, good.new) == ("failed", "ok", 1)
    assert "REQUESTS_CA_BUNDLE" in bad.detail


# -- proxies --------------------------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_is_used(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    with FeedServer() as server, ProxyServer({"paper.example": server.port}) as proxy:
        server.play("/feed", Answer(rss(item(1))))
        monkeypatch.setenv(variable, proxy.url)
        answer = retrieve("http://paper.example/feed", **FAST)
        assert (answer.status, answer.url) == (200, "http://paper.example/feed")
        assert proxy.asked == ["GET http://paper.example/feed HTTP/1.1"]


def test_https_goes_through_the_proxy_in_a_tunnel(secure: FeedServer, trusted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with ProxyServer({"paper.example": secure.port}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert retrieve("https://paper.example/feed", **FAST).status == 200
        assert [line.rsplit(" ", 1)[0] for line in proxy.asked] == ["CONNECT paper.example:443"]
        monkeypatch.delenv("SSL_CERT_FILE")
        assert "certificate" in refused("https://paper.example/feed")


@pytest.mark.parametrize("value", ["127.0.0.1", "*", "localhost,127.0.0.1"])
def test_no_proxy_is_honoured(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    with FeedServer() as server, ProxyServer() as proxy:
        server.play("/feed", Answer(rss(item(1))))
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert retrieve(server.url(), **FAST).status == 200
        assert len(proxy.asked) == 1
        monkeypatch.setenv("NO_PROXY", value)
        assert retrieve(server.url(), **FAST).status == 200
        assert len(proxy.asked) == 1


def test_a_proxy_that_is_not_there_is_named_without_its_password(secure: FeedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with FeedServer() as closed:
        port = closed.port
    for scheme in ("http", "https"):
        monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"http://me:secret@127.0.0.1:{port}")
        said = refused(f"{scheme}://paper.example/feed")
        assert "proxy" in said
        assert f"{scheme.upper()}_PROXY" in said
        assert "secret" not in said


def test_a_proxy_that_wants_a_password(secure: FeedServer, trusted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with FeedServer() as plain, ProxyServer({"paper.example": plain.port, "secure.example": secure.port}, "me:pw") as proxy:
        plain.play("/feed", Answer(rss(item(1))))
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        for url in ("http://paper.example/feed", "https://paper.example/feed"):
            said = refused(url)
            assert "407" in said
            assert "proxy" in said
        monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("//", "//me:pw@"))
        assert retrieve("http://paper.example/feed", **FAST).status == 200


def test_a_redirect_to_this_machine_is_refused_behind_a_proxy_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with FeedServer() as server, ProxyServer({"paper.example": server.port}) as proxy:
        server.play("/feed", Answer(status=302, headers={"Location": server.url("/secret")}))
        server.play("/secret", Answer(rss(item(1))))
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert "private address" in refused("http://paper.example/feed")
        assert server.asked("/secret") == []
