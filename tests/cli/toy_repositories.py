"""Repositories, packages and catalogues made on the spot, so that nothing of `assay data fetch` needs a network."""

import csv
import io
import os
import subprocess

import numpy as np
import soundfile

COLUMNS = (
    *("repo", "commit", "path", "key", "generator", "method", "identity", "language", "licence", "pair", "style"),
    *("partition", "confidence", "notes"),
)
WHO = {f"GIT_{role}_{what}": "toy@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def git(folder, *arguments):
    """What git prints."""
    command = ["git", "-C", str(folder), "-c", "init.defaultBranch=main", *arguments]
    return subprocess.run(command, env={**os.environ, **WHO}, check=True, capture_output=True, text=True).stdout.strip()


class Repository:
    """A repository with a work tree, into which files are committed."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True)
        git(folder, "init", "--quiet")
        # As code hosts have it.
        git(folder, "config", "uploadpack.allowFilter", "true")
        git(folder, "config", "uploadpack.allowAnySHA1InWant", "true")

    def commit(self, files):
        """Commit files given as path and bytes; the commit."""
        for path, data in files.items():
            target = self.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        git(self.folder, "add", "--all")
        git(self.folder, "commit", "--quiet", "--message", "toy")
        return git(self.folder, "rev-parse", "HEAD")


def noise(seconds=1.0, *, rate=16_000, seed=0, level=0.1):
    """White noise, shape (n,), float32."""
    rng = np.random.default_rng(seed)
    return (level * rng.standard_normal(round(seconds * rate))).astype(np.float32)


def sound_file(samples, rate=16_000, form="WAV", subtype=None):
    """Samples as the bytes of a file."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=form, subtype=subtype)
    return file.getvalue()


def write_catalogue(path, rows):
    """Write rows given as dicts; what they leave out is empty or usual."""
    usual = {"key": "bona_fide", "style": "speech", "partition": "train"}
    extra = sorted({name for row in rows for name in row} - set(COLUMNS))
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, [*COLUMNS, *extra])
        writer.writeheader()
        writer.writerows({**usual, **row} for row in rows)
    return path


def read_csv(path):
    """Rows as dicts."""
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def make_package(folder, name, files):
    """A tiny Debian package; its archive."""
    tree = folder / f"{name}-tree"
    for path, data in {"DEBIAN/control": _control(name), **files}.items():
        target = tree / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    for made in (tree, *tree.rglob("*")):
        if made.is_dir():
            made.chmod(0o755)
    archive = folder / f"{name}_2%3a1.0_all.deb"
    command = ["dpkg-deb", "--root-owner-group", "--build", str(tree), str(archive)]
    subprocess.run(command, check=True, capture_output=True)
    return archive


def _control(name):
    fields = {"Package": name, "Version": "2:1.0", "Architecture": "all", "Maintainer": "toy <toy@example.org>"}
    return "".join(f"{field}: {value}\n" for field, value in {**fields, "Description": "toy"}.items()).encode()
