"""The run of a fetch: what it writes, that it goes on where it was killed, and what it makes of copies."""

import json
from dataclasses import dataclass

import pytest
import soundfile
from toy_repositories import Repository, git, noise, read_csv, sound_file, write_catalogue

from assay.data import read_protocol
from assay.data.fetch import fetch
from assay.errors import DataError
from assay.settings import Settings

REPO = "owner/name"


@dataclass
class Place:
    """A remote side, a mirror of it and a folder to fetch into."""

    root: object

    def repository(self, files, repo=REPO):
        """A repository with these files, in the mirror; its commit."""
        made = Repository(self.root / "remote" / repo)
        commit = made.commit(files)
        target = self.root / "mirror" / repo.replace("/", "+") / "repo"
        git(self.root, "clone", "--quiet", "--mirror", made.folder.as_uri(), target)
        return commit

    def fetch(self, *rows, jobs=2, **given):
        """Fetch rows given as dicts."""
        catalogue = write_catalogue(self.root / "catalogue.csv", [{"repo": REPO, **row} for row in rows])
        given = {"mirror": self.root / "mirror", **given}
        return fetch(catalogue, self.data, settings=Settings(jobs=jobs), **given)

    @property
    def data(self):
        return self.root / "data"

    def report(self):
        return {row["path"]: (row["status"], row["reason"]) for row in read_csv(self.data / "report.csv")}


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def sounds(*names, **given):
    return {name: sound_file(noise(seed=seed, **given)) for seed, name in enumerate(names)}


def test_the_protocol_says_what_was_fetched_and_where_it_comes_from(place):
    commit = place.repository(
        {"a.wav": sound_file(noise(2.0, rate=8_000), 8_000), "b/x.wav": sound_file(noise(seed=1))}
    )
    rows = [
        {"path": "b/x.wav", "key": "spoof", "generator": "VITS", "method": "vc", "pair": "a.wav", "language": "nl"},
        {"path": "a.wav", "generator": "microphone", "identity": "Ann", "licence": "CC0", "confidence": "high"},
    ]
    tally = place.fetch(*rows)
    assert tally.counts == {"fetched": 2}
    assert tally.protocol == place.data / "protocol.csv"
    spoof, bona_fide = read_protocol(tally.protocol, partition="train")
    assert (spoof.key, spoof.generator, spoof.language, spoof.source) == ("spoof", "VITS", "nl", REPO)
    assert (bona_fide.generator, bona_fide.speaker, bona_fide.licence) == ("", "Ann", "CC0")
    assert spoof.parent == bona_fide.path
    assert bona_fide.parent == ""
    made = soundfile.info(bona_fide.file)
    assert (made.format, made.subtype, made.samplerate, made.channels) == ("FLAC", "PCM_16", 16_000, 1)
    _, more = read_csv(tally.protocol)
    assert (more["commit"], more["original_path"], more["confidence"], more["style"]) == (
        commit,
        "a.wav",
        "high",
        "speech",
    )
    assert (more["original_sample_rate"], more["original_codec"]) == ("8000", "wav pcm_16")
    assert float(more["duration_s"]) == pytest.approx(2.0, abs=0.02)


def test_the_report_says_why_of_every_row(place):
    place.repository({**sounds("good.wav"), "short.wav": sound_file(noise(0.3)), "text.wav": b"hello"})
    place.fetch(*({"path": path} for path in ("text.wav", "none.wav", "good.wav", "short.wav")))
    assert place.report() == {
        "text.wav": ("gone", "cannot be decoded"),
        "none.wav": ("gone", "not in repository"),
        "good.wav": ("fetched", ""),
        "short.wav": ("unfit", "shorter than 0.7 s"),
    }
    assert len(read_protocol(place.data / "protocol.csv")) == 1


def test_the_protocol_has_the_order_of_the_catalogue_whatever_the_jobs(place):
    names = [f"{n}.wav" for n in (5, 2, 9, 1, 7, 3)]
    place.repository(sounds(*names))
    place.repository(sounds("o.wav", level=0.05), repo="other/one")
    rows = [
        *({"path": name} for name in names[:3]),
        {"repo": "other/one", "path": "o.wav"},
        *({"path": n} for n in names[3:]),
    ]
    written = []
    for jobs in (1, 3):
        path = place.fetch(*rows, jobs=jobs).protocol
        written.append(path.read_bytes())
        (place.data / "state.jsonl").unlink()
    assert written[0] == written[1]
    assert [row["original_path"] for row in read_csv(path)] == [row["path"] for row in rows]


def test_a_killed_run_goes_on_and_ends_like_one_that_was_not(place, monkeypatch):
    names = [f"{n}.wav" for n in range(6)]
    place.repository(sounds(*names))
    rows = [{"path": name} for name in names]

    def stop(done, total):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        place.fetch(*rows, progress=stop)
    assert not (place.data / "protocol.csv").exists()
    with (place.data / "state.jsonl").open("a") as file:
        file.write('{"repo": "owner/na')  # as if it had been killed while it wrote
    calls = []
    place.fetch(*rows, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(4, 6), (5, 6), (6, 6)]
    interrupted = (place.data / "protocol.csv").read_bytes()
    (place.data / "state.jsonl").unlink()
    place.fetch(*rows)
    assert (place.data / "protocol.csv").read_bytes() == interrupted
    assert not list(place.data.rglob("*.part"))


def test_what_is_done_is_not_done_again_unless_its_file_is_missing(place):
    place.repository(sounds("a.wav", "b.wav"))
    rows = [{"path": "a.wav"}, {"path": "b.wav"}]
    first, second = read_protocol(place.fetch(*rows).protocol)
    first.file.write_bytes(b"left alone")
    second.file.unlink()
    place.fetch(*rows)
    assert first.file.read_bytes() == b"left alone"
    assert second.file.is_file()


def test_what_was_gone_is_looked_for_again(place):
    place.repository(sounds("a.wav"))
    rows = [{"path": "a.wav"}, {"repo": "other/one", "path": "b.wav"}]
    assert place.fetch(*rows).counts == {"fetched": 1, "gone": 1}
    assert place.report()["b.wav"] == ("gone", "repository not in mirror")
    place.repository(sounds("x", "b.wav"), repo="other/one")
    assert place.fetch(*rows).counts == {"fetched": 2}


def test_a_folder_of_another_preparation_is_refused(place):
    place.repository(sounds("a.wav"))
    place.fetch({"path": "a.wav"})
    with pytest.raises(DataError, match=r"another preparation.*'max_seconds': 12.0.*'max_seconds': 2.0"):
        place.fetch({"path": "a.wav"}, max_seconds=2.0)


def test_a_folder_with_a_protocol_of_another_making_is_left_alone(place):
    place.repository(sounds("a.wav"))
    place.fetch({"path": "a.wav"})
    for name in ("state.jsonl", "report.csv"):
        (place.data / name).unlink()
    before = (place.data / "protocol.csv").read_bytes()
    with pytest.raises(DataError, match="no fetch wrote"):
        place.fetch({"path": "a.wav"})
    assert (place.data / "protocol.csv").read_bytes() == before


@pytest.mark.parametrize("line", ["{]", '{"file": "a.wav"}', "[1]"])
def test_a_damaged_state_is_an_error_that_says_what_to_do(place, line):
    place.repository(sounds("a.wav"))
    place.fetch({"path": "a.wav"})
    with (place.data / "state.jsonl").open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(DataError, match=r"is damaged.*Remove it"):
        place.fetch({"path": "a.wav"})


def test_copies_of_one_key_are_kept_once_whatever_they_are_packed_in(place):
    samples = (noise() * 2**15).astype("int16")
    place.repository({"a.wav": sound_file(samples), "b.flac": sound_file(samples, form="FLAC"), **sounds("x", "c.wav")})
    assert place.fetch(*({"path": path} for path in ("a.wav", "b.flac", "c.wav"))).counts == {
        "fetched": 2,
        "duplicate": 1,
    }
    assert place.report()["b.flac"] == ("duplicate", "same as owner/name a.wav")


def test_copies_of_two_keys_are_both_dropped_and_name_each_other(place):
    data = sound_file(noise())
    place.repository({"a.wav": data, "b.wav": data, "c.wav": data, **sounds("x", "d.wav")})
    place.fetch({"path": "a.wav"}, {"path": "b.wav", "key": "spoof"}, {"path": "c.wav"}, {"path": "d.wav"})
    report = place.report()
    assert report["a.wav"] == ("conflict", "same as owner/name b.wav, which is spoof")
    assert report["b.wav"] == ("conflict", "same as owner/name a.wav, which is bona_fide")
    assert report["c.wav"][0] == "conflict"
    assert [trial.source for trial in read_protocol(place.data / "protocol.csv")] == [REPO]


def test_a_parent_is_named_only_if_it_was_kept_and_is_bona_fide(place):
    place.repository(sounds("a.wav", "b.wav", "c.wav"))
    rows = [
        {"path": "a.wav", "key": "spoof", "pair": "b.wav"},
        {"path": "b.wav", "key": "spoof", "pair": "none.wav"},
        {"path": "c.wav", "pair": "c.wav"},
    ]
    assert [trial.parent for trial in read_protocol(place.fetch(*rows).protocol)] == ["", "", ""]


def test_pictures_and_videos_are_copied_byte_for_byte(place):
    place.repository({"a.PNG": b"picture", "b.mp4": b"video"})
    tally = place.fetch({"path": "a.PNG", "style": "face"}, {"path": "b.mp4", "style": "face", "key": "spoof"})
    first, second = read_protocol(tally.protocol)
    assert (first.file.suffix, first.file.read_bytes()) == (".png", b"picture")
    assert (second.file.suffix, second.file.read_bytes()) == (".mp4", b"video")
    assert {row["duration_s"] for row in read_csv(tally.protocol)} == {""}


def test_a_limit_per_source_draws_the_same_files_every_time(place):
    names = [f"{n}.wav" for n in range(8)]
    place.repository(sounds(*names))
    rows = [{"path": name, "key": "spoof", "generator": "ab"[index % 2]} for index, name in enumerate(names)]
    drawn = [read_csv(place.fetch(*rows, max_per_source=4).protocol) for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert sorted(row["generator"] for row in drawn[0]) == ["a", "a", "b", "b"]
    assert place.fetch(*rows, max_per_source=4, seed=1).counts == {"fetched": 4}


def test_without_a_mirror_the_repository_is_cloned(place):
    commit = place.repository(sounds("a.wav"))
    row = {"path": "a.wav", "commit": commit}
    tally = place.fetch(row, mirror=None, base=f"file://{place.root / 'remote'}")
    assert tally.counts == {"fetched": 1}
    assert (place.data / ".cache" / "git" / "owner__name" / "HEAD").is_file()


def test_if_nothing_could_be_kept_the_error_names_the_report(place):
    place.repository(sounds("a.wav"))
    with pytest.raises(DataError, match=r"None of 1 files could be kept.*report\.csv"):
        place.fetch({"path": "b.wav"})
    assert place.report() == {"b.wav": ("gone", "not in repository")}
    assert not (place.data / "protocol.csv").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [({"max_seconds": 0.5}, "max_seconds is 0.5"), ({"mirror": "absent"}, "mirror .* is no folder")],
)
def test_arguments_are_checked_before_anything_is_written(place, given, message):
    given = {name: place.root / value if name == "mirror" else value for name, value in given.items()}
    with pytest.raises(DataError, match=message):
        place.fetch({"path": "a.wav"}, **given)
    assert not place.data.exists()


def test_every_line_of_the_state_is_one_file(place):
    place.repository(sounds("a.wav"))
    place.fetch({"path": "a.wav"}, {"path": "none.wav"})
    head, *lines = map(json.loads, (place.data / "state.jsonl").read_text().splitlines())
    assert head == {"version": 1, "max_seconds": 12.0}
    assert {line["path"]: line["status"] for line in lines} == {"a.wav": "fetched", "none.wav": "gone"}
