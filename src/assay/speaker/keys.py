"""Where the key of the profiles comes from: the setting, a file of the user's, or the system's keyring.

A key is 32 random bytes; as text it is base64. The first of these that there is:

1. the setting ``speaker_key`` (``ASSAY_SPEAKER_KEY``), for services that get their secrets from outside;
2. the key file (``speaker_key_file``; by default ``assay/speaker.key`` in the user's folder for settings), mode 0600;
3. the system's keyring, if the package `keyring` is installed and has one.

If there is none and no profile either, one is made: in the keyring if there is one, in the key file otherwise. A key is
never made where profiles are that it could not open.

Changing the key takes three steps, so that a power cut loses nothing: the new one is kept beside the old one as
pending, profiles are sealed anew one by one, and then the new one takes the old one's place. Meanwhile both open
profiles.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from assay.errors import ProfileKeyError, SettingsError
from assay.speaker.files import destroy, readable_by_others, write_whole
from assay.speaker.sealed import KEY_BYTES, key_id

if TYPE_CHECKING:
    from assay.settings import Settings

SERVICE, CURRENT, PENDING = "assay-speaker", "key", "pending-key"


class KeyKeeper(Protocol):
    """Keeps the key in force and, while it is being changed, the next one."""

    def current(self) -> bytes | None:
        """The key in force; None if there is none yet."""

    def pending(self) -> bytes | None:
        """The next key, while the change is under way."""

    def create(self) -> bytes:
        """Make the first key; what somebody else made meanwhile counts."""

    def begin(self) -> bytes:
        """Begin a change, or go on with one that was interrupted; the next key."""

    def complete(self) -> None:
        """End the change: the next key is the one in force."""


def make_key() -> bytes:
    """A new key."""
    return os.urandom(KEY_BYTES)


def as_text(key: bytes) -> str:
    """A key in base64."""
    return base64.b64encode(key).decode()


def from_text(text: str, origin: str) -> bytes:
    """A key out of base64.

    Args:
        text: Base64 of 32 bytes, plain or URL-safe; white space around it does not matter.
        origin: Where it stands, for the message, which never shows it.

    Raises:
        SettingsError: If it is anything else.
    """
    try:
        key = base64.b64decode(text.strip().replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise SettingsError(
            f"{origin} is not the base64 of {KEY_BYTES} bytes. Make one with: python -c 'import base64, os;"
            " print(base64.b64encode(os.urandom(32)).decode())'"
        )
    return key


class GivenKey:
    """A key that comes from outside. Changing it is up to whoever gives it: the old one is named to `rekey`.

    Args:
        key: The key in force.
        old: The one that profiles may still be sealed with.
    """

    def __init__(self, key: bytes, old: bytes | None = None) -> None:
        self._key, self._old = key, old

    def current(self) -> bytes:
        """The one from outside; while there is an old one, that."""
        return self._old or self._key

    def pending(self) -> bytes | None:
        """The one from outside, while there is an old one."""
        return self._key if self._old else None

    def create(self) -> bytes:
        """It is there."""
        return self._key

    def begin(self) -> bytes:
        """The one from outside.

        Raises:
            SettingsError: If no old key was named.
        """
        if self._old is None:
            raise SettingsError(
                "The key comes from the setting speaker_key, which only you can change. Set it to a new key, and name a"
                " file with the old one: assay speaker rekey --old-key-file FILE"
            )
        return self._key

    def complete(self) -> None:
        """Forget the old one."""
        self._old = None


class KeyFile:
    """Keys in files of the owner's, the next one beside the one in force.

    Args:
        path: Of the key in force.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._next = path.with_name(f"{path.name}.new")
        self._old = path.with_name(f"{path.name}.old")

    def current(self) -> bytes | None:
        """What the file holds; None if there is none.

        Raises:
            SettingsError: If it holds no key.
            ProfileKeyError: If others may read it.
        """
        return read_key_file(self._path)

    def pending(self) -> bytes | None:
        """What the file beside it holds."""
        return read_key_file(self._next)

    def create(self) -> bytes:
        """Write the file, unless somebody else just did."""
        write_whole(self._path, as_text(make_key()).encode() + b"\n", only_new=True)
        return _required(self.current())

    def begin(self) -> bytes:
        """Write the next key beside it."""
        write_whole(self._next, as_text(make_key()).encode() + b"\n", only_new=True)
        return _required(self.pending())

    def complete(self) -> None:
        """Put the next key in the place of the old one, and overwrite that; what was interrupted is done again."""
        new = as_text(_required(self.pending())).encode() + b"\n"
        self._keep_name()
        write_whole(self._path, new)
        destroy(self._old)
        destroy(self._next)

    def _keep_name(self) -> None:
        """A second name for the file in force: writing takes the first one away and leaves its bytes where they are."""
        if not self._path.exists() or (self._old.exists() and self._old.samefile(self._path)):
            return
        destroy(self._old)  # of a change that was interrupted when the next key was in its place already
        os.link(self._path, self._old)


class SystemKeyring:
    """Keys in the system's keyring, through the package `keyring`.

    Args:
        backend: A backend of `keyring`, or anything with its three methods.
    """

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    def current(self) -> bytes | None:
        """What the keyring holds for Assay."""
        return self._read(CURRENT)

    def pending(self) -> bytes | None:
        """The next one."""
        return self._read(PENDING)

    def create(self) -> bytes:
        """Keep a first key."""
        return self.current() or self._keep(CURRENT, make_key())

    def begin(self) -> bytes:
        """Keep a next key."""
        return self.pending() or self._keep(PENDING, make_key())

    def complete(self) -> None:
        """Keep the next key as the one in force."""
        self._keep(CURRENT, _required(self.pending()))
        self._backend.delete_password(SERVICE, PENDING)

    def _read(self, name: str) -> bytes | None:
        text = self._backend.get_password(SERVICE, name)
        return None if text is None else from_text(text, f"The entry '{SERVICE}' of the system's keyring")

    def _keep(self, name: str, key: bytes) -> bytes:
        self._backend.set_password(SERVICE, name, as_text(key))
        return key


def read_key_file(path: Path) -> bytes | None:
    """The key in a file; None if there is no such file.

    Raises:
        SettingsError: If it holds no key, or cannot be read.
        ProfileKeyError: If others may read it.
    """
    try:
        if readable_by_others(path):
            raise ProfileKeyError(
                f"The key file '{path}' can be read by others. Take that away: chmod 600 '{path}'; and if others may"
                " have read it, change the key: assay speaker rekey",
                path=str(path),
            )
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The key file '{path}' cannot be read: {error}.") from error
    return from_text(text, f"The key file '{path}'")


def keeper_of(settings: Settings, *, old: bytes | None = None, find: Callable[[], Any] | None = None) -> KeyKeeper:
    """The keeper that the settings and the system give.

    Args:
        settings: Hold ``speaker_key`` and ``speaker_key_file``.
        old: The key before the one in ``speaker_key``, while that is being changed.
        find: Finds the backend of a keyring, or None; None asks the package `keyring`.

    Raises:
        SettingsError: If ``speaker_key`` is no key, or an old key is named where none comes from outside.
    """
    if settings.speaker_key is not None:
        return GivenKey(from_text(settings.speaker_key.get_secret_value(), "The setting speaker_key"), old)
    if old is not None:
        raise SettingsError(
            "An old key is only named where the new one is in the setting speaker_key; a key file or a keyring keeps"
            " both."
        )
    file = KeyFile(settings.speaker_key_file or default_key_file())
    if settings.speaker_key_file is not None or file.current() is not None:
        return file
    backend = (find or _system_backend)()
    return file if backend is None else SystemKeyring(backend)


def accepted_keys(keeper: KeyKeeper) -> dict[bytes, bytes]:
    """Keys that open profiles now, by their id."""
    return {key_id(key): key for key in (keeper.current(), keeper.pending()) if key is not None}


def default_key_file() -> Path:
    """In the user's folder for settings, apart from the profiles: a copy of their folder does not open them."""
    if os.name == "nt":
        return Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming") / "assay" / "speaker.key"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "assay" / "speaker.key"


def _system_backend() -> Any:
    """The backend of `keyring`; None without the package, or where it has nothing to keep secrets in."""
    try:
        backend = import_module("keyring").get_keyring()
    except ImportError:
        return None
    # By keyring's own scale: below 1 is not recommended (a plain file, say), 0 and less is no place for secrets at all.
    return backend if backend.priority >= 1 else None


def _required(key: bytes | None) -> bytes:
    if key is None:
        raise ProfileKeyError("The key vanished while it was being changed. Restore it from a backup, and try again.")
    return key
