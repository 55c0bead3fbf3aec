"""Single files out of git repositories, by git.

A repository is a bare git directory: one of a mirror that is there already, or a clone without its contents
(``--filter=blob:none``), into which exactly the wanted contents are fetched. Its trees are listed once; then one
``git cat-file --batch`` hands out the contents by their ids, each checked against its id.

A file is taken from the commit that the catalogue names. Where it names none, or one that is not there, it is taken
from HEAD, or from the first branch by name that has it, since projects keep their samples on a branch for pages;
`Content.note` says so.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from assay.data.catalogue import Row
from assay.data.places import (
    ABSENT,
    MOST_BYTES,
    NOT_CLONED,
    NOT_MIRRORED,
    NOT_THERE,
    Content,
    Gone,
    Places,
    blob_ids,
    remove,
    run,
    start,
)


def of_repository(repo: str, rows: Sequence[Row], places: Places) -> Iterator[tuple[Row, Content | Gone]]:
    """What `assay.data.repositories.contents` says, for ``OWNER/NAME``; nothing is checked but git's own ids."""
    if places.mirror is not None:
        there = mirrored(places.mirror, repo)
        clone = None if there is None else _Repository(there)
    else:
        clone = _cloned(repo, {row.commit for row in rows if row.commit}, places)
    if clone is None:
        yield from ((row, Gone(NOT_MIRRORED if places.mirror else NOT_CLONED)) for row in rows)
        return
    located = clone.locate(rows)
    clone.bring([place.blob for place in located.values()])
    yield from ((row, Gone(NOT_THERE)) for row in rows if row not in located)
    with clone.reader() as read:
        for row in rows:
            if row in located:
                place = located[row]
                data = read(place.blob)
                yield row, Gone(ABSENT) if data is None else Content(data, place.commit, place.note)


def mirrored(mirror: Path, repo: str) -> Path | None:
    """The git directory of a repository in a mirror: ``OWNER+NAME/repo``, or ``.git`` in it; None if there is none."""
    folder = mirror / repo.replace("/", "+") / "repo"
    for place in (folder / ".git", folder):
        if (place / "HEAD").is_file() and (place / "objects").is_dir():
            return place
    return None


def _cloned(repo: str, commits: set[str], places: Places) -> _Repository | None:
    """A clone without contents, of HEAD and the named commits; None if there is no such repository."""
    folder = places.cache / "git" / repo.replace("/", "__")
    if not (folder / "HEAD").is_file():
        part = folder.with_name(f"{folder.name}.part")
        remove(part)
        part.parent.mkdir(parents=True, exist_ok=True)
        options = ("--quiet", "--depth", "1", "--filter=blob:none", "--bare")
        address = f"{places.base}/{repo}"
        if run(["git", "clone", *options, "--", address, str(part)], environment=_REMOTE) is None:
            return None
        part.rename(folder)
    clone = _Repository(folder, remote=True)
    for commit in sorted(commits):
        if not clone.has(commit):
            clone.fetch(commit)
    return clone


# Git asks for no password.
_REMOTE = {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
# And fetches nothing on the side; a git before 2.45 knows no GIT_NO_LAZY_FETCH, but heeds that no protocol is allowed.
_LOCAL = {**_REMOTE, "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": ""}


@dataclass(frozen=True)
class _Place:
    blob: str
    commit: str
    note: str


class _Repository:
    """A bare git directory."""

    def __init__(self, folder: Path, *, remote: bool = False) -> None:
        self._folder = folder
        self._remote = remote
        self._trees: dict[str, dict[str, str]] = {}

    def has(self, commit: str) -> bool:
        """Whether the commit is there; never asks the remote."""
        return run(self._git("cat-file", "-e", f"{commit}^{{commit}}"), environment=_LOCAL) is not None

    def fetch(self, *refs: str) -> None:
        """Fetch commits without their contents; what the remote does not have stays away."""
        options = ("--quiet", "--depth", "1", "--filter=blob:none", "--no-tags")
        run(self._git("fetch", *options, "origin", *refs), environment=_REMOTE)

    def locate(self, rows: Sequence[Row]) -> dict[Row, _Place]:
        """The content of each row that is anywhere: in the named commit, or else in HEAD or in a branch."""
        named = {commit for commit in {row.commit for row in rows} if commit and self.has(commit)}
        found: dict[Row, _Place] = {}
        searched: list[Row] = []
        for row in rows:
            if row.commit not in named:
                searched.append(row)
            elif blob := self._tree(row.commit).get(row.path):
                found[row] = _Place(blob, row.commit, "")
        for tip, commit in self._tips() if searched else ():
            for row in searched:
                if blob := self._tree(commit).get(row.path):
                    lost = f"commit {row.commit[:12]} is not there; " if row.commit else ""
                    note = f"{lost}taken from {tip}" if lost or tip != "HEAD" else ""
                    found[row] = _Place(blob, commit, note)
            searched = [row for row in searched if row not in found]
            if not searched:
                break
        return found

    def _tips(self) -> Iterator[tuple[str, str]]:
        """Names and commits of HEAD and then, asked for only where HEAD does not do, of the branches by name."""
        head = run(self._git("rev-parse", "--verify", "--quiet", "HEAD^{commit}"), environment=_LOCAL)
        if head:
            yield "HEAD", head.decode().strip()
        if self._remote:
            self.fetch("+refs/heads/*:refs/heads/*")
        form = "--format=%(refname:short) %(objectname)"
        listing = run(self._git("for-each-ref", form, "refs/heads", "refs/remotes"), environment=_LOCAL)
        for line in sorted((listing or b"").decode(errors="replace").splitlines()):
            name, _, commit = line.rpartition(" ")
            yield f"branch {name}", commit

    def _tree(self, commit: str) -> dict[str, str]:
        """Ids of the contents of a commit by their paths; no links, no submodules."""
        if commit not in self._trees:
            listing = run(self._git("ls-tree", "-r", "-z", "--full-tree", commit), environment=_LOCAL)
            entries = (entry.partition(b"\t") for entry in (listing or b"").split(b"\0") if entry)
            # 100644 and 100755 are files, 120000 a link, 160000 a submodule.
            self._trees[commit] = {
                path.decode("utf-8", "surrogateescape"): head.split()[2].decode()
                for head, _, path in entries
                if head.startswith(b"100")
            }
        return self._trees[commit]

    def bring(self, blobs: Sequence[str]) -> None:
        """Fetch contents into a clone, all at once; git would otherwise fetch each when it is read."""
        if not self._remote or not blobs:
            return
        # Not asked one by one: a git before 2.45 dies of the first that a partial clone lacks.
        every = self._git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)")
        listing = run(every, environment=_LOCAL)
        there = set((listing or b"").decode().split())
        away = "".join(f"{blob}\n" for blob in dict.fromkeys(blobs) if blob not in there).encode()
        if away:
            # As git itself fetches what a partial clone lacks (promisor-remote.c).
            options = ("--quiet", "--no-tags", "--no-write-fetch-head", "--filter=blob:none", "--stdin")
            quick = ("-c", "fetch.negotiationAlgorithm=noop")
            run(self._git(*quick, "fetch", *options, "origin"), given=away, environment=_REMOTE)

    def _git(self, *arguments: str) -> list[str]:
        return ["git", f"--git-dir={self._folder}", *arguments]

    @contextmanager
    def reader(self) -> Iterator[Callable[[str], bytes | None]]:
        """A function from ids to contents; None where the content is absent, damaged or too large."""
        batch = _Batch(self._git("cat-file", "--batch"))
        try:
            yield batch.read
        finally:
            batch.close()


class _Batch:
    """One ``git cat-file --batch``, asked for one content after the other.

    It is started again only if it dies, as it does of contents that a partial clone lacks (git before 2.45); what it
    was asked for then counts as absent.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def read(self, blob: str) -> bytes | None:
        """The content; None if it is not there, damaged or larger than `MOST_BYTES`."""
        if self._process is None:
            self._process = start(self._command, environment=_LOCAL)
        asked, answers = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answers is not None
        with suppress(BrokenPipeError):  # it died since; then there is no answer
            asked.write(f"{blob}\n".encode())
            asked.flush()
        head = answers.readline().split()
        if not head:
            self.close()
        if len(head) != 3:
            return None
        size, data = int(head[2]), b""
        for at in range(0, size, MOST_BYTES):  # of what is too large, the end remains, which no id fits
            data = answers.read(min(MOST_BYTES, size - at))
        answers.read(1)
        return data if blob in blob_ids(data) else None

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            with suppress(BrokenPipeError), self._process:
                pass
            self._process = None
