"""From what a user names (files, folders, patterns) to the files to analyse.

Decisions
- A named file is passed on whatever it is, even if it does not exist: opening it then gives the error a batch
  reports.
- In folders and patterns only sound, pictures and videos count, told by content; hidden files and folders (a leading
  dot) are skipped. Symbolic links to files are followed, those to folders are not, so there are no loops.
- Errors are yielded instead of raised, so that one empty folder does not lose the rest of a list.
- Lazy: a folder's names are listed and sorted when its turn comes, and a file is looked into just before it
  is yielded. What was passed on already is remembered as folders and named files, not as every file of a
  folder.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal, Union

from assay.errors import MediaError, MediaNotFound
from assay.media.foreign import unreadable
from assay.media.held import open_regular
from assay.media.sniff import sniff
from assay.media.source import refuse_remote

Found = Union[Path, Literal["-"], MediaError]  # noqa: UP007 - evaluated at run time


def expand(sources: Iterable[str | os.PathLike[str]], *, recursive: bool) -> Iterator[Found]:
    """Find the recordings, pictures and videos behind paths, folders and glob patterns.

    Args:
        sources: In the order in which they are to be analysed; ``"-"`` is standard input. An existing file or
            folder wins over a pattern of the same spelling; ``**`` in a pattern reaches into subfolders.
        recursive: Whether folders are searched with all their subfolders.

    Yields:
        In the order of `sources`, sorted by name within each, nothing twice: a path to open; ``"-"``; or a
        `MediaError` to report in place of one: `MediaNotFound` for a folder or pattern without any,
        `MediaUnreadable` for what the system does not let us look into, `UnsupportedMedia` for a URL.
    """
    seen = _Seen()
    for source in sources:
        text = os.fsdecode(source)
        for found in _found(text, recursive, seen):
            if isinstance(found, MediaError):
                found.context.setdefault("path", text)  # a batch reports an error under the name it was given
            yield found


def _found(text: str, recursive: bool, seen: _Seen) -> Iterator[Found]:
    """What one source stands for; errors are yielded."""
    try:
        refuse_remote(text)
        yield from _search(text, recursive, seen)
    except MediaError as error:
        yield error
    except (OSError, ValueError) as error:  # a name that is too long, or holds a zero byte
        yield unreadable(text, error)


def _search(text: str, recursive: bool, seen: _Seen) -> Iterator[Found]:
    """What one source stands for; errors may be raised."""
    path = Path(text)
    if text == "-":
        if seen.first_time("-"):
            yield "-"
    elif path.is_dir():
        yield from _Folder(path, recursive, seen).media()
    elif glob.has_magic(text) and not path.exists():
        yield from _pattern(text, seen)
    elif seen.first_time(_key(path)) and not seen.listed(path):
        yield path


class _Seen:
    """What was passed on so far: named files one by one, the others by their folder."""

    def __init__(self) -> None:
        self.folders: set[str] = set()
        self._files: set[str] = set()

    def first_time(self, key: str) -> bool:
        """Whether this file was not passed on by its name before; it is from now on."""
        new = key not in self._files
        self._files.add(key)
        return new

    def named(self, path: Path) -> bool:
        """Whether this file was passed on by its name or by a pattern."""
        return bool(self._files) and _key(path) in self._files

    def listed(self, path: Path) -> bool:
        """Whether this file was passed on with its folder."""
        return _key(path.parent) in self.folders and not _is_hidden(path) and _look(path) is not None


class _Folder:
    """One search through a folder, with the counts that its error message needs."""

    def __init__(self, top: Path, recursive: bool, seen: _Seen) -> None:
        self._top, self._recursive, self._seen = top, recursive, seen
        self._looked_at = self._subfolders = 0
        self._found = False

    def media(self) -> Iterator[Found]:
        """The files to analyse in it, or the error that there are none."""
        waiting = [self._entries(self._top)]  # a stack instead of recursion: folders can be nested deeply
        while waiting:
            item = next(waiting[-1], None)
            if item is None:
                waiting.pop()
            elif isinstance(item, MediaError):
                self._found = True  # something is wrong here, but not that there is nothing
                yield item
            elif item.is_dir() and item.is_symlink():
                continue
            elif item.is_dir():
                self._subfolders += 1
                if self._recursive:
                    waiting.append(self._entries(item))
            else:
                yield from self._file(item)
        if not self._found:
            yield self._nothing()

    def _entries(self, folder: Path) -> Iterator[Path | MediaError]:
        """Visible files and folders in it, sorted; nothing if it was listed before."""
        if _key(folder) in self._seen.folders:
            self._found = True
            return
        self._seen.folders.add(_key(folder))
        try:
            names = os.listdir(folder)  # noqa: PTH208 - a million Paths would take much longer
        except OSError as error:
            yield unreadable(str(folder), error)
            return
        yield from (folder / name for name in sorted(names) if not name.startswith("."))

    def _file(self, path: Path) -> Iterator[Found]:
        self._looked_at += 1
        found = _look(path)
        if found is not None:
            self._found = True
            if not self._seen.named(path):
                yield found

    def _nothing(self) -> MediaNotFound:
        left = 0 if self._recursive else self._subfolders
        hint = f" Its {left} subfolder(s) were not searched; search them with --recursive." if left else ""
        count = f"{self._looked_at} file(s) were looked into"
        return MediaNotFound(
            f"The folder '{self._top}' holds neither sound nor picture nor video ({count}).{hint} "
            "Hidden files are skipped; to analyse a certain file, name it.",
            looked_at=self._looked_at,
            subfolders=self._subfolders,
        )


def _pattern(text: str, seen: _Seen) -> Iterator[Found]:
    """The files to analyse that match a glob pattern, or the error that there are none."""
    looked_at, found = 0, False
    for match in sorted(glob.iglob(text, recursive=True)):  # noqa: PTH207 - the user's spelling is kept
        path = Path(match)
        if path.is_dir():
            continue
        looked_at += 1
        result = _look(path)
        if result is not None:
            found = True
            if not seen.listed(path) and seen.first_time(_key(path)):
                yield result
    if not found:
        yield MediaNotFound(
            f"Neither sound nor picture nor video matches '{text}' ({looked_at} matching file(s) were looked into). "
            "Check the pattern; `**` reaches into subfolders.",
            looked_at=looked_at,
        )


def _look(path: Path) -> Found | None:
    """The path if its content is analysed, an error if it cannot be read, None for anything else."""
    try:
        with closing(open_regular(str(path), str(path))) as file:
            size = os.fstat(file.fileno()).st_size
            return path if size and sniff(file, size).is_analysed else None
    except MediaError:  # a pipe, socket or device
        return None
    except OSError as error:
        return unreadable(str(path), error)


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".")


def _key(path: Path) -> str:
    """The same for every spelling of a path; a link is another file than its target."""
    return os.path.abspath(path)  # noqa: PTH100 - Path.resolve would follow links
