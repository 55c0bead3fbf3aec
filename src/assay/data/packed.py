"""Many arrays in one file, read in memory that does not grow: the cache of what is dear to make.

    items ── make ──> arrays ──> pack-<key>.bin    arrays end to end
                            ──> pack-<key>.npz     their lengths, and what they were made of

Decisions
- Arrays share a type and all sizes but the first. The index is written last, so it stands for whole data; half a pack
  is made again.
- A pack is known by what it was made of: `content_of` the files and `code_version` of the functions that make it. One
  that was made of something else is made again.
- `Pack.__getitem__` maps the array that was asked for and nothing else, so neither resident nor virtual memory grows
  with the pack, and a set larger than memory, or than a limit on it, can be read. `Pack.values` maps all of it, for
  those who cut pieces by themselves; what it keeps resident the system may take back.
"""

from __future__ import annotations

import hashlib
import inspect
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from assay.data.grouping import digest_of
from assay.errors import DataError

log = logging.getLogger("assay.data.packed")


@dataclass(frozen=True)
class Pack:
    """Arrays of one type, one behind the other.

    Attributes:
        data: The file.
        dtype: Of the elements.
        tail: Sizes of an array behind the first.
        lengths: First size of each, shape (n,).
        starts: Row of the file at which each begins, shape (n,).
    """

    data: Path
    dtype: np.dtype[Any]
    tail: tuple[int, ...]
    lengths: NDArray[np.int64]
    starts: NDArray[np.int64]

    def __len__(self) -> int:
        """How many arrays there are."""
        return len(self.lengths)

    def __getitem__(self, index: int) -> NDArray[Any]:
        """One array, read-only, mapped while something refers to it.

        Raises:
            IndexError: If there is none of this number.
        """
        shape = (int(self.lengths[index]), *self.tail)
        if not shape[0]:
            return np.zeros(shape, self.dtype)  # nothing cannot be mapped
        start = int(self.starts[index]) * row_bytes(self.dtype, self.tail)
        return np.memmap(self.data, self.dtype, mode="r", offset=start, shape=shape)

    def __iter__(self) -> Iterator[NDArray[Any]]:
        """All arrays, one mapped at a time."""
        return (self[index] for index in range(len(self)))

    @property
    def values(self) -> NDArray[Any]:
        """All rows, mapped, read-only; shape (sum of lengths, *tail)."""
        rows = int(self.lengths.sum())
        if not rows:
            return np.zeros((0, *self.tail), self.dtype)
        return np.memmap(self.data, self.dtype, mode="r", shape=(rows, *self.tail))


def pack_arrays(
    folder: Path,
    name: str,
    arrays: Callable[[], Iterable[NDArray[Any]]],
    *,
    content: str,
    dtype: DTypeLike,
    tail: tuple[int, ...] = (),
) -> Pack:
    """Write a pack, or find it.

    Args:
        folder: Of the pack; created.
        name: What it is called there; two packs of a folder need two names.
        arrays: Makes the arrays, shape (m, *tail); called only if there is no pack, or one of other content.
        content: What the arrays are made of, see `content_of` and `code_version`.
        dtype: Of the elements.
        tail: Sizes behind the first.

    Raises:
        DataError: If an array has another type or shape.
    """
    kind = np.dtype(dtype)
    data, index = folder / f"{name}.bin", folder / f"{name}.npz"
    lengths = stored_lengths(data, index, content, row_bytes(kind, tail))
    if lengths is None:
        folder.mkdir(parents=True, exist_ok=True)
        lengths = write_arrays(data, (_checked(array, kind, tail) for array in arrays()))
        write_index(index, lengths, content)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64) if len(lengths) else lengths
    return Pack(data, kind, tail, lengths, starts)


def content_of(files: Sequence[Path], *about: object) -> str:
    """What is made of files: a digest of their bytes, in order, and of what else decides the result.

    Args:
        files: Read in flat memory.
        about: Settings, seeds, `code_version`: anything whose `repr` tells it from another.

    Raises:
        DataError: If a file cannot be read.
    """
    digest = hashlib.sha256(repr(about).encode())
    for file in files:
        digest.update(bytes.fromhex(digest_of(file)))
    return digest.hexdigest()


def code_version(*parts: ModuleType | Callable[..., Any] | type) -> str:
    """A digest of the source of functions, classes or modules, which changes when they do.

    What they call is not looked into; name it, too, if it decides the result.
    """
    return hashlib.sha256("\0".join(map(_source, parts)).encode()).hexdigest()[:16]


def _source(part: ModuleType | Callable[..., Any] | type) -> str:
    try:
        return inspect.getsource(part)
    except OSError:  # typed into a prompt; its instructions stand for it, those of functions in it as well
        return repr(_instructions(part.__code__)) if isinstance(part, FunctionType) else repr(part)


def _instructions(code: CodeType) -> tuple[Any, ...]:
    inner = [_instructions(each) if isinstance(each, CodeType) else each for each in code.co_consts]
    return code.co_code, code.co_names, inner


def row_bytes(dtype: np.dtype[Any], tail: tuple[int, ...]) -> int:
    """Bytes of one row."""
    return int(dtype.itemsize * np.prod(tail, dtype=np.int64))


def stored_lengths(data: Path, index: Path, content: str, bytes_per_row: int) -> NDArray[np.int64] | None:
    """Lengths of a pack that is whole and of this content; None if there is none.

    A pack whose index says nothing about its content is taken as it is.
    """
    if not index.exists() or not data.exists():
        return None
    with np.load(index) as stored:
        lengths: NDArray[np.int64] = stored["lengths"]
        current = "content" not in stored or str(stored["content"]) == content
    if current and data.stat().st_size == bytes_per_row * int(lengths.sum()):
        return lengths
    log.info("'%s' is out of date and is made again", data)
    return None


def write_arrays(data: Path, arrays: Iterable[NDArray[Any]]) -> NDArray[np.int64]:
    """Write arrays end to end, in one step; returns the first size of each."""
    lengths, part = [], data.with_name(f"{data.name}.part")
    with part.open("wb") as stream:
        for array in arrays:
            stream.write(np.ascontiguousarray(array).tobytes())
            lengths.append(len(array))
    part.replace(data)
    return np.asarray(lengths, np.int64)


def write_index(index: Path, lengths: NDArray[np.int64], content: str) -> None:
    """Write what stands for whole data, in one step."""
    part = index.with_name(f"{index.name}.part")
    with part.open("wb") as stream:
        np.savez(stream, lengths=lengths, content=np.array(content))
    part.replace(index)


def _checked(array: NDArray[Any], dtype: np.dtype[Any], tail: tuple[int, ...]) -> NDArray[Any]:
    if array.dtype != dtype or array.shape[1:] != tail or not array.ndim:
        raise DataError(
            f"An array of {array.dtype} with shape {array.shape} does not belong into a pack of {dtype} with shape"
            f" (n, {', '.join(map(str, tail))}). Correct the function that makes it."
        )
    return array
