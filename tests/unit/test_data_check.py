"""Checks: what is wrong with data is found and told, what is right is not, and leaks are measured."""

import io
import json
import math
import sys

import drawings
import movies
import numpy as np
import pytest
import signals
import soundfile
from PIL import Image

from assay.data import Trial
from assay.data.check import check
from assay.data.facts import facts_of
from assay.data.leaks import FORM, SIZE, TOGETHER, audit
from assay.data.overlap import envelope
from assay.data.prints import PICTURE_ALIKE, alike, picture_print, sound_print
from assay.data.repeats import repeats_of
from assay.errors import ProtocolError
from assay.settings import Settings

RATE = 16_000
SETTINGS = Settings()


def talk(seed, seconds=4.0):
    """Noise whose level goes up and down as in speech, band by band; float32 (n,)."""
    rng = np.random.default_rng(seed)
    n = round(seconds * RATE)
    spectrum, hertz = np.fft.rfft(rng.standard_normal(n)), np.fft.rfftfreq(n, 1 / RATE)
    total = np.zeros(n)
    for low, high in ((100, 400), (400, 900), (900, 1_700), (1_700, 3_000), (3_000, 7_000)):
        band = np.fft.irfft(np.where((hertz >= low) & (hertz < high), spectrum, 0), n)
        steps = rng.uniform(0.06, 0.25, size=round(seconds / 0.06) + 2)
        levels_db = np.where(rng.random(len(steps)) < 0.15, -60, rng.uniform(-30, 0, len(steps)))
        total += band * 10 ** (np.interp(np.arange(n) / RATE, np.cumsum(steps), levels_db) / 20)
    return (0.3 * total / np.abs(total).max()).astype(np.float32)


def scene(seed, size=160):
    """A picture of soft patches; uint8 (size, size, 3)."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8))
    return np.asarray(small.resize((size, size), Image.Resampling.BICUBIC))


def jpeg(pixels, quality):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return file.getvalue()


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def data(tmp_path):
    """Write files and their protocol: ``data({"a.wav": (bytes, {"key": "spoof"})})``; its path is returned."""

    def write(files):
        columns = ("path", "key", "partition", "speaker", "source", "generator", "parent")
        lines = [",".join(columns)]
        for name, (content, told) in files.items():
            if content is not None:
                (tmp_path / name).write_bytes(content)
            lines.append(",".join(str({"path": name, "key": "spoof", **told}.get(column, "")) for column in columns))
        (tmp_path / "protocol.csv").write_text("\n".join(lines) + "\n")
        return tmp_path / "protocol.csv"

    return write


def codes(path, **options):
    report = check(path, settings=SETTINGS, **{"leaks": False, **options})
    return [(finding.severity, finding.code, set(finding.paths)) for finding in report.findings]


def wav(samples, rate=RATE, subtype="PCM_16"):
    return signals.wav(samples, rate, subtype)


REAL, SPOOF = {"key": "bona_fide"}, {"key": "spoof"}


def test_good_data_have_no_findings(data):
    files = {f"{n}.wav": (wav(talk(n)), (REAL, SPOOF)[n % 2]) for n in range(6)}
    files |= {f"{n}.png": (png(scene(n)), (REAL, SPOOF)[n % 2]) for n in range(4)}
    assert codes(data(files)) == []


def test_files_that_cannot_be_used_are_errors(data):
    nan = np.where(np.arange(RATE) == 99, np.nan, 0.1).astype(np.float32)
    path = data(
        {
            "good.wav": (wav(talk(0)), REAL),
            "good2.wav": (wav(talk(1)), SPOOF),
            "missing.wav": (None, REAL),
            "empty.wav": (b"", REAL),
            "text.wav": (b"no sound at all, but a text", REAL),
            "nan.wav": (wav(nan, subtype="FLOAT"), SPOOF),
            "silent.wav": (wav(np.zeros(RATE, np.float32)), SPOOF),
            "broken.png": (png(scene(0))[:-300], SPOOF),
        }
    )
    found = codes(path)
    assert {(severity, code) for severity, code, _ in found} == {("error", "unreadable"), ("error", "unusable")}
    assert {name for _, code, paths in found for name in paths if code == "unusable"} == {"silent.wav"}
    assert len(found) == 6


def test_equal_files_of_two_keys_or_partitions_are_errors_of_one_a_warning(data):
    one, other = wav(talk(1)), wav(talk(2))
    train, dev = {"partition": "train"}, {"partition": "dev"}
    path = data(
        {
            "a.wav": (one, REAL | train),
            "b.wav": (one, SPOOF | train),
            "c.wav": (other, SPOOF | train),
            "d.wav": (other, SPOOF | dev),
            "e.wav": (wav(np.round(talk(3) * 2**15) / 2**15), REAL | dev),
            "f.flac": (signals.encoded("flac", np.round(talk(3) * 2**15) / 2**15, RATE), REAL | dev),
        }
    )
    assert codes(path) == [
        ("error", "key_conflict", {"a.wav", "b.wav"}),
        ("error", "content_across_partitions", {"c.wav", "d.wav"}),
        ("warning", "duplicate", {"e.wav", "f.flac"}),
    ]


def test_copies_of_sounds_are_found_though_encoded_quieter_and_cut(data):
    original = talk(1, 6.0)
    copy = signals.encoded("mp3", 0.2 * original[9_000:], RATE)
    path = data(
        {
            "a.wav": (wav(original), REAL | {"partition": "train"}),
            "b.mp3": (copy, REAL | {"partition": "eval"}),
            **{f"o{n}.wav": (wav(talk(n + 10)), SPOOF | {"partition": ("train", "eval")[n % 2]}) for n in range(8)},
        }
    )
    assert codes(path) == [("error", "content_across_partitions", {"a.wav", "b.mp3"})]
    assert codes(path, copies=False) == []


def test_copies_of_pictures_are_found_though_scaled_and_compressed(data):
    pixels = scene(1, 320)
    smaller = np.asarray(Image.fromarray(pixels).resize((200, 200)))
    path = data(
        {
            "a.png": (png(pixels), REAL),
            "b.jpg": (jpeg(smaller, 40), REAL),
            **{f"o{n}.jpg": (jpeg(scene(n + 10), 80), SPOOF) for n in range(8)},
        }
    )
    assert codes(path) == [("warning", "near_duplicate", {"a.png", "b.jpg"})]


def test_copies_of_videos_are_found(data):
    frames = [scene(n, 128)[:64] for n in range(8)]
    other = [scene(n + 20, 128)[:64] for n in range(8)]
    path = data(
        {
            "a.mp4": (movies.video("mp4", frames), REAL | {"partition": "train"}),
            "b.mkv": (movies.video("mkv", frames), REAL | {"partition": "eval"}),
            "c.mp4": (movies.video("mp4", other), SPOOF | {"partition": "train"}),
            "d.mp4": (movies.video("mp4", other[::-1]), SPOOF | {"partition": "eval"}),
        }
    )
    found = codes(path)
    assert ("error", "content_across_partitions", {"a.mp4", "b.mkv"}) in found
    assert not any({"a.mp4", "c.mp4"} == paths for _, _, paths in found)


def test_a_fake_may_resemble_its_parent_if_it_names_it(data):
    original = talk(1)
    changed = original + 0.01 * np.random.default_rng(0).standard_normal(len(original)).astype(np.float32)
    files = {"a.wav": (wav(original), REAL), "b.wav": (wav(changed), SPOOF)}
    assert codes(data(files)) == [("warning", "unnamed_parent", {"a.wav", "b.wav"})]
    files["b.wav"] = (wav(changed), SPOOF | {"parent": "a.wav"})
    assert codes(data(files)) == []


def test_people_and_parents_across_partitions_are_told(data):
    train, dev = {"partition": "train"}, {"partition": "dev"}
    path = data(
        {
            "a.wav": (wav(talk(1)), REAL | train | {"speaker": "ann", "source": "s"}),
            "b.wav": (wav(talk(2)), SPOOF | train | {"speaker": "bob", "source": "s"}),
            "c.wav": (wav(talk(3)), REAL | dev | {"speaker": "cem;ann", "source": "s"}),
            "d.wav": (wav(talk(4)), SPOOF | dev | {"speaker": "dia", "source": "s", "parent": "a.wav"}),
        }
    )
    assert codes(path) == [
        ("error", "parent_across_partitions", {"d.wav"}),
        ("warning", "speaker_across_partitions", set()),
    ]


def test_a_partition_with_one_key_and_a_bona_fide_generator_are_errors(data):
    path = data(
        {
            "a.wav": (wav(talk(1)), REAL | {"partition": "train", "generator": "x"}),
            "b.wav": (wav(talk(2)), SPOOF | {"partition": "train"}),
            "c.wav": (wav(talk(3)), REAL | {"partition": "dev"}),
        }
    )
    found = codes(path)
    assert [code for _, code, _ in found] == ["one_key", "generator_of_bona_fide"]


def test_a_wrong_key_is_an_error_at_once(data):
    with pytest.raises(ProtocolError, match="key 'fake'"):
        check(data({"a.wav": (None, {"key": "fake"})}), settings=SETTINGS)


def test_a_report_is_json(data):
    report = check(data({"a.wav": (wav(talk(1)), REAL), "b.wav": (None, SPOOF)}), settings=SETTINGS)
    told = json.loads(json.dumps(report.to_dict()))
    assert (told["trials"], told["media"], told["errors"]) == (2, {"sound": 1, "unreadable": 1}, 1)
    assert told["findings"][0]["code"] == "unreadable"


def test_facts_of_a_sound_are_those_it_was_made_with(tmp_path):
    samples = np.concatenate([np.zeros(8_000), 0.5 * np.sin(np.arange(16_000) * 0.3), np.zeros(4_000)])
    soundfile.write(tmp_path / "a.wav", samples, RATE)
    facts = facts_of(Trial("a.wav", "spoof", root=tmp_path), SETTINGS)
    assert (facts.medium, facts.form, facts.error) == ("sound", "wav pcm_16", "")
    assert facts.duration_s == facts.numbers["length"] == pytest.approx(1.75)
    assert facts.numbers["silence before"] == pytest.approx(0.5, abs=0.02)
    assert facts.numbers["silence after"] == pytest.approx(0.25, abs=0.02)
    assert facts.numbers["peak"] == pytest.approx(20 * math.log10(0.5), abs=0.05)
    assert facts.numbers["level"] == pytest.approx(10 * math.log10(0.125 * 16 / 28), abs=0.1)
    assert facts.numbers["bits per second"] == pytest.approx(256_000, rel=0.01)


def test_the_step_of_a_jpeg_falls_with_its_quality_and_is_1_for_png(tmp_path):
    steps = []
    for name, content in (("a.png", png(scene(1))), ("b.jpg", jpeg(scene(1), 95)), ("c.jpg", jpeg(scene(1), 50))):
        (tmp_path / name).write_bytes(content)
        steps.append(facts_of(Trial(name, "spoof", root=tmp_path), SETTINGS).numbers["JPEG step"])
    assert steps[0] == 1.0
    assert steps[2] == pytest.approx(57.6, abs=0.1)  # the mean of table K.1 of T.81, which quality 50 is
    assert steps[0] < steps[1] < steps[2]


def test_prints_of_flat_content_are_empty():
    assert len(picture_print(np.full((80, 80, 3), 77, np.uint8))) == 0
    assert len(sound_print(envelope([np.full(64_000, 0.1, np.float32)]))) == 0
    assert len(sound_print(envelope([]))) == 0


def test_other_pictures_are_not_alike():
    prints = [picture_print(scene(seed)) for seed in range(60)]
    assert list(alike(prints, PICTURE_ALIKE)) == []
    assert [pair[:2] for pair in alike([*prints, picture_print(drawings.drawing()), prints[3]], PICTURE_ALIKE)] == [
        (3, 61)
    ]


def test_alike_finds_the_same_in_blocks(monkeypatch):
    rng = np.random.default_rng(0)
    prints = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in rng.standard_normal((9, 3, 4))]
    whole = list(alike(prints, 0.9))
    monkeypatch.setattr("assay.data.prints._ROWS", 5)
    for got, given in zip(alike(prints, 0.9), whole, strict=True):
        assert got == (*given[:2], pytest.approx(given[2]))
    assert len(whole) > 3


def test_repeats_name_the_first_of_equal_files_once(tmp_path):
    trials = []
    for name in ("a", "b", "c"):
        (tmp_path / name).write_bytes(wav(talk(1)))
        trials.append(Trial(name, "spoof", root=tmp_path))
    found = repeats_of(trials, [facts_of(trial, SETTINGS) for trial in trials], SETTINGS)
    assert [(each.one, each.other, each.kind) for each in found] == [(0, 1, "bytes"), (0, 2, "bytes")]


def sounds(tmp_path, count=48, *, leak=None):
    """Trials of 12 sources with facts of short noises; spoofs are told by `leak`: longer, mp3, or nothing."""
    rng = np.random.default_rng(0)
    trials, facts = [], []
    for n in range(count):
        spoof = n % 2 == 1
        seconds = 0.5 + 0.2 * rng.random() + (0.2 if leak == "length" and spoof else 0)
        name = "mp3" if leak == "form" and spoof else "wav"
        path = tmp_path / f"{n}.{name}"
        path.write_bytes(signals.encoded(name, signals.noise(seconds=seconds, seed=n), RATE))
        trials.append(Trial(path.name, "spoof" if spoof else "bona_fide", source=f"s{n % 12}", root=tmp_path))
        facts.append(facts_of(trials[-1], SETTINGS))
    return trials, facts


def test_a_length_that_tells_the_key_is_a_leak(tmp_path):
    found = audit(*sounds(tmp_path, leak="length"))
    leaks = {leak.name: leak for leak in found.leaks}
    assert found.groups == {"sound": "source (12)"}
    assert leaks["length"].auc == leaks[SIZE].auc == pytest.approx(1.0, abs=0.01)
    assert leaks["length"].leaks
    assert leaks["length"].higher == "spoof"
    assert leaks[TOGETHER].leaks
    assert not leaks["sample rate"].leaks
    assert leaks["sample rate"].auc == leaks[FORM].auc == 0.5


def test_a_container_that_tells_the_key_is_a_leak(tmp_path):
    leaks = {leak.name: leak for leak in audit(*sounds(tmp_path, leak="form")).leaks}
    assert leaks[FORM].auc == 1.0
    assert leaks[FORM].leaks
    assert leaks[TOGETHER].auc > 0.9
    assert not leaks["length"].leaks


def test_where_nothing_tells_the_key_nothing_leaks(tmp_path):
    found = audit(*sounds(tmp_path, 96))
    assert [leak.name for leak in found.leaks if leak.leaks] == []
    assert all(0.5 <= leak.auc < 0.75 for leak in found.leaks if leak.name != TOGETHER)


def test_the_audit_does_not_depend_on_the_order_of_the_trials(tmp_path):
    trials, facts = sounds(tmp_path, leak="length")
    one, other = audit(trials, facts), audit(trials[::-1], facts[::-1])
    alone = [{leak.name: leak.auc for leak in each.leaks if leak.name not in (TOGETHER, FORM)} for each in (one, other)]
    assert alone[0] == alone[1]


def test_too_few_files_are_told_and_not_audited(tmp_path):
    trials, facts = sounds(tmp_path, 12)
    found = audit(trials, facts)
    assert found.leaks == ()
    assert found.notes == ("sound: fewer than 10 readable files of a key, no leak audit",)


def test_without_scikit_learn_the_rest_is_audited(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    found = audit(*sounds(tmp_path, leak="length"))
    assert TOGETHER not in {leak.name for leak in found.leaks}
    assert "assay[train]" in found.notes[0]


def test_pictures_of_another_quality_are_a_leak(tmp_path):
    trials, facts = [], []
    for n in range(40):
        (tmp_path / f"{n}.jpg").write_bytes(jpeg(scene(n, 64), 90 if n % 2 else 75))
        trials.append(Trial(f"{n}.jpg", "spoof" if n % 2 else "bona_fide", root=tmp_path))
        facts.append(facts_of(trials[-1], SETTINGS))
    found = audit(trials, facts)
    step = next(leak for leak in found.leaks if leak.name == "JPEG step")
    assert (step.auc, step.higher, found.groups) == (1.0, "bona_fide", {"picture": "file"})
