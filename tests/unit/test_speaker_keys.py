"""Where the key comes from: the setting, a file of the owner's, the system's keyring; and that it is never shown."""

import base64
import os
import stat

import pytest
from speaker_cases import KEY, OTHER_KEY, Clock, make_profile

from assay.errors import ProfileKeyError, SettingsError
from assay.settings import Settings, load_settings
from assay.speaker import keys
from assay.speaker.keys import (
    GivenKey,
    KeyFile,
    SystemKeyring,
    as_text,
    default_key_file,
    from_text,
    keeper_of,
    read_key_file,
)
from assay.speaker.store import ProfileStore, default_folder

posix = pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")


class Backend:
    """A keyring in memory."""

    def __init__(self):
        self.kept = {}

    def get_password(self, service, name):
        return self.kept.get((service, name))

    def set_password(self, service, name, text):
        self.kept[service, name] = text

    def delete_password(self, service, name):
        del self.kept[service, name]


def keepers(tmp_path):
    return [KeyFile(tmp_path / "speaker.key"), SystemKeyring(Backend())]


@pytest.mark.parametrize("which", [0, 1])
def test_a_key_is_made_once_and_changed_in_steps(tmp_path, which):
    keeper = keepers(tmp_path)[which]
    assert keeper.current() is None
    first = keeper.create()
    assert len(first) == 32
    assert keeper.create() == keeper.current() == first
    following = keeper.begin()
    assert following != first
    assert keeper.begin() == keeper.pending() == following  # as after an interruption
    assert keeper.current() == first
    keeper.complete()
    assert keeper.current() == following
    assert keeper.pending() is None


@posix
def test_a_key_file_is_the_owners_alone(tmp_path):
    KeyFile(tmp_path / "deep" / "speaker.key").create()
    assert stat.S_IMODE((tmp_path / "deep" / "speaker.key").stat().st_mode) == 0o600


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_key_file_that_others_can_read_is_refused(tmp_path, mode):
    path = tmp_path / "speaker.key"
    KeyFile(path).create()
    path.chmod(mode)
    with pytest.raises(ProfileKeyError, match="chmod 600"):
        read_key_file(path)


@pytest.mark.parametrize("text", ["", "secret", as_text(KEY)[:-4], as_text(KEY + b"x"), "ü" * 44])
def test_what_is_no_key_is_refused_without_showing_it(text):
    with pytest.raises(SettingsError, match="not the base64 of 32 bytes") as caught:
        from_text(text, "The setting speaker_key")
    assert not text or text not in caught.value.message


def test_a_key_may_be_url_safe_and_have_space_around_it():
    key = b"\xff" * 31 + b"\xfb"
    assert from_text(f" {base64.urlsafe_b64encode(key).decode()}\n", "here") == key


def test_the_setting_comes_first_then_the_file_then_the_keyring(tmp_path, monkeypatch):
    backend = Backend()
    given = keeper_of(Settings(speaker_key=as_text(KEY)), find=lambda: backend)
    assert isinstance(given, GivenKey)
    assert given.current() == KEY
    assert isinstance(keeper_of(Settings(), find=lambda: backend), SystemKeyring)
    assert isinstance(keeper_of(Settings(), find=lambda: None), KeyFile)
    KeyFile(default_key_file()).create()
    assert isinstance(keeper_of(Settings(), find=lambda: backend), KeyFile)
    assert isinstance(keeper_of(Settings(speaker_key_file=tmp_path / "k"), find=lambda: backend), KeyFile)


def test_the_key_does_not_lie_among_the_profiles():
    assert default_folder() not in default_key_file().parents


def test_an_old_key_belongs_to_one_that_comes_from_outside():
    with pytest.raises(SettingsError, match="only named where"):
        keeper_of(Settings(), old=OTHER_KEY, find=lambda: None)


def test_no_key_is_made_where_profiles_are_that_it_could_not_open(tmp_path):
    store = ProfileStore(tmp_path / "speakers", KeyFile(tmp_path / "key"), now=Clock())
    store.save(make_profile())
    (tmp_path / "key").unlink()
    with pytest.raises(ProfileKeyError, match="no key to open them"):
        store.save(make_profile("Another"))
    assert not (tmp_path / "key").exists()


def test_a_change_of_the_key_file_overwrites_the_old_key(tmp_path):
    keeper = KeyFile(tmp_path / "key")
    store = ProfileStore(tmp_path / "speakers", keeper, now=Clock())
    with pytest.raises(ProfileKeyError, match="no key to change"):
        store.rekey()
    profile = make_profile()
    store.save(profile)
    old = keeper.current()
    assert store.rekey() == 1
    assert keeper.current() != old
    assert store.load(profile.id) == profile
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["key"]


def test_the_bytes_of_the_old_key_are_overwritten_and_not_only_its_name(tmp_path):
    keeper = KeyFile(tmp_path / "key")
    old = keeper.create()
    (tmp_path / "same file").hardlink_to(tmp_path / "key")
    keeper.begin()
    keeper.complete()
    assert as_text(old).encode() not in (tmp_path / "same file").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"key", "same file"}


@pytest.mark.parametrize("at", ["link", "write", "destroy"])
def test_a_change_of_the_key_that_was_interrupted_ends_like_any_other(tmp_path, monkeypatch, at):
    """Cut off before the old file has a second name, before the new key is in its place, before the old one is gone."""

    def cut_off(*_args, **_more):
        raise KeyboardInterrupt

    keeper = KeyFile(tmp_path / "key")
    old = keeper.create()
    (tmp_path / "same file").hardlink_to(tmp_path / "key")
    new = keeper.begin()
    with monkeypatch.context() as patch:
        if at == "link":
            patch.setattr(os, "link", cut_off)
        elif at == "write":
            patch.setattr(keys, "write_whole", cut_off)
        else:
            patch.setattr(keys, "destroy", lambda path: (keeper.current() == new) and cut_off())
        with pytest.raises(KeyboardInterrupt):
            keeper.complete()
    assert keeper.current() == (new if at == "destroy" else old)
    assert keeper.begin() == new
    write = keys.write_whole

    def written(path, data):
        assert at == "destroy" or keeper.current() == old  # never a moment without a key
        return write(path, data)

    monkeypatch.setattr(keys, "write_whole", written)
    keeper.complete()
    assert keeper.current() == new
    assert as_text(old).encode() not in (tmp_path / "same file").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"key", "same file"}


def test_a_profile_saved_while_the_key_changes_is_sealed_with_the_key_in_force(tmp_path, monkeypatch):
    keeper = KeyFile(tmp_path / "key")
    store = ProfileStore(tmp_path / "speakers", keeper, now=Clock())
    store.save(make_profile("First"))
    write, once = store._write, []

    def changed_meanwhile(profile, key):
        if not once:
            once.append(True)
            keeper.begin()
            keeper.complete()
        write(profile, key)

    monkeypatch.setattr(store, "_write", changed_meanwhile)
    late = make_profile("Late")
    store.save(late)
    assert store.load(late.id) == late


def test_the_key_is_shown_nowhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    secret = as_text(KEY)
    monkeypatch.setenv("ASSAY_SPEAKER_KEY", secret)
    settings = load_settings()
    assert settings.speaker_key.get_secret_value() == secret
    for shown in (repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump())):
        assert secret not in shown


@pytest.mark.parametrize("text", ["speaker_key = 7", "speaker_kye = 'abc'", "speaker_keys = 'abc'"])
def test_a_wrong_secret_in_the_file_is_not_repeated(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    value = "zebra-crossing-secret-value"
    (tmp_path / "assay.toml").write_text(text.replace("'abc'", f"'{value}'").replace("= 7", f"= ['{value}']"))
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert value not in caught.value.message
    assert value not in str(caught.value.__cause__)
