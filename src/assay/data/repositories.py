"""Gets single files out of repositories and packages, and checks that they are what the catalogue means."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence

from assay.data.catalogue import DEBIAN, Row
from assay.data.debian import of_package
from assay.data.git import of_repository
from assay.data.places import LFS_POINTER, OTHER_CONTENT, Content, Gone, Places, blob_ids

_POINTERS = (b"version https://git-lfs.github.com/spec/", b"version https://hawser.github.com/spec/")
_ANNEX = re.compile(rb"(\.\./)*(\.git|/annex)/(annex/)?objects/")
_POINTER_BYTES = 1024


def contents(repo: str, rows: Sequence[Row], places: Places) -> Iterator[tuple[Row, Content | Gone]]:
    """Every file of one repository or package.

    Args:
        repo: ``OWNER/NAME`` or ``debian:PACKAGE``.
        rows: All of this repository, checked by `assay.data.catalogue`.
        places: Where to look.

    Yields:
        Each row once, in any order, with what was found.

    Raises:
        DataError: If a program is not installed.
    """
    found = of_package(repo, rows, places) if repo.startswith(DEBIAN) else of_repository(repo, rows, places)
    for row, content in found:
        yield row, _checked(row, content) if isinstance(content, Content) else content


def _checked(row: Row, content: Content) -> Content | Gone:
    head = content.data[:_POINTER_BYTES]
    if head.startswith(_POINTERS) or (len(content.data) < _POINTER_BYTES and _ANNEX.match(head)):
        return Gone(LFS_POINTER)
    if row.blob and row.blob not in (*blob_ids(content.data), hashlib.sha256(content.data).hexdigest()):
        return Gone(OTHER_CONTENT)
    return content
