"""Splits: groups stay whole, keys and generators in proportion, the same seed the same split."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.data import Trial, read_protocol
from assay.data.grouping import groups_of
from assay.data.split import split, split_protocol
from assay.errors import DataError, SettingsError

SHARES = {"train": 0.8, "dev": 0.1, "eval": 0.1}


def trial(path, key="spoof", **columns):
    return Trial(path, key, **columns)


def people(count, files=10):
    """Speakers with both keys and two generators."""
    return [
        trial(f"{n}-{i}", ("bona_fide", "spoof")[i % 2], generator=("", "a", "", "b")[i % 4], speaker=f"s{n}")
        for n in range(count)
        for i in range(files)
    ]


def test_trials_joined_through_others_are_one_group():
    trials = [
        trial("a", speaker="x", source="1"),
        trial("b", speaker="y", source="1"),
        trial("c", identity="p;q", source="2"),
        trial("d", identity="q;r", source="3"),
        trial("e", parent="b", source="4"),
        trial("f", source="5"),
        trial("g", source="6"),
        trial("h"),
    ]
    assert groups_of(trials).of == (0, 0, 1, 1, 0, 2, 3, 4)
    assert groups_of(trials, ["speaker"]).of == tuple(range(8))


def test_two_spoofs_of_a_parent_that_is_not_listed_belong_together():
    assert groups_of([trial("a", parent="gone"), trial("b", parent="gone"), trial("c")]).of == (0, 0, 1)


def test_a_column_that_says_the_same_of_all_is_not_used_and_told():
    groups = groups_of([trial("a", source="s", speaker="x"), trial("b", source="s", speaker="y")])
    assert (groups.of, groups.idle) == ((0, 1), ("source",))


def test_equal_bytes_belong_together(tmp_path):
    for name, text in (("a", "1"), ("b", "2"), ("c", "1")):
        (tmp_path / name).write_text(text)
    trials = [trial(name, root=tmp_path) for name in "abc"]
    assert groups_of(trials, ["content"]).of == (0, 1, 0)
    with pytest.raises(DataError, match="cannot be read"):
        groups_of([trial("none", root=tmp_path)], ["content"])


def test_an_unknown_column_is_an_error():
    with pytest.raises(SettingsError, match="accepted are"):
        groups_of([trial("a")], ["colour"])


def test_shares_are_kept_in_every_key_and_generator():
    trials = people(40)
    made = split(trials, SHARES)
    assert made.notes == ()
    assert made.sizes() == {"train": 320, "dev": 40, "eval": 40}
    for name, share in SHARES.items():
        part = [t for t, p in zip(trials, made.partitions, strict=True) if p == name]
        counts = Counter(t.generator for t in part)
        assert counts == {"": 200 * share, "a": 120 * share, "b": 80 * share}


@given(st.lists(st.tuples(*(st.sampled_from(["", "1", "2", "3", "4", "5", "6"]),) * 3), min_size=8, max_size=60))
def test_no_speaker_identity_or_source_is_ever_in_two_partitions(rows):
    trials = [trial(str(n), speaker=a, identity=b, source=c) for n, (a, b, c) in enumerate(rows)]
    if groups_of(trials).count < 2:
        with pytest.raises(DataError, match="1 group"):
            split(trials, {"train": 0.5, "eval": 0.5})
        return
    made = split(trials, {"train": 0.5, "eval": 0.5})
    assert set(made.partitions) == {"train", "eval"}
    for column in {"speaker", "identity", "source"} - set(made.groups.idle):
        where = {}
        for each, partition in zip(trials, made.partitions, strict=True):
            value = getattr(each, column)
            if value:
                assert where.setdefault(value, partition) == partition


def test_the_same_seed_gives_the_same_split_and_another_one_another():
    trials = people(40)
    assert split(trials, SHARES, seed=1).partitions == split(trials, SHARES, seed=1).partitions
    assert split(trials, SHARES, seed=1).partitions != split(trials, SHARES, seed=2).partitions


def test_a_rare_generator_reaches_every_partition():
    trials = [*people(30), *(trial(f"rare{n}", generator="rare", speaker=f"r{n}") for n in range(10))]
    made = split(trials, {"train": 0.6, "dev": 0.2, "eval": 0.2})
    counts = Counter(p for t, p in zip(trials, made.partitions, strict=True) if t.generator == "rare")
    assert counts == {"train": 6, "dev": 2, "eval": 2}


def test_too_few_groups_are_an_error_that_says_what_to_do():
    with pytest.raises(DataError, match="2 group"):
        split(people(2), SHARES)


def test_one_huge_group_leaves_a_note():
    trials = [*people(1, 90), *(t for t in people(4, 10) if t.speaker != "s0")]
    made = split(trials, {"train": 0.5, "eval": 0.5})
    assert any("75%" in note and "instead of 50%" in note for note in made.notes)


def test_a_partition_without_a_key_is_noted():
    trials = [trial("a", "bona_fide", speaker="1"), trial("b", speaker="2"), trial("c", speaker="3")]
    made = split(trials, {"train": 0.5, "eval": 0.5})
    assert any("no bona_fide trial" in note for note in made.notes)


def test_a_protocol_is_written_elsewhere_with_its_own_columns_and_paths(tmp_path):
    rows = "".join(f"x/{n}.wav,spoof,s{n},{n}00{',x/0.wav' if n == 1 else ','}\n" for n in range(4))
    (tmp_path / "p.csv").write_text("path,key,speaker,odd,parent\n" + rows)
    split_protocol(tmp_path / "p.csv", tmp_path / "to" / "split.csv", {"train": 0.5, "eval": 0.5})
    assert (tmp_path / "to" / "split.csv").read_text().splitlines()[0] == "path,key,speaker,odd,parent,partition"
    trials = read_protocol(tmp_path / "to" / "split.csv")
    assert [t.file.resolve() for t in trials] == [tmp_path / "x" / f"{n}.wav" for n in range(4)]
    assert trials[1].parent == trials[0].path == "../x/0.wav"
    assert trials[0].partition == trials[1].partition
    assert {t.partition for t in trials} == {"train", "eval"}


@pytest.mark.parametrize("shares", [{"train": 1.0}, {"train": 0.5, "eval": 0.0}, {"train": 0.5, "eval": float("inf")}])
def test_shares_out_of_range_are_refused(shares):
    with pytest.raises(SettingsError, match="Shares"):
        split(people(4), shares)
