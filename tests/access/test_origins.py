"""Which pages may talk to the service, and under which names it answers: a table of good and bad ones."""

import pytest
from oricode_service.access.origins import OriginPolicy, configured, cors_headers, is_loopback, preflight_headers

LOCAL = OriginPolicy.of("127.0.0.1")
PUBLIC = OriginPolicy.of("0.0.0.0", origins=["https://ide.example", "https://*.apps.example", "http://intra:8080"])
HOST = "oricode.example"


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "https://oricode.example",
        "https://ORICODE.example",
        "https://oricode.example:443",
        "vscode-webview://1b2c3d",
        "vscode-webview://0abc-def0-1234",
        "VSCODE-WEBVIEW://1b2c3d",
        "https://ide.example",
        "https://ide.example:443",
        "https://one.apps.example",
        "https://a.b.apps.example",
        "http://intra:8080",
    ],
)
def test_a_public_service_lets_its_own_pages_webviews_and_configured_pages_in(origin):
    assert PUBLIC.allows(origin, HOST)


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "null",
        "*",
        "https://evil.example",
        "https://oricode.example.evil.example",
        "https://evil-oricode.example",
        "https://oricode.example:8443",
        "http://ide.example",
        "https://ide.example:8443",
        "https://ide.example.evil.example",
        "https://ide.example/",
        "https://ide.example/path",
        "https://user@ide.example",
        "https://ide.example@evil.example",
        "https://ide.example#@evil.example",
        "https://ide.example\\.evil.example",
        "https://ide.example, https://evil.example",
        "https://ide.example ",
        "https://ide.example\n",
        "https://apps.example",
        "https://evilapps.example",
        "https://*.apps.example",
        "http://one.apps.example",
        "http://intra",
        "http://vscode-webview.evil.example",
        "http://vscode-webview",
        "vscode-webview.evil.example",
        "vscode-webview:1b2c",
        "vscode-webviewx://1b2c",
        "vscode-file://vscode-app",
        "file://",
        "javascript://oricode.example",
        "ftp://oricode.example",
        "http://localhost",
        "http://localhost:3000",
        "http://127.0.0.1:3000",
        "http://[::1]:3000",
    ],
)
def test_a_public_service_keeps_every_other_page_out(origin):
    assert not PUBLIC.allows(origin, HOST)


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost:3000",
        "https://localhost",
        "http://127.0.0.1:5173",
        "http://[::1]:80",
        "http://app.localhost:9",
    ],
)
def test_pages_of_this_machine_may_talk_to_a_service_that_only_this_machine_reaches(origin):
    assert LOCAL.allows(origin, "127.0.0.1:8000")


@pytest.mark.parametrize(
    "origin",
    ["http://localhost.evil.example", "http://127.0.0.1.evil.example", "http://evil.example:8000", "http://10.0.0.1"],
)
def test_foreign_pages_may_not_talk_to_a_local_service(origin):
    assert not LOCAL.allows(origin, "127.0.0.1:8000")


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("https://x.example", "x.example", True),
        ("http://x.example", "x.example:80", True),
        ("https://x.example", "x.example:443", True),
        ("https://x.example:8443", "x.example:8443", True),
        ("https://x.example", "x.example:80", False),
        ("http://[2001:db8::1]:80", "[2001:db8::1]", True),
        ("https://x.example", None, False),
        ("https://x.example", "", False),
        ("https://x.example", "x.example/", False),
        ("https://x.example", "evil@x.example", False),
    ],
)
def test_same_origin_means_name_and_port_as_in_host(origin, host, same):
    assert OriginPolicy.of("0.0.0.0").allows(origin, host) is same


@pytest.mark.parametrize(
    ("host", "answers"),
    [
        ("127.0.0.1:8000", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("localhost:8000", True),
        ("LOCALHOST", True),
        ("[::1]:8000", True),
        ("app.localhost", True),
        ("proxy.example", True),
        ("PROXY.example:443", True),
        ("page.example", True),
        (None, False),
        ("", False),
        ("evil.example:8000", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example", False),
        ("proxy.example.evil.example", False),
        ("10.0.0.1", False),
        ("127.0.0.1:8000:8000", False),
        ("127.0.0.1 ", False),
        ("x/?", False),
        ("evil@127.0.0.1", False),
    ],
)
def test_a_local_service_answers_only_to_its_own_names(host, answers):
    policy = OriginPolicy.of("127.0.0.1", origins=["https://page.example"], hosts=["Proxy.example"])
    assert policy.answers_to(host) is answers


@pytest.mark.parametrize("bound", ["0.0.0.0", "::", "10.0.0.5", "oricode.example"])
def test_a_public_service_answers_to_any_name(bound):
    assert OriginPolicy.of(bound).answers_to("whatever.example")


def test_a_star_switches_the_host_check_off():
    assert OriginPolicy.of("127.0.0.1", hosts=["*"]).answers_to("whatever.example")


@pytest.mark.parametrize(
    "text", ["example.com", "https://", "https://a.example/", "*", "https://a.*.example", "null", ""]
)
def test_a_configured_origin_must_be_one(text):
    with pytest.raises(ValueError, match="is not an origin"):
        configured(text)


@pytest.mark.parametrize(("host", "loopback"), [("::1", True), ("[::1]", True), ("0.0.0.0", False), ("", False)])
def test_loopback_is_recognised_in_every_spelling(host, loopback):
    assert is_loopback(host) is loopback


def test_an_answer_names_the_very_origin_and_never_allows_credentials():
    headers = cors_headers("https://ide.example")
    assert headers["Access-Control-Allow-Origin"] == "https://ide.example"
    assert "Retry-After" in headers["Access-Control-Expose-Headers"]
    assert cors_headers(None) == {"Vary": "Origin"}
    for answer in (headers, preflight_headers("https://ide.example")):
        assert answer["Vary"] == "Origin"
        assert "Access-Control-Allow-Credentials" not in answer


def test_a_preflight_lets_stock_clients_resume():
    allowed = preflight_headers("https://ide.example")["Access-Control-Allow-Headers"].split(", ")
    assert {"last-event-id", "idempotency-key", "x-api-key", "authorization", "content-type"} <= set(allowed)
