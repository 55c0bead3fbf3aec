"""Git repositories and packages: where a file is found, what is said where it is not, and what is not trusted."""

import hashlib
import os
import shutil
import subprocess

import pytest
from toy_repositories import Repository, git, make_package

from assay.data.catalogue import Row
from assay.data.places import Content, Gone, Places
from assay.data.repositories import contents
from assay.errors import DataError

REPO = "owner/name"
NO_COMMIT = "0" * 40


@pytest.fixture(params=["mirror", "mirror with work tree", "clone"])
def get(request, tmp_path):
    """Get files of `Repository` at the other side: ``get(repository, Row(…), …)`` by path."""

    def get(repository, *rows):
        if request.param == "clone":
            places = Places(tmp_path / "cache", base=f"file://{tmp_path / 'remote'}")
        else:
            target = tmp_path / "mirror" / "owner+name" / "repo"
            if not target.exists():
                bare = ["--mirror"] if request.param == "mirror" else []
                git(tmp_path, "clone", "--quiet", *bare, repository.folder.as_uri(), target)
            places = Places(tmp_path / "cache", mirror=tmp_path / "mirror")
        return {row.path: content for row, content in contents(REPO, rows, places)}

    return get


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "remote" / "owner" / "name")


def test_exactly_the_wanted_files_come_whatever_their_names(get, repository):
    files = {"a.wav": b"one", "d/ü b\nc.wav": b"\0\n" * 70_000, "-x": b"", "other": b"unwanted"}
    head = repository.commit(files)
    found = get(repository, *(Row(REPO, path, "spoof") for path in list(files)[:3]))
    assert found == {path: Content(files[path], head) for path in list(files)[:3]}


def test_the_named_commit_counts_and_not_head(get, repository):
    first = repository.commit({"a": b"old", "gone": b"g"})
    (repository.folder / "gone").unlink()
    second = repository.commit({"a": b"new", "b": b"b"})
    rows = [Row(REPO, "a", "spoof", commit=first), Row(REPO, "gone", "spoof", commit=first)]
    assert get(repository, *rows) == {"a": Content(b"old", first), "gone": Content(b"g", first)}
    assert get(repository, Row(REPO, "a", "spoof"))["a"] == Content(b"new", second)
    assert get(repository, Row(REPO, "b", "spoof", commit=first))["b"] == Gone("not in repository")


def test_a_commit_that_is_not_there_falls_back_to_head_and_says_so(get, repository):
    head = repository.commit({"a": b"a"})
    note = "commit 000000000000 is not there; taken from HEAD"
    assert get(repository, Row(REPO, "a", "spoof", commit=NO_COMMIT))["a"] == Content(b"a", head, note)


def test_what_only_a_branch_has_is_found_there(get, repository):
    repository.commit({"code": b"c"})
    git(repository.folder, "checkout", "--quiet", "-b", "pages")
    tip = repository.commit({"a.wav": b"a"})
    git(repository.folder, "checkout", "--quiet", "main")
    found = get(repository, Row(REPO, "a.wav", "spoof"), Row(REPO, "none", "spoof"))
    assert found["a.wav"].data == b"a"
    assert found["a.wav"].commit == tip
    assert found["a.wav"].note in ("taken from branch pages", "taken from branch origin/pages")
    assert found["none"] == Gone("not in repository")


def test_a_branch_whose_name_is_no_text_is_named_as_far_as_it_goes(get, repository):
    repository.commit({"code": b"c"})
    git(repository.folder, "checkout", "--quiet", "--detach")
    tip = repository.commit({"a.wav": b"a"})
    name = os.fsdecode(b"refs/heads/caf\xe9")
    try:
        git(repository.folder, "update-ref", name, tip)
    except subprocess.CalledProcessError:
        pytest.skip("this file system takes no such names")
    git(repository.folder, "checkout", "--quiet", "main")
    found = get(repository, Row(REPO, "a.wav", "spoof"))["a.wav"]
    assert (found.data, found.commit) == (b"a", tip)
    assert found.note.endswith("caf\N{REPLACEMENT CHARACTER}")


def test_links_pointers_and_other_contents_are_gone(get, repository):
    lfs = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    annex = b"/annex/objects/SHA256E-s9--0.wav\n"
    (repository.folder / "link").symlink_to("a")
    repository.commit({"a": b"a", "lfs": lfs, "annex": annex})
    rows = [Row(REPO, path, "spoof") for path in ("lfs", "annex", "link")]
    found = get(repository, *rows, Row(REPO, "a", "spoof", blob="f" * 40))
    assert {path: gone.reason for path, gone in found.items()} == {
        "lfs": "lfs pointer",
        "annex": "lfs pointer",
        "link": "not in repository",
        "a": "content is not the blob that the catalogue names",
    }


def test_a_blob_may_be_named_by_either_digest(get, repository):
    repository.commit({"a": b"a"})
    for digest in (git(repository.folder, "rev-parse", "HEAD:a"), hashlib.sha256(b"a").hexdigest()):
        assert get(repository, Row(REPO, "a", "spoof", blob=digest))["a"].data == b"a"


def test_a_repository_that_is_not_there_takes_its_files_with_it(get, repository, tmp_path, request):
    repository.commit({"a": b"a"})
    git(
        tmp_path, "clone", "--quiet", "--mirror", repository.folder.as_uri(), tmp_path / "mirror" / "other+one" / "repo"
    )
    shutil.rmtree(repository.folder)
    by_clone = Places(tmp_path / "cache", base=f"file://{tmp_path / 'remote'}")
    by_mirror = Places(tmp_path / "cache", mirror=tmp_path / "mirror")
    row = Row(REPO, "a", "spoof")
    assert list(contents(REPO, [row], by_clone)) == [(row, Gone("repository cannot be cloned"))]
    assert list(contents(REPO, [row], by_mirror)) == [(row, Gone("repository not in mirror"))]


def test_a_clone_holds_only_what_was_wanted(repository, tmp_path):
    repository.commit({"a": b"a", "large": os.urandom(100_000)})
    places = Places(tmp_path / "cache", base=f"file://{tmp_path / 'remote'}")
    row = Row(REPO, "a", "spoof")
    assert dict(contents(REPO, [row], places))[row].data == b"a"
    assert sum(file.stat().st_size for file in places.cache.rglob("*") if file.is_file()) < 100_000


def test_a_clone_that_lacks_a_content_loses_that_one_only(repository, tmp_path):
    repository.commit({"a": b"a", "b": b"b", "c": b"c"})
    target = tmp_path / "mirror" / "owner+name" / "repo"
    git(tmp_path, "clone", "--quiet", "--bare", "--filter=blob:none", repository.folder.as_uri(), target)
    for name in ("a", "c"):
        git(target, "cat-file", "-p", f"HEAD:{name}")  # git fetches it
    places = Places(tmp_path / "cache", mirror=tmp_path / "mirror")
    rows = [Row(REPO, name, "spoof") for name in "abc"]
    found = {row.path: content for row, content in contents(REPO, rows, places)}
    assert (found["a"].data, found["b"], found["c"].data) == (b"a", Gone("too large/absent blob"), b"c")


def test_a_damaged_content_is_gone(repository, tmp_path):
    repository.commit({"a": b"a"})
    git(tmp_path, "clone", "--quiet", "--mirror", repository.folder, tmp_path / "mirror" / "owner+name" / "repo")
    blob = git(repository.folder, "rev-parse", "HEAD:a")
    (stored,) = (tmp_path / "mirror").rglob(f"objects/{blob[:2]}/{blob[2:]}")
    stored.chmod(0o600)
    stored.write_bytes(b"broken")
    row = Row(REPO, "a", "spoof")
    assert list(contents(REPO, [row], Places(tmp_path, mirror=tmp_path / "mirror"))) == [
        (row, Gone("too large/absent blob"))
    ]


def test_a_git_that_dies_between_two_contents_loses_one_only(repository, tmp_path, monkeypatch):
    repository.commit({"a": b"a", "b": b"b", "c": b"c"})
    git(tmp_path, "clone", "--quiet", "--mirror", repository.folder, tmp_path / "mirror" / "owner+name" / "repo")
    real = shutil.which("git")
    script = tmp_path / "bin" / "git"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\ncase "$*" in *--batch) head -n 1 | "{real}" "$@";; *) exec "{real}" "$@";; esac\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    rows = [Row(REPO, name, "spoof") for name in "abc"]
    found = {row.path: content for row, content in contents(REPO, rows, Places(tmp_path, mirror=tmp_path / "mirror"))}
    assert (found["a"].data, found["b"], found["c"].data) == (b"a", Gone("too large/absent blob"), b"c")


def test_what_is_larger_than_anything_wanted_is_not_kept(repository, tmp_path, monkeypatch):
    monkeypatch.setattr("assay.data.git.MOST_BYTES", 1_000)
    repository.commit({"a": b"a" * 2_500, "b": b"b" * 1_000})
    places = Places(tmp_path / "cache", base=f"file://{tmp_path / 'remote'}")
    rows = [Row(REPO, name, "spoof") for name in "ab"]
    found = {row.path: content for row, content in contents(REPO, rows, places)}
    assert (found["a"], found["b"].data) == (Gone("too large/absent blob"), b"b" * 1_000)


def test_without_git_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match=r"program .git. is needed .* cannot be run"):
        list(contents(REPO, [Row(REPO, "a", "spoof")], Places(tmp_path / "cache")))


# --- packages ---

PACKAGE = "debian:toy-sounds"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package that apt-get downloads, in place of the real one; the folder for the cache."""
    if shutil.which("dpkg-deb") is None:
        pytest.skip("dpkg-deb is not installed")
    files = {
        "game/en/a.wav": b"en",
        "game/nl/a.wav": b"nl",
        "deep/down/only/b.ogg": b"b",
        "c.wav": b"c",
        "x/c.wav": b"x",
    }
    archive = make_package(tmp_path, "toy-sounds", {f"usr/share/{path}": data for path, data in files.items()})
    programs = tmp_path / "bin"
    programs.mkdir()
    script = programs / "apt-get"
    # Without that option a name that no package has is a regular expression.
    wanted = "-q -o APT::Cmd::Pattern-Only=true download toy-sounds"
    script.write_text(f'#!/bin/sh\n[ "$*" = "{wanted}" ] && cp "{archive}" .\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "cache"


def of_package(cache, *paths, repo=PACKAGE):
    return {
        row.path: content
        for row, content in contents(repo, [Row(repo, path, "spoof") for path in paths], Places(cache))
    }


def test_files_of_a_package_come_from_its_share_folder(package):
    found = of_package(package, "game/en/a.wav", "only/b.ogg", "c.wav")
    assert found == {
        "game/en/a.wav": Content(b"en", "2:1.0"),
        "only/b.ogg": Content(b"b", "2:1.0"),
        "c.wav": Content(b"c", "2:1.0"),
    }


def test_an_ending_must_be_whole_names_and_fit_one_file_only(package):
    found = of_package(package, "a.wav", "nly/b.ogg", "none.wav")
    assert found["a.wav"] == Gone("2 files in the package end in this path")
    assert found["nly/b.ogg"] == found["none.wav"] == Gone("not in repository")


def test_a_package_is_downloaded_and_unpacked_once(package, tmp_path, monkeypatch):
    of_package(package, "c.wav")
    (tmp_path / "bin" / "apt-get").unlink()
    assert of_package(package, "c.wav")["c.wav"].data == b"c"


def test_a_link_out_of_a_package_is_not_followed(package, tmp_path):
    (tmp_path / "secret").write_bytes(b"s")
    of_package(package, "c.wav")
    share = package / "debian" / "toy-sounds" / "usr" / "share"
    (share / "secret.wav").symlink_to(tmp_path / "secret")
    assert of_package(package, "secret.wav")["secret.wav"] == Gone("not in repository")


def test_a_package_that_cannot_be_had_takes_its_files_with_it(package):
    assert of_package(package, "a", repo="debian:toy-other")["a"] == Gone("package cannot be downloaded")


def test_a_share_folder_that_is_a_link_is_not_followed(package, tmp_path):
    of_package(package, "c.wav")
    usr = package / "debian" / "toy-sounds" / "usr"
    shutil.rmtree(usr / "share")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "secret.wav").write_bytes(b"s")
    (usr / "share").symlink_to(tmp_path / "elsewhere")
    assert of_package(package, "secret.wav")["secret.wav"] == Gone("not in repository")


def test_a_broken_archive_takes_its_files_with_it_until_it_is_downloaded_again(package):
    (package / "debian").mkdir(parents=True)
    (package / "debian" / "toy-sounds_1_all.deb").write_bytes(b"broken")
    assert of_package(package, "c.wav")["c.wav"] == Gone("package cannot be unpacked")
    assert of_package(package, "c.wav")["c.wav"] == Content(b"c", "2:1.0")


def test_without_apt_the_files_of_packages_are_gone_and_nothing_fails(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert of_package(tmp_path / "cache", "a")["a"] == Gone("package cannot be downloaded")


def test_the_toy_package_is_one_that_dpkg_knows(package, tmp_path):
    shown = subprocess.run(["dpkg-deb", "--field", str(next(tmp_path.glob("*.deb"))), "Version"], capture_output=True)
    assert shown.stdout == b"2:1.0\n"
