"""The process that asks c2pa-python about one file; run by `assay.provenance.guard` as a script.

It imports nothing of Assay, so that it starts fast and can be run by its path. On standard input: one line of JSON
(see `Question`), then the file's bytes. On standard output: one JSON object, either `{"error": kind, "message": text}`
or `{"store": …, "certificates": …, "version": …}`, the library's two reports as JSON texts.

References:
    c2pa-python, docs/context-settings.md (settings that reach the network); crJSON (certificates of each manifest).
"""

from __future__ import annotations

import io
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, TypedDict

MOST_REPORT_CHARACTERS = 8 * 2**20
MOST_MANIFEST_MB = 32  # of a manifest once unpacked; compressed ones exist since C2PA 2.3


class Question(TypedDict):
    """First line of the input: where modules are, MIME type, length of the file, anchors as PEM, bytes of memory.

    A large file does not follow on the input: `file` is the path of a copy of it, and `size` is 0.
    """

    path: list[str]
    mime: str
    size: int
    file: str | None
    anchors: str | None
    memory_bytes: int


def settings(anchors: str | None) -> dict[str, dict[str, object]]:
    """The library's settings: everything that could reach the network is off, trust is the caller's anchors only."""
    chosen: dict[str, dict[str, object]] = {
        "verify": {
            "verify_after_reading": True,
            "verify_trust": True,
            "verify_timestamp_trust": True,
            "ocsp_fetch": False,
            "remote_manifest_fetch": False,
        },
        "core": {
            # Identity assertions may name a web address as identity; an empty list of hosts closes what is left.
            "decode_identity_assertions": False,
            "allowed_network_hosts": [],
            "max_decompressed_manifest_size_in_mb": MOST_MANIFEST_MB,
        },
    }
    if anchors is not None:
        chosen["trust"] = {"trust_anchors": anchors}  # in place of whatever the library may hold as its own
    return chosen


def answer(data: bytes | BinaryIO, mime: str, anchors: str | None) -> dict[str, str]:
    """Ask the library about one file.

    Args:
        data: The whole file, or a seekable reader of it.
        mime: Its MIME type; the library trusts the bytes where they say otherwise.
        anchors: PEM certificates, or None.

    Returns:
        The two reports, or an error: ``"nothing"`` (no store where the format keeps it), ``"damaged"``,
        ``"library"``.
    """
    try:
        c2pa: Any = import_module("c2pa")  # optional and untyped
    except (ImportError, OSError, RuntimeError, AttributeError) as error:  # not there, or its binary does not load
        return {"error": "library", "message": str(error)}
    try:
        context = c2pa.Context.from_dict(settings(anchors))
    except c2pa.C2paError as error:  # nothing of the file's doing
        return {"error": "library", "message": str(error)}
    try:
        content = io.BytesIO(data) if isinstance(data, bytes) else data
        with c2pa.Reader(mime, content, context=context) as reader:
            reports = {"store": reader.json(), "certificates": reader.crjson()}
    except c2pa.C2paError.ManifestNotFound:
        return {"error": "nothing", "message": ""}
    except c2pa.C2paError as error:
        return {"error": "damaged", "message": str(error)}
    finally:
        context.close()
    if sum(map(len, reports.values())) > MOST_REPORT_CHARACTERS:
        return {"error": "damaged", "message": f"a report of more than {MOST_REPORT_CHARACTERS:,} characters"}
    return {**reports, "version": str(c2pa.__version__)}


def _limit_memory(limit_bytes: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Data and not address space, of which every thread's allocator reserves 64 MiB without using it.
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    within = limit_bytes if most == resource.RLIM_INFINITY else min(limit_bytes, most)
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (within, most))
    except (OSError, ValueError):  # a system that knows the limit and refuses it
        return


def main() -> None:
    """Answer the question on standard input."""
    question: Question = json.loads(sys.stdin.buffer.readline())
    sys.path[:] = question["path"]
    _limit_memory(question["memory_bytes"])
    try:
        if question["file"]:
            with Path(question["file"]).open("rb") as file:
                told = answer(file, question["mime"], question["anchors"])
        else:
            told = answer(sys.stdin.buffer.read(question["size"]), question["mime"], question["anchors"])
    except (AttributeError, TypeError) as error:  # a release whose interface is another
        told = {"error": "library", "message": f"{type(error).__name__}: {error}"}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
