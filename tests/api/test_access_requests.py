import pytest
import service_toys as toys
from sqlalchemy.exc import OperationalError

from assay.errors import SettingsError
from assay.serve.access import callers
from assay.serve.access.keys import revoke_key
from assay.serve.access.limits import TokenBuckets, bucket_of

LIVE = "ws://localhost/live"  # the client's own default is another name


@pytest.fixture
def local(tmp_path):
    """A service on loopback."""
    return toys.client_of(toys.make_app(toys.make_context(tmp_path)))


@pytest.fixture
def keyed(tmp_path):
    """A context whose service asks for keys."""
    return toys.make_context(tmp_path, serve_require_key=True)


def code_of(response):
    error = response.json()["error"]
    assert set(error) == {"code", "message", "context", "request_id"}
    assert error["request_id"]
    return response.status_code, error["code"]


def test_on_loopback_the_local_user_may_do_everything(local):
    told = local.post("/predict/a").json()
    assert told["id"] == "local"
    assert "admin" in told["scopes"]
    with local.websocket_connect(LIVE) as socket:
        assert socket.receive_json() == {"id": "local"}


def test_a_wrong_key_is_refused_even_where_none_is_needed(local):
    assert code_of(local.post("/predict/a", headers=toys.bearer("nonsense"))) == (401, "key_refused")


@pytest.mark.parametrize("how", [lambda key: {"Authorization": f"bearer {key}"}, lambda key: {"X-API-Key": key}])
def test_a_key_is_taken_from_either_header(keyed, how):
    key, text = toys.make_key(keyed, "predict")
    client = toys.client_of(toys.make_app(keyed))
    told = client.post("/predict/a", headers=how(text)).json()
    assert told == {"id": key.id, "name": "toy", "scopes": ["predict"]}


def test_without_a_key_nothing_but_public_paths_is_reached(keyed):
    toys.make_key(keyed)
    client = toys.client_of(toys.make_app(keyed))
    assert client.get("/livez").json() == {"alive": True}
    for response in (client.post("/predict/a"), *map(client.get, ("/open", "/nowhere", "/openapi.json"))):
        assert code_of(response) == (401, "key_required")
        assert response.headers["www-authenticate"].startswith("Bearer")


def test_expired_foreign_malformed_and_revoked_keys_are_refused(keyed, tmp_path):
    _, good = toys.make_key(keyed)
    _, expired = toys.make_key(keyed, lifetime_s=1, now=1.0)
    _, foreign = toys.make_key(toys.make_context(tmp_path / "elsewhere"))
    client = toys.client_of(toys.make_app(keyed))
    for text, reason in ((expired, "expired"), (foreign, "unknown"), ("assay_x", "malformed"), ("", "malformed")):
        response = client.post("/predict/a", headers={"X-API-Key": text})
        assert code_of(response) == (401, "key_refused")
        assert response.json()["error"]["context"] == {"reason": reason}
    assert client.post("/predict/a", headers=toys.bearer(good)).status_code == 200
    with keyed.database.session() as session:
        revoke_key(session, good.split("_")[1])
    assert code_of(client.post("/predict/a", headers=toys.bearer(good))) == (401, "key_refused")


def test_no_refusal_repeats_the_key(keyed):
    _, text = toys.make_key(keyed, "metrics")
    client = toys.client_of(toys.make_app(keyed))
    for given in (text, text[:-1] + "?"):
        assert text[19:40] not in client.post("/predict/a", headers=toys.bearer(given)).text


def test_two_keys_that_differ_and_other_schemes_are_refused(keyed):
    _, text = toys.make_key(keyed)
    client = toys.client_of(toys.make_app(keyed))
    for headers in ({**toys.bearer(text), "X-API-Key": "other"}, {"Authorization": "Basic YTpi"}):
        assert code_of(client.post("/predict/a", headers=headers)) == (401, "key_refused")


def test_a_key_without_the_scope_is_refused(keyed):
    _, text = toys.make_key(keyed, "history")
    response = toys.client_of(toys.make_app(keyed)).post("/predict/a", headers=toys.bearer(text))
    assert code_of(response) == (403, "scope_missing")
    assert response.json()["error"]["context"] == {"scope": "predict"}


def test_web_sockets_are_guarded_alike(keyed):
    key, text = toys.make_key(keyed, "predict")
    _, other = toys.make_key(keyed, "history")
    client = toys.client_of(toys.make_app(keyed))
    with client.websocket_connect(LIVE, headers=toys.bearer(text)) as socket:
        assert socket.receive_json() == {"id": key.id}
    for headers, expected in (({}, 401), (toys.bearer("bad"), 401), (toys.bearer(other), 403)):
        with (
            pytest.raises(toys.WebSocketDenialResponse) as denied,
            client.websocket_connect(LIVE, headers=headers),
        ):
            pass
        assert denied.value.status_code == expected
        assert denied.value.json()["error"]["request_id"]


def test_a_browser_brings_its_key_as_a_subprotocol(keyed):
    key, text = toys.make_key(keyed, "predict")
    client = toys.client_of(toys.make_app(keyed))
    with client.websocket_connect(LIVE, subprotocols=["assay", f"assay-key.{text}"]) as socket:
        assert socket.accepted_subprotocol == "assay"
        assert socket.receive_json() == {"id": key.id}


def test_a_scope_that_does_not_exist_is_a_fault_of_ours():
    with pytest.raises(ValueError, match="no scope 'root'"):
        toys.require("root")


def test_an_app_without_the_guard_stays_shut():
    from fastapi import Depends, FastAPI

    from assay.errors import KeyRequired

    app = FastAPI()
    app.get("/", dependencies=[Depends(toys.require("predict"))])(lambda: None)
    with pytest.raises(KeyRequired, match="install was not called"):
        toys.client_of(app).get("/")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "assay.example.org"])
def test_on_another_address_a_service_without_keys_refuses_to_start(tmp_path, host):
    context = toys.make_context(tmp_path, serve_host=host)
    with pytest.raises(SettingsError, match="assay keys create"):
        toys.make_app(context)
    toys.make_key(context, lifetime_s=1, now=1.0)
    with pytest.raises(SettingsError, match="assay keys create"):
        toys.make_app(context)
    toys.make_key(context)
    assert code_of(toys.client_of(toys.make_app(context)).get("/open")) == (401, "key_required")


def test_keys_may_be_switched_off_aloud_and_then_nobody_is_admin(tmp_path, caplog):
    context = toys.make_context(tmp_path, serve_host="0.0.0.0", serve_require_key=False)
    told = toys.client_of(toys.make_app(context)).post("/predict/a").json()
    assert told["id"] == "anybody"
    assert "admin" not in told["scopes"]
    assert "anybody who reaches 0.0.0.0" in caplog.text


@pytest.mark.parametrize(
    ("host", "found"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("", False)],
)
def test_what_is_loopback(host, found):
    assert callers.is_loopback(host) is found


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:5000", "[", ""])
def test_on_loopback_another_name_is_refused(local, host):
    assert code_of(local.post("/predict/a", headers={"Host": host})) == (400, "host_refused")


@pytest.mark.parametrize("host", ["localhost", "localhost:5000", "127.0.0.1:5000", "[::1]:5000", "LOCALHOST"])
def test_names_of_loopback_are_answered(local, host):
    assert local.post("/predict/a", headers={"Host": host}).status_code == 200


def test_allowed_hosts_are_answered_and_no_others(tmp_path):
    context = toys.make_context(tmp_path, serve_host="0.0.0.0", serve_allowed_hosts=("assay.example.org",))
    _, text = toys.make_key(context)
    client = toys.client_of(toys.make_app(context))
    found = [
        client.post("/predict/a", headers={**toys.bearer(text), "Host": host}).status_code
        for host in ("assay.example.org:443", "127.0.0.1", "other.example.org")
    ]
    assert found == [200, 200, 400]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:9999", "http://[", "http://[::1"])
def test_pages_of_other_sites_cannot_use_the_local_user(local, origin):
    assert code_of(local.post("/predict/a", headers={"Origin": origin})) == (403, "origin_refused")
    with (
        pytest.raises(toys.WebSocketDenialResponse),
        local.websocket_connect(LIVE, headers={"Origin": origin}),
    ):
        pass


def test_allowed_hosts_may_be_written_in_capitals(tmp_path):
    context = toys.make_context(tmp_path, serve_host="Box.Example.org", serve_allowed_hosts=("Assay.Example.org",))
    headers = toys.bearer(toys.make_key(context)[1])
    client = toys.client_of(toys.make_app(context))
    for host in ("assay.example.org", "Assay.Example.ORG:443", "box.example.org"):
        assert client.post("/predict/a", headers={**headers, "Host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["null", "http://["])
def test_a_page_without_a_name_is_not_ours_where_the_host_has_none(tmp_path, origin):
    context = toys.make_context(tmp_path, serve_host="0.0.0.0", serve_require_key=False)
    client = toys.client_of(toys.make_app(context))
    assert code_of(client.post("/predict/a", headers={"Origin": origin, "Host": ""})) == (403, "origin_refused")


def test_our_own_page_may_call(local):
    assert local.post("/predict/a", headers={"Origin": "http://localhost"}).status_code == 200


def test_cors_is_off_unless_an_origin_is_listed(local, tmp_path):
    ask = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    assert "access-control-allow-origin" not in local.options("/predict/a", headers=ask).headers
    context = toys.make_context(tmp_path / "other", serve_cors_origins=("https://a.example",))
    client = toys.client_of(toys.make_app(context))
    answered = client.options("/predict/a", headers=ask)
    assert answered.headers["access-control-allow-origin"] == "https://a.example"
    assert "access-control-allow-credentials" not in answered.headers
    assert client.post("/predict/a", headers={"Origin": "https://a.example"}).status_code == 200
    assert client.options("/predict/a", headers={**ask, "Origin": "https://b.example"}).status_code == 400


@pytest.mark.parametrize("origin", ["*", "https://*.example", "example.org", "https://a.example/", "ftp://a.example"])
def test_an_origin_that_is_none_is_no_setting(tmp_path, origin):
    with pytest.raises(ValueError, match="no origin"):
        toys.make_context(tmp_path, serve_cors_origins=(origin,))


def test_every_answer_has_safe_headers(keyed):
    toys.make_key(keyed)
    client = toys.client_of(toys.make_app(keyed))
    for response in (client.get("/livez"), client.get("/open")):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in response.headers["content-security-policy"]
        assert response.headers["cache-control"] == "no-store"


def test_a_key_runs_into_its_limit_and_is_told_when_to_come_again(tmp_path):
    context = toys.make_context(tmp_path, serve_require_key=True, serve_key_rate=30)  # 0.5 a second, 5 at once
    (_, one), (_, other) = toys.make_key(context), toys.make_key(context, rate=6000)
    client = toys.client_of(toys.make_app(context))
    answers = [client.post("/predict/a", headers=toys.bearer(one)) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert code_of(answers[-1]) == (429, "rate_limited")
    assert int(answers[-1].headers["retry-after"]) == 2
    assert all(client.post("/predict/a", headers=toys.bearer(other)).status_code == 200 for _ in range(20))


def test_an_address_runs_into_its_limit_whatever_it_brings(tmp_path):
    context = toys.make_context(
        tmp_path, serve_require_key=True, serve_address_rate=30, serve_trusted_proxies=("192.0.2.0/24",)
    )
    toys.make_key(context)
    client = toys.client_of(toys.make_app(context), client=("192.0.2.7", 1234))
    found = [
        client.post("/predict/a", headers={"X-API-Key": "guess", "X-Forwarded-For": "9.9.9.9, 203.0.113.5"}).status_code
        for _ in range(6)
    ]
    assert found == [401] * 5 + [429]
    assert client.post("/predict/a", headers={"X-Forwarded-For": "203.0.113.6"}).status_code == 401


def test_a_database_that_is_away_refuses_nobodys_key(keyed, monkeypatch):
    _, text = toys.make_key(keyed)
    client = toys.client_of(toys.make_app(keyed))

    def away():
        raise OperationalError("select", {}, Exception("away"))

    monkeypatch.setattr(keyed.database, "session", away)
    response = client.post("/predict/a", headers=toys.bearer(text))
    assert code_of(response) == (503, "unavailable")
    assert response.headers["retry-after"] == "5"
    with (
        pytest.raises(toys.WebSocketDenialResponse) as refused,
        client.websocket_connect(LIVE, headers=toys.bearer(text)),
    ):
        pass
    assert refused.value.status_code == 503
    assert client.get("/livez").status_code == 200


def test_a_bucket_fills_at_its_rate():
    now = [0.0]
    buckets = TokenBuckets(60, clock=lambda: now[0])  # one a second, ten at once
    assert [buckets.take("a") for _ in range(10)] == [0.0] * 10
    assert buckets.take("a") == pytest.approx(1.0)
    now[0] = 0.25
    assert buckets.take("a") == pytest.approx(0.75)
    now[0] = 1.5
    assert (buckets.take("a"), buckets.take("b")) == (0.0, 0.0)
    assert buckets.take("a") == pytest.approx(0.5)


def test_in_the_long_run_no_more_than_the_rate_gets_through():
    now = [0.0]
    buckets = TokenBuckets(120, clock=lambda: now[0])
    through = 0
    for _ in range(10_000):
        now[0] += 0.01
        through += buckets.take("a") == 0
    assert 2 * 100 <= through <= 2 * 100 + 20


def test_no_rate_is_no_limit_and_memory_is_bounded():
    assert all(TokenBuckets(0).take("a") == 0 for _ in range(100))
    buckets = TokenBuckets(1, most=3)
    for name in "abcdef":
        buckets.take(name)
    assert len(buckets) == 3


def test_an_ipv6_network_shares_a_bucket():
    assert bucket_of("2001:db8:1:2:3::4") == bucket_of("2001:db8:1:2:ffff::1") != bucket_of("2001:db8:1:3::1")
    assert bucket_of("::ffff:192.0.2.1") == bucket_of("192.0.2.1") == "192.0.2.1"


@pytest.mark.parametrize(
    ("client", "forwarded", "found"),
    [
        ("203.0.113.1", [b"9.9.9.9"], "203.0.113.1"),
        ("192.0.2.1", [b"9.9.9.9, 203.0.113.5"], "203.0.113.5"),
        ("192.0.2.1", [b"9.9.9.9", b"203.0.113.5, 192.0.2.9"], "203.0.113.5"),
        ("192.0.2.1", [], "192.0.2.1"),
    ],
)
def test_an_address_is_believed_as_far_as_proxies_are_trusted(client, forwarded, found):
    scope = {"type": "http", "client": (client, 1), "headers": [(b"x-forwarded-for", line) for line in forwarded]}
    assert callers.address_of(scope, ("192.0.2.0/24",)) == found


def test_the_description_tells_about_keys_and_refusals(local):
    schema = local.get("/openapi.json").json()
    assert set(schema["components"]["securitySchemes"]) == {"bearer", "key"}
    assert {"400", "401", "403", "429"} <= set(schema["paths"]["/predict/{name}"]["post"]["responses"])
    assert "401" not in schema["paths"]["/livez"]["get"]["responses"]
