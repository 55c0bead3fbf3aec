"""Forms written by hand, and what every error looks like."""

import json

BOUNDARY = "b0undary"


def part(name, data=b"", filename=None, headers=()):
    """A part of a form, boundary in front."""
    disposition = f'form-data; name="{name}"' + (f'; filename="{filename}"' if filename is not None else "")
    lines = [f"--{BOUNDARY}", f"Content-Disposition: {disposition}", *headers, "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + data + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


def error_of(response, status):
    """The error of a response, which must have the one shape."""
    assert response.status_code == status, response.text
    body = json.loads(response.text)
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "context", "request_id"}
    assert body["error"]["request_id"] == response.headers["x-request-id"]
    return body["error"]
