"""Single files out of Debian packages, by apt-get and dpkg-deb; nothing is installed, nothing of a package is run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from assay.data.catalogue import DEBIAN, Row
from assay.data.places import ABSENT, MOST_BYTES, NOT_THERE, Content, Gone, Places, remove, run


def of_package(repo: str, rows: Sequence[Row], places: Places) -> Iterator[tuple[Row, Content | Gone]]:
    """What `assay.data.repositories.contents` says, for ``debian:PACKAGE``.

    The path of a row is looked for below ``usr/share``, there or, if that is the only such file, further down.
    """
    package = repo.removeprefix(DEBIAN)
    folder = places.cache / "debian"
    folder.mkdir(parents=True, exist_ok=True)
    archive = _downloaded(package, folder)
    share = _unpacked(package, archive, folder) if archive else None
    if archive is None or share is None:
        yield from ((row, Gone(f"package cannot be {'unpacked' if archive else 'downloaded'}")) for row in rows)
        return
    version = archive.name.split("_")[1].replace("%3a", ":")
    files: dict[str, list[str]] = {}
    inside = folder.resolve() / share.relative_to(folder)  # share itself may be a link, too
    for path in sorted(share.rglob("*")):
        if path.is_file() and path.resolve().is_relative_to(inside):
            files.setdefault(path.name, []).append(path.relative_to(share).as_posix())
    for row in rows:
        ends = [path for path in files.get(row.path.rpartition("/")[2], ()) if f"/{path}".endswith(f"/{row.path}")]
        # What lies exactly there wins over what lies in a folder further down.
        place = row.path if row.path in ends else ends[0] if len(ends) == 1 else None
        if place is None:
            yield row, Gone(f"{len(ends)} files in the package end in this path" if ends else NOT_THERE)
        elif (share / place).stat().st_size > MOST_BYTES:
            yield row, Gone(ABSENT)
        else:
            yield row, Content((share / place).read_bytes(), version)


def _downloaded(package: str, folder: Path) -> Path | None:
    """The archive of a package; None if it cannot be had."""
    form = f"{package}_*.deb"
    if not any(folder.glob(form)):
        # A name that no package has would else be taken as a regular expression, and "a.+" fits thousands.
        run(["apt-get", "-q", "-o", "APT::Cmd::Pattern-Only=true", "download", package], place=folder)
    return min(folder.glob(form), default=None)


def _unpacked(package: str, archive: Path, folder: Path) -> Path | None:
    """The share folder of an unpacked package; None if the archive is broken, which is then downloaded again."""
    target = folder / package
    if not target.is_dir():
        part = folder / f"{package}.part"
        remove(part)
        if run(["dpkg-deb", "-x", str(archive), str(part)]) is None:
            archive.unlink()
            return None
        part.rename(target)
    return target / "usr" / "share"
