"""Profiles on disk: encrypted, private, final when deleted; whoever tampers is found out, each way with its own
message."""

import json
import os
import stat
import sys
from datetime import date
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from speaker_cases import KEY, OTHER_KEY, Clock, make_profile, make_store

from assay.errors import (
    MissingExtra,
    ProfileDamaged,
    ProfileExpired,
    ProfileKeyError,
    ProfileNotFound,
    SettingsError,
)
from assay.speaker.files import destroy
from assay.speaker.keys import GivenKey
from assay.speaker.profile import Profile
from assay.speaker.sealed import HEADER, NONCE_BYTES, TAG_BYTES, key_id, read_header, seal, unseal
from assay.speaker.store import ProfileStore

posix = pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
PROFILE = UUID(int=7)
SEALED = seal(b"payload", KEY, profile_id=PROFILE, expires=100)
KEYS = {key_id(KEY): KEY}


@pytest.fixture
def store(tmp_path):
    return make_store(tmp_path / "speakers")


def file_of(store, profile):
    return store.folder / f"{profile.id}.speaker"


def test_a_profile_comes_back_as_it_was(store):
    profile = make_profile()
    store.save(profile)
    assert store.load(profile.id) == profile
    assert store.load("A. Speaker") == profile
    assert np.array_equal(store.load(profile.id).embedding, profile.embedding)
    assert profile.speech_s == 10.0


def test_nothing_of_a_speaker_can_be_read_without_the_key(store):
    profile = make_profile("Zacharias Quartz")
    store.save(profile)
    (path,) = store.folder.iterdir()
    assert "Zacharias" not in path.name
    data = path.read_bytes()
    for secret in (
        b"Zacharias",
        b"B. Clerk",
        b"form 17",
        profile.embedding.tobytes(),
        profile.embedding_base64.encode(),
    ):
        assert secret not in data


def test_the_payload_is_json_with_what_was_promised(store):
    profile = make_profile()
    store.save(profile)
    payload = json.loads(unseal(file_of(store, profile).read_bytes(), KEYS, profile.uuid))
    assert set(payload) == set(Profile.model_fields)
    assert payload["consent"] == {
        "recorded_by": "B. Clerk",
        "recorded_on": "2026-11-02",
        "reference": "signed form 17",
    }


def test_a_nonce_is_never_used_twice():
    nonces = {seal(b"x", KEY, profile_id=PROFILE, expires=0)[HEADER.size :][:NONCE_BYTES] for _ in range(50)}
    assert len(nonces) == 50


@posix
def test_files_and_folder_are_the_owners_alone(store):
    profile = make_profile()
    store.save(profile)
    assert stat.S_IMODE(file_of(store, profile).stat().st_mode) == 0o600
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700


def test_a_write_that_fails_leaves_the_old_profile_and_no_rubbish(store, monkeypatch):
    profile = make_profile()
    store.save(profile)
    monkeypatch.setattr("assay.speaker.files.os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(OSError, match="No space left"):
        store.save(profile.model_copy(update={"name": "Somebody else"}))
    monkeypatch.undo()
    assert store.load(profile.id).name == "A. Speaker"
    assert [path.name for path in store.folder.iterdir()] == [f"{profile.id}.speaker"]


# Tampering


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, len(SEALED) - 1), bit=st.integers(0, 7))
def test_one_changed_bit_anywhere_is_refused(place, bit):
    data = bytearray(SEALED)
    data[place] ^= 1 << bit
    with pytest.raises((ProfileDamaged, ProfileKeyError)):
        unseal(bytes(data), KEYS, PROFILE)


@given(size=st.integers(0, len(SEALED) - 1))
def test_a_file_that_is_cut_off_says_so(size):
    with pytest.raises(ProfileDamaged, match="cut off" if size else "no speaker profile"):
        unseal(SEALED[:size], KEYS, PROFILE)


def test_a_changed_payload_was_altered():
    data = SEALED[:-TAG_BYTES] + bytes(TAG_BYTES)
    with pytest.raises(ProfileDamaged, match="altered since it was written"):
        unseal(data, KEYS, PROFILE)


def test_an_expiry_that_was_moved_is_found_out():
    later = seal(b"", KEY, profile_id=PROFILE, expires=10**10)
    moved = HEADER.pack(*(*HEADER.unpack(SEALED[: HEADER.size])[:4], 10**10, len(b"payload") + TAG_BYTES))
    assert read_header(moved + SEALED[HEADER.size :], PROFILE).expires == read_header(later, PROFILE).expires
    with pytest.raises(ProfileDamaged, match="altered"):
        unseal(moved + SEALED[HEADER.size :], KEYS, PROFILE)


def test_something_behind_the_end_is_refused():
    with pytest.raises(ProfileDamaged, match="behind its end"):
        unseal(SEALED + b"x", KEYS, PROFILE)


def test_another_layout_is_refused():
    with pytest.raises(ProfileDamaged, match="layout 9"):
        unseal(SEALED[:8] + b"\x09" + SEALED[9:], KEYS, PROFILE)


def test_the_wrong_key_is_told_from_damage():
    with pytest.raises(ProfileKeyError, match="another key") as caught:
        unseal(SEALED, {key_id(OTHER_KEY): OTHER_KEY}, PROFILE)
    assert KEY.hex() not in caught.value.message


def test_a_profile_in_the_place_of_another_is_refused(store):
    one, other = make_profile("One", seed=1), make_profile("Other", seed=2)
    store.save(one)
    store.save(other)
    file_of(store, one).write_bytes(file_of(store, other).read_bytes())
    with pytest.raises(ProfileDamaged, match="put in its place"):
        store.load(one.id)


def test_a_profile_whose_header_was_made_to_fit_is_refused_too(store):
    one, other = make_profile("One", seed=1), make_profile("Other", seed=2)
    store.save(one)
    store.save(other)
    data = bytearray(file_of(store, other).read_bytes())
    data[17:33] = one.uuid.bytes
    file_of(store, one).write_bytes(data)
    with pytest.raises(ProfileDamaged, match="altered"):
        store.load(one.id)


def test_a_huge_file_is_not_read(store):
    store.save(make_profile())
    path = store.folder / f"{UUID(int=3).hex}.speaker"
    with path.open("wb") as file:
        file.truncate(1 << 21)
    with pytest.raises(ProfileDamaged, match="no profile of ours"):
        store.load(path.stem)


def test_a_payload_of_another_version_names_the_fields(store):
    profile = make_profile()
    payload = json.loads(profile.to_bytes()) | {"schema_version": 2}
    with pytest.raises(ProfileDamaged, match="schema_version"):
        Profile.from_bytes(json.dumps(payload).encode(), profile.uuid)


@pytest.mark.parametrize("embedding", ["", "AAAA", "!", np.full(256, np.nan, "<f4").tobytes().hex()])
def test_an_embedding_that_is_none_is_refused(embedding):
    with pytest.raises(ValueError, match="embedding"):
        make_profile(embedding_base64=embedding)


# Finding, deleting, expiring


def test_an_unknown_profile_is_an_error_that_says_where_it_looked(store):
    with pytest.raises(ProfileNotFound, match="assay speaker list"):
        store.load("nobody")


@pytest.mark.parametrize("who", ["../../etc/passwd", "a/b", "", "*"])
def test_a_name_never_reaches_other_files(store, who):
    with pytest.raises(ProfileNotFound):
        store.load(who)


def test_two_of_one_name_must_be_told_apart(store):
    one, other = make_profile(seed=1), make_profile(seed=2)
    store.save(one)
    store.save(other)
    with pytest.raises(ProfileNotFound, match="2 profiles have the name") as caught:
        store.load("A. Speaker")
    assert set(caught.value.context["ids"]) == {one.id, other.id}
    assert store.load(other.id) == other


def test_a_listing_goes_on_past_a_damaged_file(store):
    good, bad = make_profile("Good", seed=1), make_profile("Bad", seed=2)
    store.save(good)
    store.save(bad)
    file_of(store, bad).write_bytes(b"rubbish")
    (store.folder / "notes.txt").write_text("not ours")
    (store.folder / "notes.speaker").write_text("not ours")
    found = store.list()
    assert found.profiles == (good,)
    assert [type(error) for error in found.unreadable.values()] == [ProfileDamaged]


def test_deletion_overwrites_and_needs_no_key_where_the_id_is_known(store, tmp_path, monkeypatch):
    profile = make_profile()
    store.save(profile)
    (store.folder / f".{profile.id}.abc.tmp").write_bytes(b"left by a crash")
    os.link(file_of(store, profile), tmp_path / "witness")  # the same bytes on disk under another name
    before = (tmp_path / "witness").read_bytes()
    assert make_store(store.folder, OTHER_KEY).delete(profile.id) == profile.id
    assert list(store.folder.iterdir()) == []
    after = (tmp_path / "witness").read_bytes()
    assert len(after) == len(before)
    assert sum(a == b for a, b in zip(after, before, strict=True)) < len(before) / 10
    with pytest.raises(ProfileNotFound):
        store.load(profile.id)


def test_a_damaged_profile_can_be_deleted(store):
    profile = make_profile()
    store.save(profile)
    file_of(store, profile).write_bytes(b"rubbish")
    store.delete(profile.id)
    assert list(store.folder.iterdir()) == []


def test_destroying_what_is_not_there_is_nothing(tmp_path):
    destroy(tmp_path / "nothing")


def test_a_profile_is_used_on_its_last_day_and_never_after(tmp_path):
    clock = Clock()
    store = make_store(tmp_path, clock=clock)
    profile = make_profile(retain_until=date(2026, 11, 10))
    store.save(profile)
    clock.now = clock.now.replace(hour=23, minute=59, second=59)
    assert store.load(profile.id) == profile
    clock.now = clock.now.replace(day=11, hour=0, minute=0, second=0)
    with pytest.raises(ProfileExpired, match="2026-11-10"):
        store.load(profile.id)
    assert store.list().profiles == ()
    assert store.list().expired == (profile,)


def test_expired_profiles_are_removed_without_the_key_and_others_stay(tmp_path):
    clock = Clock()
    store = make_store(tmp_path, clock=clock)
    old, new = make_profile("Old", retain_until=date(2026, 11, 9)), make_profile("New", retain_until=date(2026, 11, 10))
    store.save(old)
    store.save(new)
    assert make_store(tmp_path, OTHER_KEY, clock).expire() == (old.id,)
    assert store.load("New") == new
    assert store.expire() == ()


# Changing the key


def test_a_new_key_opens_everything_and_the_old_one_nothing(tmp_path):
    profiles = [make_profile(f"Speaker {n}", seed=n) for n in range(3)]
    store = make_store(tmp_path)
    for profile in profiles:
        store.save(profile)
    assert ProfileStore(tmp_path, GivenKey(OTHER_KEY, old=KEY), now=Clock()).rekey() == 3
    assert make_store(tmp_path, OTHER_KEY).list().profiles == tuple(sorted(profiles, key=lambda p: (p.created, p.id)))
    assert set(map(type, store.list().unreadable.values())) == {ProfileKeyError}


def test_a_change_of_the_key_that_was_interrupted_goes_on(tmp_path, monkeypatch):
    store = make_store(tmp_path)
    for n in range(4):
        store.save(make_profile(f"Speaker {n}", seed=n))
    changing = ProfileStore(tmp_path, GivenKey(OTHER_KEY, old=KEY), now=Clock())
    write, left = changing._write, [2]

    def cut_off(profile, key):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        write(profile, key)

    monkeypatch.setattr(changing, "_write", cut_off)
    with pytest.raises(KeyboardInterrupt):
        changing.rekey()
    again = ProfileStore(tmp_path, GivenKey(OTHER_KEY, old=KEY), now=Clock())
    assert len(again.list().profiles) == 4  # both keys open, meanwhile
    assert again.rekey() == 2
    assert len(make_store(tmp_path, OTHER_KEY).list().profiles) == 4


def test_a_given_key_is_changed_only_with_the_old_one_named(store):
    store.save(make_profile())
    with pytest.raises(SettingsError, match="--old-key-file"):
        store.rekey()


def test_without_cryptography_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(MissingExtra, match=r"assay\[speaker\]"):
        make_store(tmp_path)
