"""Webhooks: signed, sent again until they arrive, and never to an address that nobody allowed."""

import base64
import hmac
import http.server
import json
import ssl
import threading
from datetime import datetime, timedelta, timezone

import pytest
from job_toys import SECRET, clip, ended, hand_in, make_context, service, wait_until
from sqlalchemy import update

from assay.errors import ForgedWebhook, SettingsError, WebhookRefused
from assay.serve.jobs import verify
from assay.serve.jobs.addresses import addresses_of, target_of
from assay.serve.jobs.courier import Courier
from assay.serve.jobs.outbox import Outbox, wait_before
from assay.serve.jobs.scanning import DetectorScan
from assay.serve.jobs.tables import Delivery
from assay.serve.jobs.webhooks import secrets_of, sign
from assay.settings import load_settings


@pytest.fixture(scope="module")
def scan():
    return DetectorScan(load_settings(threads=1))


class Receiver:
    """A real server that keeps what it is sent; answers with `statuses` in turn, then with 204."""

    def __init__(self, tls=None):
        self.requests, self.statuses = [], []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.requests.append((self.path, dict(self.headers), body))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 204)
                self.send_header("location", f"http://127.0.0.1:{receiver.port}/elsewhere")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def make(tmp_path):
    """Make a context whose webhooks may go to the given hosts of this machine."""
    made = []

    def make(*hosts, **more):
        settings = load_settings(
            serve_folder=tmp_path / "service",
            serve_webhook_hosts=hosts,
            **{"serve_webhook_secret": SECRET, "serve_webhook_http": True, "serve_webhook_private": True, **more},
        )
        made.append(make_context(settings))
        return made[-1]

    yield make
    for context in made:
        context.database.close()


def courier_of(context, **more):
    outbox = Outbox(context.database, attempts=context.settings.serve_webhook_attempts)
    return Courier(outbox, context.settings, **more)


def overdue(context):
    """As if the time until the next attempt had passed."""
    with context.database.session() as session:
        session.execute(update(Delivery).values(next_at=0))


def test_the_end_of_a_job_is_told_and_the_signature_holds(make, receiver, scan, speech):
    url = f"http://127.0.0.1:{receiver.port}/hook?of=mine"
    with service(make(f"127.0.0.1:{receiver.port}"), scan=scan) as client:
        job = hand_in(client, clip(speech, 1), webhook=url).json()
        assert job["webhook"] == {
            "url": url,
            "state": "waiting",
            "attempts": 0,
            "last_status": None,
            "last_error": None,
        }
        done = ended(client, job["id"])
        wait_until(lambda: client.get(f"/api/jobs/{job['id']}").json()["webhook"]["state"] == "delivered")
    ((path, headers, body),) = receiver.requests
    assert path == "/hook?of=mine"
    assert verify(SECRET, headers, body).startswith("msg_")
    event = json.loads(body)
    assert (event["type"], event["timestamp"]) == ("job.done", done["ended"])
    assert event["data"] == {name: value for name, value in done.items() if name != "webhook"}


def test_failed_and_cancelled_jobs_are_told_too(make, receiver, scan, speech):
    context, url = make(f"127.0.0.1:{receiver.port}"), f"http://127.0.0.1:{receiver.port}/"
    with service(context, work=False) as client:
        cancelled = hand_in(client, clip(speech, 1), webhook=url).json()["id"]
        client.delete(f"/api/jobs/{cancelled}")
        hand_in(client, b"no media at all", webhook=url)
    with service(context, scan=scan):
        wait_until(lambda: len(receiver.requests) == 2)
    assert sorted(json.loads(body)["type"] for _, _, body in receiver.requests) == ["job.cancelled", "job.failed"]


def test_a_webhook_goes_again_until_it_arrives_with_the_same_id(make, receiver, speech):
    context, courier = _told(make, receiver, speech)
    receiver.statuses = [500, 302]
    for state in ("pending", "pending", "delivered"):
        overdue(context)
        courier.send_all()
        with context.database.session() as session:
            delivery = session.query(Delivery).one()
            assert delivery.state == state
    assert len({headers["webhook-id"] for _, headers, _ in receiver.requests}) == 1
    assert [path for path, _, _ in receiver.requests] == ["/"] * 3, "redirects are not followed"
    assert (delivery.attempts, delivery.last_status, delivery.last_error) == (3, 204, None)
    overdue(context)
    courier.send_all()
    assert len(receiver.requests) == 3


def test_after_the_last_attempt_it_has_failed(make, receiver, speech):
    context, courier = _told(make, receiver, speech, serve_webhook_attempts=2)
    receiver.close()
    for _ in range(3):
        overdue(context)
        courier.send_all()
    with context.database.session() as session:
        delivery = session.query(Delivery).one()
        assert (delivery.state, delivery.attempts, delivery.last_status) == ("failed", 2, None)
        assert "refused" in delivery.last_error


def test_who_answers_gone_is_not_asked_again(make, receiver, speech):
    context, courier = _told(make, receiver, speech)
    receiver.statuses = [410]
    courier.send_all()
    with context.database.session() as session:
        assert session.query(Delivery).one().state == "failed"


def test_a_sender_that_died_is_followed_by_another(make, receiver, speech):
    context, courier = _told(make, receiver, speech)
    outbox = Outbox(context.database, attempts=8)
    dead = outbox.take()
    assert outbox.take() is None
    overdue(context)
    courier.send_all()
    outbox.failed(dead, None, "told too late")
    with context.database.session() as session:
        delivery = session.query(Delivery).one()
        assert (delivery.state, delivery.attempts) == ("delivered", 2)


def _told(make, receiver, speech, **more):
    """A context with one webhook that is due."""
    context = make(f"127.0.0.1:{receiver.port}", **more)
    with service(context, work=False) as client:
        job = hand_in(client, clip(speech, 1), webhook=f"http://127.0.0.1:{receiver.port}/").json()["id"]
        client.delete(f"/api/jobs/{job}")
    return context, courier_of(context)


def test_waits_grow_to_an_hour():
    assert [wait_before(attempt) for attempt in (1, 2, 3, 5, 6, 50)] == [5, 20, 80, 1280, 3600, 3600]


def test_tls_asks_for_the_certificate_of_the_name_and_not_of_the_address(make, speech, tmp_path):
    server, client = _tls_for("hooks.example.org", tmp_path)
    receiver = Receiver(tls=server)
    context = make(f"hooks.example.org:{receiver.port}", f"other.example.org:{receiver.port}", serve_webhook_http=False)
    with service(context, work=False) as visitor:
        for host in ("hooks", "other"):
            url = f"https://{host}.example.org:{receiver.port}/"
            job = hand_in(visitor, clip(speech, 1), webhook=url).json()["id"]
            visitor.delete(f"/api/jobs/{job}")
    asked = []

    def ask(host, port):
        asked.append((host, port))
        return ["127.0.0.1"]

    courier_of(context, tls=client, ask=ask).send_all()
    receiver.close()
    assert {host for host, _ in asked} == {"hooks.example.org", "other.example.org"}
    ((_, headers, body),) = receiver.requests
    assert headers["Host"] == f"hooks.example.org:{receiver.port}"
    assert verify(SECRET, headers, body)
    with context.database.session() as session:
        refused = session.query(Delivery).filter(Delivery.state == "pending").one()
        assert "CERTIFICATE_VERIFY_FAILED" in refused.last_error


def _tls_for(name, folder):
    """Contexts of a server with a certificate for `name`, and of a client that trusts it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(timezone.utc)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "public.pem", folder / "private.pem"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(public, private)
    return server, ssl.create_default_context(cafile=public)


HOSTS = ("hooks.example.org", "*.example.com", "ports.example.org:8443", "[2001:db8::1]", "10.0.0.1")


@pytest.fixture
def allowed(make):
    return make(*HOSTS, serve_webhook_http=False, serve_webhook_private=False).settings


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.org/a?b=c",
        "https://HOOKS.example.org.",
        "https://a.b.example.com/",
        "https://ports.example.org:8443/",
        "https://[2001:db8::1]/",
    ],
)
def test_hosts_on_the_list_are_accepted(url, allowed):
    assert target_of(url, allowed).secure


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.org/",
        "https://hooks.example.org:8443/",
        "https://ports.example.org/",
        "https://example.com/",
        "https://evilexample.com/",
        "https://hooks.example.org.evil.org/",
        "https://hooks.example.org@evil.org/",
        "https://evil.org#hooks.example.org",
        "https://evil.org\\@hooks.example.org/",
        "https://user:word@hooks.example.org/",
        "https://hooks.example.org:99999/",
        "https://hooks.example.org/a b",
        "https://hooks.example.org/a\r\nX: y",
        "https://[::1/",
        "file:///etc/passwd",
        "gopher://hooks.example.org/",
        "//hooks.example.org/",
        "https:///a",
        "https://höoks.example.org/",
        f"https://hooks.example.org/{'a' * 2000}",
        "",
    ],
)
def test_every_other_address_is_refused(url, allowed):
    with pytest.raises(WebhookRefused):
        target_of(url, allowed)


def test_no_host_is_called_unless_it_is_set(tmp_path):
    with pytest.raises(WebhookRefused, match="serve_webhook_hosts"):
        target_of("https://example.org/", load_settings())


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2001:db8::1",
    ],
)
def test_addresses_that_are_not_public_are_refused(address, allowed):
    target = target_of("https://hooks.example.org/", allowed)
    with pytest.raises(WebhookRefused, match="no public address") as refused:
        addresses_of(target, private=False, ask=lambda *_: ["93.184.215.14", address])
    assert address not in str(refused.value), "the answer is no map of the inside"
    assert addresses_of(target, private=False, ask=lambda *_: ["93.184.215.14"]) == ["93.184.215.14"]


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1", "fd00:ec2::254", "::ffff:169.254.169.254"])
def test_metadata_is_refused_even_where_private_addresses_are_allowed(address, allowed):
    target = target_of("https://hooks.example.org/", allowed)
    assert addresses_of(target, private=True, ask=lambda *_: ["127.0.0.1"]) == ["127.0.0.1"]
    with pytest.raises(WebhookRefused):
        addresses_of(target, private=True, ask=lambda *_: [address])


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "localhost"])
def test_other_spellings_of_loopback_are_refused_after_resolution(host, make):
    settings = make(host, serve_webhook_http=False, serve_webhook_private=False).settings
    target = target_of(f"https://{host}/", settings)
    with pytest.raises(WebhookRefused, match="no public address"):
        addresses_of(target, private=False)


def test_a_name_that_leads_inside_later_is_not_called(make, receiver, speech):
    """The check is made with each attempt, and the connection goes to what was checked (DNS rebinding)."""
    context = make(f"hooks.example.org:{receiver.port}")
    with service(context, work=False) as client:
        job = hand_in(client, clip(speech, 1), webhook=f"http://hooks.example.org:{receiver.port}/").json()["id"]
        client.delete(f"/api/jobs/{job}")
    strict = context.settings.model_copy(update={"serve_webhook_private": False})
    Courier(Outbox(context.database, attempts=8), strict, ask=lambda *_: ["127.0.0.1"]).send_all()
    assert receiver.requests == []
    with context.database.session() as session:
        delivery = session.query(Delivery).one()
        assert (delivery.state, delivery.attempts) == ("pending", 1)
        assert "127.0.0.1" not in delivery.last_error


def test_a_refused_webhook_is_told_at_once(make, speech):
    with service(make(), work=False) as client:
        answer = hand_in(client, clip(speech, 1), webhook="https://example.org/")
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "webhook_refused")
        assert client.get("/api/jobs").json()["jobs"] == []


def test_a_signature_is_the_one_of_the_specification():
    """The bytes that are signed are put together by hand: "msg_1.1700000000.{}"."""
    wanted = base64.b64encode(hmac.digest(KEY.encode(), b"msg_1.1700000000.{}", "sha256")).decode()
    headers = sign(secrets_of(KEY), "msg_1", b"{}", at=1.7e9)
    assert headers == {
        "webhook-id": "msg_1",
        "webhook-timestamp": "1700000000",
        "webhook-signature": f"v1,{wanted}",
    }


KEY, OTHER = "k" * 24, "o" * 24


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"body": b'{"a":2}'}, "altered"),
        ({"secret": OTHER}, "another secret"),
        ({"webhook-id": "msg_2"}, "another secret, or the body"),
        ({"webhook-timestamp": "1700000001"}, "No signature"),
        ({"webhook-timestamp": "now"}, "no number"),
        ({"webhook-signature": ""}, "No signature"),
        ({"webhook-signature": "v1,AAAA"}, "No signature"),
        ({"webhook-signature": None}, "missing"),
        ({"now": 1.7e9 + 301}, "301 s old"),
        ({"now": 1.7e9 - 301}, "-301 s old"),
    ],
)
def test_forged_altered_and_old_webhooks_are_refused(change, why):
    body = b'{"a":1}'
    headers = sign(secrets_of(KEY), "msg_1", body, at=1.7e9)
    assert verify(KEY, headers, body, now=1.7e9 + 299) == "msg_1"
    headers |= {name: value for name, value in change.items() if name.startswith("webhook-")}
    headers = {name: value for name, value in headers.items() if value is not None}
    with pytest.raises(ForgedWebhook, match=why):
        verify(change.get("secret", KEY), headers, change.get("body", body), now=change.get("now", 1.7e9))


def test_secrets_can_be_exchanged():
    headers = sign(secrets_of(f"{KEY} {OTHER}"), "msg_1", b"{}", at=1.7e9)
    for secret in (KEY, OTHER, f"{'n' * 24} {KEY}"):
        assert verify(secret, headers, b"{}", now=1.7e9) == "msg_1"


def test_webhooks_without_a_good_secret_do_not_start(make):
    for secret in ("", "too short"):
        context = make("example.org", serve_webhook_secret=secret)
        with pytest.raises(SettingsError, match="serve_webhook_secret"):
            courier_of(context)


def test_the_secret_is_not_shown():
    settings = load_settings(serve_webhook_secret=SECRET)
    assert SECRET not in repr(settings) + settings.model_dump_json()
