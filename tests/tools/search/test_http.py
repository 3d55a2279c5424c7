"""Over HTTP: no fault is waited out, what passes is tried again, and one fault leaves the others' calls alone."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.tools.search.http_server import Reply, Script, serve
from tools.search import retries
from tools.search.client import open_session
from tools.search.failure import NoAnswerError
from tools.search.http import mended
from tools.search.result import SearchRequest, SearchResult, SearchStatus
from tools.search.retries import pause_s
from tools.search.transport import Http

OK = Reply()
REQUEST = SearchRequest(spl="index=a", earliest=0, latest=86400, timeout_s=10)


async def searched(
    url: str, request: SearchRequest = REQUEST, ca: str | None = None
) -> tuple[SearchResult, float]:
    async with open_session(Http(url, {"Authorization": "Bearer hunter2"}, ca), source="t") as session:
        started = time.monotonic()
        result = (await session.search(request)).result
        return result, time.monotonic() - started


def once(reply: Reply) -> Script:
    return lambda number: reply if number == 0 else OK


def always(reply: Reply) -> Script:
    return lambda number: reply


BUSY = Reply(
    429, b'{"jsonrpc":"2.0","id":ID,"error":{"code":-32010,"message":"rate limit"}}', {"retry-after": "0"}
)
PASSING = {
    "503": Reply(503, b"busy"),
    "429": BUSY,
    "500": Reply(500, b"oops"),
    "401": Reply(401, b"{}"),
    "502": Reply(502, b"<html>bad gateway</html>", kind="text/html"),
    "404": Reply(404, b""),
    "dropped": Reply(drop=True),
    "cut": Reply(200, b'{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"te'),
    "busy": Reply(200, b'{"jsonrpc":"2.0","id":ID,"error":{"code":-32010,"message":"busy"}}'),
    "internal": Reply(200, b'{"jsonrpc":"2.0","id":ID,"error":{"code":-32603,"message":"internal"}}'),
    "stream-ends": Reply(200, b": ping\n\n", kind="text/event-stream"),
    "concurrent": Reply(200, b'{"jsonrpc":"2.0","id":ID,"result":{"isError":true,"content":[{"type":"text","text":"The maximum number of concurrent historical searches has been reached"}]}}'),
}  # fmt: skip


@pytest.mark.parametrize("fault", PASSING)
async def test_what_passes_is_tried_again(fault: str) -> None:
    with serve(once(PASSING[fault])) as served:
        result, seconds = await searched(served.url)
    assert result.status is SearchStatus.OK, result.messages
    assert result.rows[0]["user"] == "sato"
    assert served.searches == 2
    assert seconds < 5


@pytest.mark.parametrize(
    ("reply", "status", "told", "searches"),
    [
        (Reply(503, b"busy"), SearchStatus.FAILED, "HTTP 503: busy", 4),
        (Reply(401, b'{"error":{"message":"bad token"}}'), SearchStatus.FAILED, "HTTP 401: bad token", 2),
        (Reply(403, b""), SearchStatus.REFUSED, "HTTP 403", 1),
        (Reply(413, b""), SearchStatus.REFUSED, "HTTP 413", 1),
        (Reply(429, b"slow down", {"retry-after": "3600"}), SearchStatus.FAILED, "HTTP 429: slow down", 1),
        (Reply(504, b""), SearchStatus.TIMED_OUT, "HTTP 504", 4),
        (Reply(200, b"<html>log in</html>", kind="text/html"), SearchStatus.FAILED, "text/html", 1),
        (Reply(200, b"{}"), SearchStatus.FAILED, "none of JSON-RPC", 1),
        (Reply(200, b'{"jsonrpc":"2.0","id":ID,"result":[]}'), SearchStatus.FAILED, "none of JSON-RPC", 1),
        (Reply(302, b"", {"location": "https://elsewhere.example/"}), SearchStatus.FAILED, "elsewhere.example", None),
        (Reply(200, b'{"jsonrpc":"2.0","id":ID,"error":{"code":-32602,"message":"wrong arguments"}}'), SearchStatus.FAILED, "wrong arguments", 1),
    ],
    ids=["503", "401", "403", "413", "429", "504", "page", "object", "result", "redirect", "arguments"],
)  # fmt: skip
async def test_what_does_not_pass_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, reply: Reply, status: SearchStatus, told: str, searches: int | None
) -> None:
    monkeypatch.setattr(retries, "PAUSES_S", (0.01, 0.01, 0.01))
    with serve(always(reply)) as served:
        result, seconds = await searched(served.url)
    assert result.status is status, result.messages
    assert told in result.messages[0]
    assert searches is None or served.searches == searches
    assert seconds < 5


async def test_a_server_that_hangs_is_told_after_the_time_given_and_stays_usable() -> None:
    with serve(once(Reply(seconds=1.5))) as served:
        async with open_session(Http(served.url), source="t") as session:
            hung = await session.search(REQUEST.model_copy(update={"timeout_s": 0.5}))
            assert hung.result.status is SearchStatus.TIMED_OUT
            again = await session.search(REQUEST)
    assert again.result.status is SearchStatus.OK
    assert served.requests.count("initialize") == 1


@pytest.mark.parametrize("fault", ["503", "dropped", "cut", "busy", "stream-ends"])
async def test_one_fault_leaves_the_calls_beside_it_alone(fault: str) -> None:
    def script(number: int) -> Reply:
        return PASSING[fault] if number == 0 else Reply(seconds=0.4)

    with serve(script) as served:
        async with open_session(Http(served.url), source="t") as session:
            results = await asyncio.gather(*(session.search(REQUEST) for _ in range(4)))
    assert {one.result.status for one in results} == {SearchStatus.OK}
    assert (served.searches, served.requests.count("initialize")) == (5, 1)


async def test_a_half_of_a_surrogate_pair_costs_one_character_and_no_answer() -> None:
    body = (
        b'{"jsonrpc":"2.0","id":ID,"result":{"content":[],"structuredContent":'
        b'{"results":[{"user":"a\\ud800b"}],"truncated":true,"total_rows":5000}}}'
    )
    with serve(always(Reply(200, body))) as served:
        result, _ = await searched(served.url, REQUEST.model_copy(update={"row_limit": 1}))
    assert (result.status, result.rows) == (SearchStatus.TRUNCATED, ({"user": "a�b"},))
    assert mended(rb'"\\ud800 \ud83d\ude00 \udc00"') == rb'"\\ud800 \ud83d\ude00 \ufffd"'


async def test_an_answer_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.search.http.LARGEST", 1000)
    body = b'{"jsonrpc":"2.0","id":ID,"result":"' + b"x" * 5000 + b'"}'
    with serve(always(Reply(200, body))) as served:
        result, _ = await searched(served.url)
    assert result.status is SearchStatus.FAILED
    assert "MiB" in result.messages[0]


async def test_a_token_is_sent_and_never_told() -> None:
    with serve(always(Reply(401, b"token=hunter2 is not known"))) as served:
        result, _ = await searched(served.url)
    assert served.tokens == {"Bearer hunter2"}
    assert "hunter2" not in result.model_dump_json()


async def test_nobody_listening_is_told_soon() -> None:
    result, seconds = await searched("http://127.0.0.1:9/mcp")
    assert result.status is SearchStatus.FAILED
    assert "ConnectError" in result.messages[0]
    assert seconds < 8


@pytest.mark.parametrize(
    ("failure", "tried", "left_s", "pause"),
    [
        (NoAnswerError(SearchStatus.FAILED, ""), 1, 100, None),
        (NoAnswerError(SearchStatus.FAILED, "", again=True), 1, 100, 0.25),
        (NoAnswerError(SearchStatus.FAILED, "", again=True), 3, 100, 4.0),
        (NoAnswerError(SearchStatus.FAILED, "", again=True), 4, 100, None),
        (NoAnswerError(SearchStatus.FAILED, "", again=True), 3, 3, None),
        (NoAnswerError(SearchStatus.FAILED, "", 401, again=True), 1, 100, 0.25),
        (NoAnswerError(SearchStatus.FAILED, "", 401, again=True), 2, 100, None),
        (NoAnswerError(SearchStatus.FAILED, "", 429, again=True), 2, 100, 60.0),
        (NoAnswerError(SearchStatus.FAILED, "", 429, again=True), 2, 59, None),
        (NoAnswerError(SearchStatus.FAILED, "", 429, 7.0, again=True), 1, 100, 7.0),
        (NoAnswerError(SearchStatus.FAILED, "", 503, 7.0, again=True), 1, 6, None),
    ],
)
def test_what_is_tried_again_and_when(
    failure: NoAnswerError, tried: int, left_s: float, pause: float | None
) -> None:
    assert pause_s(failure, tried, left_s) == pause


def certificates(folder: Path) -> tuple[Path, Path]:
    """Return a certificate for localhost with its key; it is its own authority."""
    import datetime as dt
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    certificate, secret = folder / "ca.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    secret.write_bytes(key.private_bytes(*pem))
    return certificate, secret


async def test_a_certificate_of_ones_own_is_trusted_when_it_is_named(tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="certificates are made by it")
    import ssl

    certificate, secret = certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, secret)

    with serve(always(OK), lambda plain: context.wrap_socket(plain, server_side=True)) as served:
        trusted, _ = await searched(served.url, ca=str(certificate))
        untrusted, seconds = await searched(served.url)
    assert trusted.status is SearchStatus.OK
    assert untrusted.status is SearchStatus.FAILED
    assert "CERTIFICATE_VERIFY_FAILED" in untrusted.messages[0]
    assert seconds < 8
