"""What was decoded, as plain arrays on disk that are mapped, never read whole.

A file's array is kept under the hash of the file's content and of the code that decoded it, so that files may move, and
changed ones are decoded anew. Memory holds paths and lengths only: a set may be larger than memory.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import AssayError, DecodeError
from assay.training.lab.decode import decode, key_of
from assay.training.parallel import each
from assay.views.form import Form

STAMPS = "contents.json"
READERS = 4


@dataclass(frozen=True)
class Cache:
    """Decoded media of one form.

    Attributes:
        folder: Of all caches.
        form: What media are decoded to.
    """

    folder: Path
    form: Form

    def place(self, content: str) -> Path:
        """Where the array of a content lies, or will lie."""
        return self.folder / key_of(self.form) / content[:2] / f"{content[2:40]}.raw"

    def array(self, file: Path, content: str) -> NDArray[Any]:
        """The array of a file, mapped; decoded first if that was not done.

        Raises:
            MediaError: If it cannot be decoded.
        """
        path = self.place(content)
        try:
            return self._mapped(path)
        except FileNotFoundError:
            self._keep(path, decode(file, self.form))
            return self._mapped(path)

    def fill(self, files: Sequence[tuple[Path, str]], *, jobs: int) -> dict[int, str]:
        """Decode what is missing.

        Args:
            files: With the hash of each content.
            jobs: Processes.

        Returns:
            What went wrong, by number of the file.
        """
        missing = [number for number, (_, content) in enumerate(files) if not self.place(content).exists()]
        told = each(partial(_filled, cache=self), [files[number] for number in missing], jobs=jobs, chunk=4)
        return {number: wrong for number, wrong in zip(missing, told, strict=True) if wrong}

    def _mapped(self, path: Path) -> NDArray[Any]:
        try:
            return np.memmap(path, dtype=self.form.stored_dtype, mode="r", shape=self.form.stored_shape)
        except ValueError as error:  # another size than the shape asks for: something else wrote there
            raise DecodeError(f"'{path}' in the cache is damaged. Delete it; it will be made again.") from error

    def _keep(self, path: Path, made: NDArray[Any]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")  # several processes may decode one file
        np.ascontiguousarray(made, self.form.stored_dtype).tofile(part)
        part.replace(path)


def _filled(file: tuple[Path, str], *, cache: Cache) -> str:
    path, content = file
    try:
        cache.array(path, content)
    except AssayError as error:
        return error.message
    return ""


def contents(files: Sequence[Path], folder: Path) -> list[str]:
    """SHA-256 of each file, empty for what cannot be read; those of unchanged files are remembered in `folder`."""
    stamps = folder / STAMPS
    try:
        known: dict[str, list[Any]] = json.loads(stamps.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}

    def content(file: Path) -> tuple[str, list[Any] | None]:
        name = str(file.absolute())
        try:
            stat = file.stat()
            entry = known.get(name)
            if entry and entry[:2] == [stat.st_size, stat.st_mtime_ns]:
                return name, entry
            with file.open("rb") as stream:
                return name, [stat.st_size, stat.st_mtime_ns, _digest(stream)]
        except OSError:
            return name, None

    with ThreadPoolExecutor(READERS) as pool:
        found = list(pool.map(content, files))
    fresh = {name: entry for name, entry in found if entry}
    if any(known.get(name) != entry for name, entry in fresh.items()):
        folder.mkdir(parents=True, exist_ok=True)
        part = stamps.with_name(f"{STAMPS}.{os.getpid()}.part")
        part.write_text(json.dumps({**known, **fresh}), encoding="utf-8")
        part.replace(stamps)
    return [entry[2] if entry else "" for _, entry in found]


def _digest(stream: Any) -> str:
    digest = hashlib.sha256()
    while piece := stream.read(1 << 20):
        digest.update(piece)
    return digest.hexdigest()
