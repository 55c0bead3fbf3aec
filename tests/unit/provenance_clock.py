"""A time-stamp authority (RFC 3161) for the tests: it answers over HTTP on this machine and says the time it is told.

The few DER structures are put together by hand (X.690; RFC 5652, section 5; RFC 3161, section 2.4; RFC 5816).
"""

import contextlib
import hashlib
import http.server
import threading

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

SHA256 = "2.16.840.1.101.3.4.2.1"
ECDSA_SHA256 = "1.2.840.10045.4.3.2"
SIGNED_DATA = "1.2.840.113549.1.7.2"
TST_INFO = "1.2.840.113549.1.9.16.1.4"
CONTENT_TYPE = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"


def tlv(tag, *parts):
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    long = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 + len(long)]) + long + content


def sequence(*parts):
    return tlv(0x30, *parts)


def set_of(*parts):
    return tlv(0x31, *sorted(parts))


def octets(content):
    return tlv(0x04, content)


def integer(number):
    return tlv(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def oid(dotted):
    first, second, *rest = map(int, dotted.split("."))
    out = bytearray([40 * first + second])
    for arc in rest:
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(0x80 | arc & 0x7F)
        out += bytes(reversed(groups))
    return tlv(0x06, bytes(out))


def elements(content):
    """(tag, whole element) of DER put one behind the other."""
    at = 0
    while at < len(content):
        head, size = 2, content[at + 1]
        if size > 0x80:
            head += size - 0x80
            size = int.from_bytes(content[at + 2 : at + head], "big")
        yield content[at], content[at : at + head + size]
        at += head + size


def inside(element):
    """Content of one element."""
    head = 2 + (element[1] - 0x80 if element[1] > 0x80 else 0)
    return element[head:]


def reply(request, authority, time):
    """The response to a time-stamp request: what was asked for, at a time, signed by an authority's certificate."""
    _, imprint, *rest = list(elements(inside(request)))
    nonce = [whole for tag, whole in rest if tag == 0x02]
    stamp = tlv(0x18, time.strftime("%Y%m%d%H%M%SZ").encode())
    info = sequence(integer(1), oid("1.2.3.4"), imprint[1], integer(7), stamp, *nonce)
    certificate = authority.certificate.public_bytes(serialization.Encoding.DER)
    attributes = sorted(
        sequence(oid(name), set_of(value))
        for name, value in (
            (CONTENT_TYPE, oid(TST_INFO)),
            (MESSAGE_DIGEST, octets(hashlib.sha256(info).digest())),
            (SIGNING_CERTIFICATE_V2, sequence(sequence(sequence(octets(hashlib.sha256(certificate).digest()))))),
        )
    )
    signature = authority.key.sign(tlv(0x31, *attributes), ec.ECDSA(hashes.SHA256()))
    issuer = authority.certificate.issuer.public_bytes()
    signer = sequence(
        integer(1),
        sequence(issuer, integer(authority.certificate.serial_number)),
        sequence(oid(SHA256)),
        tlv(0xA0, *attributes),
        sequence(oid(ECDSA_SHA256)),
        octets(signature),
    )
    signed = sequence(
        integer(3),
        set_of(sequence(oid(SHA256))),
        sequence(oid(TST_INFO), tlv(0xA0, octets(info))),
        tlv(0xA0, certificate),
        set_of(signer),
    )
    return sequence(sequence(integer(0)), sequence(oid(SIGNED_DATA), tlv(0xA0, signed)))


@contextlib.contextmanager
def clock(authority, time):
    """Serve time stamps; gives the address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            answer = reply(self.rfile.read(int(self.headers["Content-Length"])), authority, time)
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as place:
        threading.Thread(target=place.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{place.server_port}"
        finally:
            place.shutdown()
