"""Who may ask: a real server, and everything that another page or program could try."""

import http.client
from pathlib import Path

import httpx
import pytest
from references.page_server import TOKEN

ADDRESSES = ["/", "/static/app.js", "/api/about", "/api/sessions/" + "0" * 32, "/nothing"]


def asked(method, address, **options):
    """Without certificates, which take longer to read than the test."""
    return httpx.request(method, address, verify=False, **options)


def cookie(served):
    return {f"iem-{served.port}": TOKEN}


def status_of(answer):
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize("address", ADDRESSES)
def test_nothing_is_shown_without_the_token(served, address):
    for headers in ({}, {"X-IEM-Token": "wrong"}, {"Cookie": f"iem-{served.port}=wrong"}, {"Cookie": f"iem={TOKEN}"}):
        answer = asked("GET", served.url + address, headers=headers)
        assert answer.status_code == 401
        assert "open the link that iem app printed" in answer.json()["error"]


def test_the_start_link_sets_a_cookie_that_opens_the_page(served):
    with httpx.Client(verify=False, base_url=served.url) as browser:
        answer = browser.get("/", params={"token": TOKEN})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
        page = browser.get("/")
        assert page.status_code == 200
        assert "<title>page</title>" in page.text
        assert browser.get("/api/about").status_code == 200


def test_a_link_of_another_start_is_refused(served):
    answer = asked("GET", served.url + "/", params={"token": TOKEN[:-1]})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:{}", ""])
def test_other_names_for_this_machine_are_refused(served, host):
    answer = asked("GET", served.url + "/api/about", headers={"Host": host.format(served.port), "X-IEM-Token": TOKEN})
    assert answer.status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1:{}", "localhost:{}", "[::1]:{}", "LOCALHOST:{}"])
def test_its_own_names_are_answered(served, host):
    headers = {"Host": host.format(served.port), "X-IEM-Token": TOKEN}
    assert asked("GET", served.url + "/api/about", headers=headers).status_code == 200


def test_a_request_without_a_host_or_with_two_is_refused(served):
    good = f"Host: 127.0.0.1:{served.port}\r\n".encode()
    for hosts in (b"", good + b"Host: evil.example\r\n"):
        for version in (b"1.0", b"1.1"):
            head = b"GET /api/about HTTP/" + version + b"\r\nX-IEM-Token: " + TOKEN.encode() + b"\r\n"
            assert status_of(served.raw(head + hosts + b"Connection: close\r\n\r\n")) in (400, 403)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost:1"},
        {"Origin": "null"},
        {"Origin": "https://127.0.0.1:{}"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_other_pages_cannot_ask_even_with_the_cookie(served, headers):
    headers = {name: value.format(served.port) for name, value in headers.items()}
    with httpx.Client(
        verify=False, base_url=served.url, headers=headers, cookies={f"iem-{served.port}": TOKEN}
    ) as other:
        for answer in (
            other.post("/api/photos", content=b"x"),
            other.delete("/api/sessions/" + "0" * 32),
            other.get("/api/about"),
        ):
            assert answer.status_code == 403
            assert "another page" in answer.json()["error"]


def test_the_page_itself_can_ask(served):
    headers = {"Origin": served.url, "Sec-Fetch-Site": "same-origin"}
    with httpx.Client(
        verify=False, base_url=served.url, headers=headers, cookies={f"iem-{served.port}": TOKEN}
    ) as page:
        assert page.get("/api/about").status_code == 200
        assert page.post("/api/photos", content=b"").status_code == 415


def test_no_other_origin_is_ever_allowed(served):
    preflight = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST", "X-IEM-Token": TOKEN}
    for method in ("OPTIONS", "GET", "POST"):
        answer = asked(method, served.url + "/api/photos", headers=preflight)
        assert answer.status_code >= 400
        assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("token", [TOKEN, "wrong"])
def test_every_answer_carries_the_guards(served, address, token):
    headers = asked("GET", served.url + address, headers={"X-IEM-Token": token}).headers
    assert headers["content-security-policy"].startswith("default-src 'self'; img-src 'self' blob: data:")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] in ("no-store", "no-cache")
    assert "server" not in headers


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="only Linux tells")
def test_it_listens_on_this_machine_alone(served):
    addresses = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    assert [each for each in addresses if each == f"0100007F:{served.port:04X}"]
    assert not [each for each in addresses if each == f"00000000:{served.port:04X}"]


def raw_status(served, path):
    """The path as it is: httpx would tidy it."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    connection.putrequest("GET", path)
    connection.putheader("X-IEM-Token", TOKEN)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


@pytest.mark.parametrize(
    "path",
    [
        "/static/../secret.js",
        "/static/..%2fsecret.js",
        "/static/%2e%2e/secret.js",
        "/static/inner/..%2f..%2fsecret.js",
        "/static//etc/passwd",
        "/static/%00.js",
        "/static/notes.txt",
        "/static/inner",
        "/static/",
        "/api/sessions/..%2f..%2fetc%2fpasswd",
        "/api/sessions/%00/photo",
        "/docs",
        "/openapi.json",
    ],
)
def test_no_path_leads_out_of_the_page(served, path):
    status, body = raw_status(served, path)
    assert status == 404
    assert b"secret" not in body.replace(path.encode(), b"")


def test_files_of_the_page_have_their_kinds(client):
    answer = client.get("/static/app.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert client.get("/").headers["content-type"].startswith("text/html")
