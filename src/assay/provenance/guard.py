"""One question to the C2PA library, in a process of its own.

The library is native code that reads hostile files. In a process of its own neither an abort, nor memory, nor an
endless loop can take a scan down; it costs about a tenth of a second, and only files that hold credentials pay it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from assay.media.held import PIECE_BYTES, ByteSource

MEMORY_BYTES = 2**30  # of private memory, besides the copies of the file
COPIES = 4
TIMEOUT_S = 20.0
BYTES_PER_S = 20_000_000  # hashing alone is far faster; what a slow, busy machine manages
_CHILD = Path(__file__).with_name("child.py")


def ask(data: bytes | ByteSource, mime: str, anchors: str | None) -> dict[str, str]:
    """Ask the library about one file.

    Args:
        data: The whole file. One that is not in memory is copied to a temporary file, which the library reads in
            pieces, so that it cannot change meanwhile and takes no memory.
        mime: Its MIME type.
        anchors: PEM certificates, or None.

    Returns:
        What `assay.provenance.child.answer` returns, or an error ``"time"`` or ``"crash"``.
    """
    if isinstance(data, bytes):
        return _ask(data, None, len(data), mime, anchors)
    try:
        with tempfile.TemporaryDirectory(prefix="assay-c2pa-") as folder:
            copy = Path(folder) / "file"
            with closing(data.reader()) as reader, copy.open("wb") as file:
                shutil.copyfileobj(reader, file, PIECE_BYTES)
            return _ask(b"", str(copy), data.size, mime, anchors)
    except OSError as error:  # no room for the copy
        return {"error": "library", "message": str(error)}


def _ask(data: bytes, file: str | None, size: int, mime: str, anchors: str | None) -> dict[str, str]:
    question = {
        "path": [entry for entry in sys.path if entry],  # an empty entry is the working folder, whatever lies there
        "mime": mime,
        "size": len(data),
        "file": file,
        "anchors": anchors,
        "memory_bytes": MEMORY_BYTES + COPIES * size,
    }
    limit_s = TIMEOUT_S + size / BYTES_PER_S
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(_CHILD)],
            input=json.dumps(question).encode() + b"\n" + data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"error": "time", "message": f"no answer within {limit_s:.0f} s"}
    except (OSError, ValueError) as error:  # no interpreter to start, or no room to start it
        return {"error": "library", "message": str(error)}
    try:
        told = json.loads(done.stdout)
    except (ValueError, RecursionError):
        return {"error": "crash", "message": f"the library's process ended with status {done.returncode}"}
    return told if isinstance(told, dict) else {"error": "crash", "message": "no answer"}
