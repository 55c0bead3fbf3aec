"""What is drawn, split, checked, cached and treated before a network sees it."""

import csv
import shutil
from collections import Counter
from dataclasses import replace
from multiprocessing import active_children
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("lightning")

import lab_toys
import torch

from assay.data import Trial
from assay.errors import DataError, ProtocolError, TrainingError
from assay.training.lab.cache import Cache, contents
from assay.training.lab.check import Item
from assay.training.lab.config import Picture, Run, Sound, Video, changed, load_run
from assay.training.lab.data import Epochs, MeasuredBatches, Reader, TrainingBatches
from assay.training.lab.decode import form_of, key_of, stored_side
from assay.training.lab.groups import folds_of, groups_of, split_off
from assay.training.lab.order import Order
from assay.training.lab.setting import ready
from assay.training.lab.sights import FeatureTreatment, PictureTreatment, VideoTreatment
from assay.training.lab.sounds import SoundTreatment
from assay.training.zoo import architecture

lab_toys.register_toys()
BY = ("source", "speaker", "parent", "content")


def item(number, key="bona_fide", **about):
    return Item(Trial(f"{number}.wav", key, **about), f"{number:064d}")


def items(bona_fide=7, spoof=5):
    return [item(n, "spoof" if n >= bona_fide else "bona_fide", source=f"s{n % 3}") for n in range(bona_fide + spoof)]


# What is drawn


def test_a_walk_without_balance_takes_everything_once_before_anything_twice():
    order = Order(items(), "none", seed=1)
    drawn = np.concatenate([order.batch(number, 4) for number in range(6)])
    assert Counter(drawn[:12].tolist()) == Counter(drawn[12:].tolist()) == Counter(range(12))
    assert drawn[:12].tolist() != drawn[12:].tolist()


@pytest.mark.parametrize("balance", ["key", "source"])
def test_balanced_batches_hold_both_keys_evenly_side_by_side(balance):
    given = items(bona_fide=20, spoof=3)
    rows = Order(given, balance, seed=1).batch(5, 8)
    assert [given[row].spoof for row in rows] == [True, False] * 4


def test_a_batch_is_a_function_of_its_number_alone():
    forwards = [Order(items(), "key", seed=2).batch(n, 4).tolist() for n in range(9)]
    order = Order(items(), "key", seed=2)
    assert [order.batch(n, 4).tolist() for n in reversed(range(9))] == forwards[::-1]
    assert [Order(items(), "key", seed=3).batch(n, 4).tolist() for n in range(9)] != forwards


def test_sources_are_drawn_by_the_root_of_their_size():
    given = [item(n, source="large") for n in range(90)] + [item(100 + n, source="small") for n in range(10)]
    given += [item(200, "spoof")]
    order = Order(given, "source", seed=0)
    drawn = np.concatenate([order.batch(n, 100) for n in range(40)])
    shares = Counter(given[row].trial.source for row in drawn if not given[row].spoof)
    assert shares["large"] / 2000 == pytest.approx(np.sqrt(90) / (np.sqrt(90) + np.sqrt(10)), abs=0.03)


# Groups


def test_whatever_shares_a_speaker_a_source_or_a_parent_is_one_group_even_along_a_chain():
    given = [
        item(0, source="a", speaker="x"),
        item(1, source="b", speaker="x"),
        item(2, source="b", speaker="y"),
        item(3, "spoof", source="c", parent="2.wav"),
        item(4, source="d"),
        item(5),
        item(6),
    ]
    assert groups_of(given, BY).tolist() == [0, 0, 0, 0, 1, 2, 3]
    assert groups_of(given, ("parent",)).tolist() == [0, 1, 2, 2, 3, 4, 5]


def test_folds_share_no_group_and_hold_both_keys():
    rng = np.random.default_rng(0)
    given = [  # sources and speakers overlap, so that six in a row hang together
        item(
            n,
            "spoof" if rng.random() < 0.4 else "bona_fide",
            source=f"s{n // 2}",
            speaker=f"p{n // 3};q{n}",
        )
        for n in range(120)
    ]
    fold = folds_of(given, 5, by=("source", "speaker"), seed=0)
    for name in ("source", "speaker"):
        folds_of_mark = {}
        for one, number in zip(given, fold, strict=True):
            for mark in getattr(one.trial, name).split(";"):
                folds_of_mark.setdefault(mark, set()).add(int(number))
        assert all(len(numbers) == 1 for numbers in folds_of_mark.values())
    assert {(one.spoof, int(n)) for one, n in zip(given, fold, strict=True)} >= {
        (k, n) for k in (0, 1) for n in range(5)
    }


def test_too_few_groups_for_folds_are_refused_with_the_way_out():
    given = [item(n, "spoof" if n % 2 else "bona_fide", source=f"s{n % 3}") for n in range(12)]
    with pytest.raises(DataError, match=r"3 groups .* 5 parts .* --set data\.group_by"):
        folds_of(given, 5, by=BY, seed=0)


def test_a_split_gives_about_the_share_and_keeps_groups_whole():
    given = [item(n, "spoof" if n % 2 else "bona_fide", source=f"s{n // 4}") for n in range(80)]
    train, measured = split_off(given, 0.25, by=BY, seed=0)
    assert len(measured) == 20
    assert not {one.trial.source for one in train} & {one.trial.source for one in measured}


# Checks


def rewrite(protocol, change):
    """Change the rows of a protocol, each a list of path, key, partition, source and so on."""
    with protocol.open(newline="") as stream:
        header, *rows = csv.reader(stream)
    with protocol.open("w", newline="") as stream:
        csv.writer(stream).writerows([header, *change(rows)])


def set_ready(folder, *changes, model="toy-audio"):
    run = load_run(model, None, ["data.validation=dev", *changes])
    return ready(run, [folder / "protocol.csv"], folder / "cache", jobs=1)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Two sources to learn from and two to check with, six recordings each."""
    folder = tmp_path_factory.mktemp("recordings")
    lab_toys.sounds(folder, partitions=("train", "dev"))
    return folder


@pytest.fixture
def folder(recordings, tmp_path):
    """A copy of them to spoil."""
    return shutil.copytree(recordings, tmp_path / "data")


def missing(folder):
    (folder / "s0-0.wav").unlink()


def garbage(folder):
    (folder / "s0-0.wav").write_bytes(b"RIFF nothing of use")


def no_numbers(folder):
    import soundfile

    samples = lab_toys.hum(0.4, 0, spoof=False)
    samples[100] = np.nan
    soundfile.write(folder / "s0-0.wav", samples, lab_toys.RATE, subtype="FLOAT")


def wrong_key(folder):
    rewrite(folder / "protocol.csv", lambda rows: [[rows[0][0], "genuine", *rows[0][2:]], *rows[1:]])


def in_two_partitions(folder):
    shutil.copy(folder / "s1-0.wav", folder / "s0-0.wav")


def under_both_keys(folder):
    shutil.copy(folder / "s0-0.wav", folder / "s0-1.wav")


SPOILT = [
    (missing, "missing or unreadable file .*s0-0", 1),
    (garbage, "cannot be decoded .*s0-0", 1),
    (no_numbers, "cannot be decoded .*s0-0", 1),
    (wrong_key, "wrong key or no path .*line 2: 'genuine'", 1),
    (in_two_partitions, "one content in two partitions .*s0-0.wav' of train, also in validation", 1),
    (under_both_keys, "one content under both keys .*s0-0", 2),
]


@pytest.mark.parametrize(("spoil", "told", "count"), SPOILT)
def test_bad_data_stop_a_run_before_it_trains(folder, spoil, told, count):
    spoil(folder)
    with pytest.raises(DataError, match=f"(?s){told}.*--on-error skip"):
        set_ready(folder)


@pytest.mark.parametrize(("spoil", "told", "count"), SPOILT)
def test_bad_data_are_counted_and_left_out_if_asked(folder, spoil, told, count):
    spoil(folder)
    setting = set_ready(folder, "data.on_error=skip")
    assert sum(setting.left_out.values()) == count
    assert len(setting.parts["train"]) == 12 - count
    assert len(setting.parts["validation"]) == 12


def test_a_part_with_one_key_only_stops_always(folder):
    rewrite(folder / "protocol.csv", lambda rows: [r for r in rows if r[2] == "train" or r[1] == "spoof"])
    with pytest.raises(DataError, match="validation part has no trials of key bona_fide: 0 bona fide and 6 spoof"):
        set_ready(folder, "data.on_error=skip")


def test_a_partition_that_is_not_there_is_named(folder):
    with pytest.raises(TrainingError, match=r"no trials of partition 'eval'; there are \['dev', 'train'\]"):
        set_ready(folder, "data.test=eval")


def test_a_protocol_without_keys_is_malformed(folder):
    (folder / "protocol.csv").write_text("path,partition\na.wav,train\n")
    with pytest.raises(ProtocolError, match="no column"):
        set_ready(folder, "data.on_error=skip")


def test_validation_is_split_off_by_group_where_a_protocol_has_none(folder):
    rewrite(folder / "protocol.csv", lambda rows: [[*row[:2], "train", *row[3:]] for row in rows])
    parts = set_ready(folder).parts
    sources = [{one.trial.source for one in parts[role]} for role in ("train", "validation")]
    assert [len(found) for found in sources] == [3, 1]
    assert not sources[0] & sources[1]


# Cache


def test_media_are_decoded_once_mapped_and_known_by_their_content(folder, monkeypatch):
    import assay.training.lab.cache as cache_module

    decoded = []
    monkeypatch.setattr(
        cache_module, "decode", lambda *given, plain=cache_module.decode: decoded.append(given[0]) or plain(*given)
    )
    form = form_of(architecture("toy-audio"), longest_s=30, look="whole")
    cache, file = Cache(folder / "cache", form), folder / "s0-0.wav"
    (content,) = contents([file], folder / "cache")
    first = cache.array(file, content)
    assert isinstance(first, np.memmap)
    assert (first.dtype, first.shape) == (np.int16, (6400,))
    moved = file.rename(folder / "elsewhere.wav")
    assert contents([moved, file], folder / "cache") == [content, ""]
    assert np.array_equal(cache.array(moved, content), first)
    assert len(decoded) == 1
    shutil.copy(folder / "s1-0.wav", moved)
    assert contents([moved], folder / "cache") != [content]


def test_another_version_of_the_code_decodes_anew(monkeypatch):
    import assay.training.lab.decode as decode_module

    form = form_of(architecture("toy-audio"), longest_s=30, look="whole")
    before = key_of(form)
    monkeypatch.setattr(decode_module, "_code", lambda: "another")
    assert key_of(form) != before


def test_the_text_of_what_reads_files_is_part_of_what_they_are_cached_under(tmp_path, monkeypatch):
    import assay.training.lab.decode as decode_module
    from assay.views import form, reader

    plain = decode_module._code.__wrapped__
    before = plain()
    for module in (form, reader):
        text = tmp_path / "text.py"
        text.write_bytes(Path(module.__file__).read_bytes() + b"# changed")
        with monkeypatch.context() as patch:
            patch.setattr(module, "__file__", str(text))
            assert plain() != before
    assert plain() == before


def test_networks_that_cut_recordings_otherwise_share_what_is_decoded():
    one, other = (replace(architecture("toy-audio"), shape=(length,)) for length in (4000, 8000))
    assert len({key_of(form_of(each, longest_s=30, look="whole")) for each in (one, other)}) == 1
    assert key_of(form_of(one, longest_s=20, look="whole")) != key_of(form_of(one, longest_s=30, look="whole"))


# Batches


def reader_of(folder, model="toy-audio", *changes):
    setting = set_ready(folder, *changes, model=model)
    return setting.reader("train"), setting.run


@pytest.mark.parametrize("workers", [0, 1])
def test_an_epoch_takes_its_own_batches_out_of_those_of_the_whole_run(recordings, workers):
    reader, run = reader_of(recordings, "toy-audio", "data.batch_size=4", f"machine.workers={workers}")
    batches = TrainingBatches(reader, Order(reader.items, "key", run.seed), run, None, range(6))
    epoch = [0]
    read = Epochs(batches, run, 2, lambda: epoch[0], pinned=False)
    found = []
    for epoch[0] in (0, 1, 2):
        found += [batch.number for batch in read]
    assert len(read) == 2
    assert found == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_run_may_begin_with_a_later_epoch_or_go_back_to_one(recordings, workers):
    reader, run = reader_of(recordings, "toy-audio", "data.batch_size=4", f"machine.workers={workers}")
    epoch = [1]
    read = Epochs(
        TrainingBatches(reader, Order(reader.items, "key", run.seed), run, None, range(6)),
        run, 2, lambda: epoch[0], pinned=False,
    )  # fmt: skip
    for epoch[0] in (1, 2, 0):
        assert [batch.number for batch in read] == [2 * epoch[0], 2 * epoch[0] + 1]
    assert len(active_children()) == workers
    read.close()
    assert active_children() == []


def test_two_processes_read_the_halves_of_what_one_reads(recordings):
    reader, run = reader_of(recordings, "toy-audio", "data.augment=false", "data.batch_size=4")
    order = Order(reader.items, "key", run.seed)
    halves = [TrainingBatches(reader, order, run, None, range(3), (place, 2))[2] for place in (0, 1)]
    whole = TrainingBatches(reader, order, changed(run, {"data.batch_size": 8}), None, range(3))[2]
    assert torch.equal(torch.cat([half.inputs for half in halves]), whole.inputs)
    assert torch.equal(torch.cat([half.spoof for half in halves]), whole.spoof)


def test_measured_batches_hold_everything_once_over_all_processes(recordings):
    reader, _ = reader_of(recordings)
    shares = [MeasuredBatches(reader, 4, (place, 5)) for place in range(5)]
    rows = [torch.cat([share[n].rows for n in range(len(share))]).tolist() for share in shares]
    assert len({len(share) for share in shares}) == 1
    assert {row for share in rows for row in share} == set(range(12))


def test_media_that_cannot_be_read_in_training_are_counted_and_others_stand_in(folder):
    garbage(folder)
    unprepared = ("data.prepare=false", "data.augment=false", "data.batch_size=12")
    reader, run = reader_of(folder, "toy-audio", *unprepared, "data.on_error=skip")
    batch = TrainingBatches(reader, Order(reader.items, "key", 0), run, None, range(1))[0]
    bad = next(number for number, one in enumerate(reader.items) if one.trial.path == "s0-0.wav")
    assert batch.unread == (bad,)
    assert bad not in batch.rows.tolist()
    assert batch.spoof.tolist() == [1.0, 0.0] * 6
    strict = Reader(reader.items, reader.cache, reader.architecture, "stop")
    with pytest.raises(DataError, match=r"s0-0\.wav.*--on-error skip"):
        TrainingBatches(strict, Order(reader.items, "key", 0), run, None, range(1))[0]


def test_long_recordings_are_scored_by_stretches_from_their_beginning_to_their_end(recordings):
    reader, _ = reader_of(recordings)
    array = np.arange(10_000, dtype=np.int16)
    views = reader.views(array, 3) * 32768
    assert views[:, 0].tolist() == [0, 3000, 6000]
    assert views.shape == (3, 4000)
    assert reader.views(array[:100], 3).shape == (1, 4000)
    assert reader.views(array, 1)[0, 0] * 32768 == 3000


# Treatments

SIGHT = (2, stored_side(32), stored_side(32), 3)


def treated(kind):
    """A treatment with everything likely, and a batch of two different media twice over: (a, a, b, b)."""
    rng = np.random.default_rng(0)
    if kind == "sound":
        certain = dict.fromkeys(["speed", "stretch", "pitch", "gain", "blank", "mask", "codec", "noise", "room"], 0.9)
        stored = 0.3 * rng.standard_normal((2, 4000)).astype(np.float32)
        return SoundTreatment(Sound(**certain), 4000, 0), stored.clip(-1, 1).repeat(2, 0), (4000,)
    if kind == "picture":
        return PictureTreatment(Picture(), 32), rng.integers(0, 256, SIGHT, np.uint8).repeat(2, 0), (32, 32, 3)
    if kind == "video":
        stored = rng.integers(0, 256, (2, 4, *SIGHT[1:]), np.uint8).repeat(2, 0)
        return VideoTreatment(Video(reverse=0.5, still=0.5), 32), stored, (4, 32, 32, 3)
    return FeatureTreatment(Video(noise=0.9)), rng.standard_normal((2, 8, 5)).astype(np.float32).repeat(2, 0), (8, 5)


@pytest.mark.parametrize("kind", ["sound", "picture", "video", "features"])
def test_treatments_are_replayed_by_their_seed_and_keep_shape_and_type(kind):
    treat, batch, shape = treated(kind)
    before = batch.copy()
    first = treat(batch, paired=True, seed=(1, 2, 0))
    assert first.shape == (4, *shape)
    assert first.dtype == (torch.uint8 if kind in ("picture", "video") else torch.float32)
    assert torch.equal(first, treat(batch, paired=True, seed=(1, 2, 0)))
    assert not torch.equal(first, treat(batch, paired=True, seed=(1, 3, 0)))
    assert np.array_equal(batch, before)


@pytest.mark.parametrize("kind", ["sound", "picture", "video"])
def test_neighbours_are_treated_alike_if_they_are_paired_and_apart_otherwise(kind):
    treat, batch, _ = treated(kind)
    differences = {}
    for paired in (True, False):
        made = treat(batch, paired=paired, seed=(5,)).float()
        differences[paired] = float((made[0] - made[1]).abs().mean() + (made[2] - made[3]).abs().mean())
    # Noise is each medium's own, as sensors have it; everything else is shared.
    assert differences[True] < 0.3 * differences[False]


def test_an_odd_batch_of_pictures_keeps_its_size():
    treat, batch, _ = treated("picture")
    assert treat(batch[:3], paired=True, seed=(0,)).shape[0] == 3


def test_videos_that_draw_nothing_stay_as_they_are_beside_those_that_do():
    frames = np.full((16, 4, *SIGHT[1:]), 77, np.uint8)
    nothing = {"light": 0, "blur": 0, "noise": 0, "jpeg": 0, "reverse": 0, "still": 0}
    for chance in ("light", "noise"):
        made = VideoTreatment(Video(**{**nothing, chance: 0.5}), 32)(frames, paired=True, seed=(1,))
        same = [bool((one == 77).all()) for one in made]
        assert same[::2] == same[1::2]
        assert 2 <= sum(same) <= 14


def test_no_treatment_is_left_where_every_chance_is_zero():
    nothing = Video(light=0, blur=0, noise=0, jpeg=0, reverse=0, still=0)
    frames = np.full((2, 4, *SIGHT[1:]), 77, np.uint8)
    assert (VideoTreatment(nothing, 32)(frames, paired=False, seed=(1,)) == 77).all()
    features = np.random.default_rng(0).standard_normal((2, 8, 5)).astype(np.float32)
    assert np.array_equal(FeatureTreatment(nothing)(features, paired=False, seed=(1,)).numpy(), features)


def test_a_shape_of_ones_own_is_checked_against_the_architectures():
    from assay.training.lab.setting import architecture_of

    assert architecture_of(Run(model="toy-audio", shape=(8000,))).shape == (8000,)
    with pytest.raises(TrainingError, match="scored by 200000000000 values"):
        architecture_of(changed(Run(model="toy-audio", shape=(200_000_000,)), {"data.windows": 1_000}))
    with pytest.raises(TrainingError, match=r"'toy-picture' takes shapes like \(32, 32, 3\), not \(64, 32, 3\)"):
        architecture_of(Run(model="toy-picture", shape=(64, 32, 3)))
