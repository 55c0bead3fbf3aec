"""Profiles on disk: one sealed file each, nothing else beside them.

Files are named by id, which is random, so a listing of the folder tells how many speakers there are and not who. Every
write is whole or not at all. A profile whose retention date has passed is never used, listed as expired, and removed by
`ProfileStore.expire`; that needs no key. What was deleted is overwritten and gone.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from assay.errors import ProfileDamaged, ProfileExpired, ProfileKeyError, ProfileNotFound, SpeakerError
from assay.speaker.files import destroy, write_whole
from assay.speaker.keys import KeyKeeper, accepted_keys, keeper_of
from assay.speaker.profile import Profile
from assay.speaker.sealed import LARGEST, key_id, read_header, require_cipher, seal, unseal

if TYPE_CHECKING:
    from assay.settings import Settings

log = logging.getLogger("assay.speaker")
SUFFIX = ".speaker"


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)


@dataclass(frozen=True)
class Listing:
    """What a folder of profiles holds.

    Attributes:
        profiles: In order of creation.
        expired: Of those that may not be used any more, likewise.
        unreadable: Why a file could not be read, by id.
    """

    profiles: tuple[Profile, ...]
    expired: tuple[Profile, ...]
    unreadable: dict[str, SpeakerError]


class ProfileStore:
    """Speaker profiles in a folder, encrypted.

    Args:
        folder: Where they lie; made with the first profile, for the owner alone.
        keeper: Keeps the key; see `assay.speaker.keys`.
        now: The clock, in UTC.

    Raises:
        MissingExtra: If the extra `speaker` is not installed.
    """

    def __init__(self, folder: Path, keeper: KeyKeeper, *, now: Callable[[], datetime] = _utc_now) -> None:
        require_cipher()
        self.folder, self._keeper, self.now = folder, keeper, now

    @classmethod
    def from_settings(cls, settings: Settings, *, old_key: bytes | None = None) -> ProfileStore:
        """The store that the settings name.

        Args:
            settings: Hold ``speakers_dir`` and where the key comes from.
            old_key: While ``speaker_key`` is being changed: the one before.

        Raises:
            MissingExtra: If the extra `speaker` is not installed.
            SettingsError: If a key is none.
        """
        return cls(settings.speakers_dir or default_folder(), keeper_of(settings, old=old_key))

    def save(self, profile: Profile) -> None:
        """Write a profile, in place of an older one with its id.

        Raises:
            ProfileKeyError: If there are profiles and no key, so that a new key would leave them closed.
            OSError: If the system refuses.
        """
        key = self._sealing_key()
        self._write(profile, key)
        # A change of the key that began and ended meanwhile would have missed this file.
        if key_id(key) not in accepted_keys(self._keeper):
            self._write(profile, self._sealing_key())

    def load(self, who: str) -> Profile:
        """A profile that may be used.

        Args:
            who: Its id, or a name that only one profile has.

        Raises:
            ProfileNotFound: If there is none, or there are several of that name.
            ProfileExpired: If its retention date has passed.
            ProfileDamaged: If its file was altered, cut off or put in the place of another.
            ProfileKeyError: If it was sealed with another key.
        """
        profile = self._read(found) if (found := self._by_id(who)) else self._by_name(who)
        if self.has_expired(profile):
            raise ProfileExpired(
                f"Profile {profile.id} was to be kept until {profile.retain_until} and is not used any more. Remove it:"
                " assay speaker expire; and enrol the speaker anew, with consent.",
                profile=profile.id,
                retain_until=profile.retain_until.isoformat(),
            )
        return profile

    def require(self, identity: str) -> None:
        """Refuse what is no id of a profile here, be it the name of one.

        Raises:
            ProfileNotFound: If it is none.
        """
        if self._by_id(identity) is None:
            raise self._missing(identity)

    def list(self) -> Listing:
        """All profiles; files that cannot be read are told and do not stop it."""
        found = {identity.hex: self._try(identity) for identity in self._ids()}
        profiles = [one for one in found.values() if isinstance(one, Profile)]
        unreadable = {name: one for name, one in found.items() if isinstance(one, SpeakerError)}
        profiles.sort(key=lambda profile: (profile.created, profile.id))
        expired = tuple(profile for profile in profiles if self.has_expired(profile))
        return Listing(tuple(p for p in profiles if p not in expired), expired, unreadable)

    def has_expired(self, profile: Profile) -> bool:
        """Whether the retention date has passed."""
        return self.now().timestamp() > profile.expires

    def delete(self, who: str) -> str:
        """Overwrite and remove a profile, whatever state its file is in; final.

        Args:
            who: Its id, which needs no key; or a name that only one profile has.

        Returns:
            The id.

        Raises:
            ProfileNotFound: If there is none.
            OSError: If the system refuses.
        """
        identity = self._by_id(who) or self._by_name(who).uuid
        self._remove(identity)
        return identity.hex

    def expire(self) -> tuple[str, ...]:
        """Overwrite and remove the profiles whose retention date has passed; needs no key.

        A file without a header that can be read is left, because nobody knows whose it is; `list` tells about it.

        Returns:
            Ids of those removed.
        """
        gone = []
        for identity in self._ids():
            try:
                header = read_header(self._bytes(identity), identity)
            except (ProfileDamaged, ProfileNotFound):
                continue
            if self.now().timestamp() > header.expires:
                self._remove(identity)
                gone.append(identity.hex)
        return tuple(gone)

    def rekey(self) -> int:
        """Change the key: every profile is sealed anew, and the old key is overwritten.

        Interrupted, it goes on where it was when it is called again; meanwhile both keys open profiles.

        Returns:
            How many profiles were sealed anew.

        Raises:
            ProfileKeyError: If a profile opens with neither key.
            ProfileDamaged: If one is damaged. Delete it, and call this again.
            SettingsError: If the key comes from the settings and no old one was named.
        """
        if self._keeper.current() is None:
            raise ProfileKeyError("There is no key to change yet; it is made with the first profile.")
        new, changed = self._keeper.begin(), 0
        while old := [i for i in self._ids() if read_header(self._bytes(i), i).key_id != key_id(new)]:
            for identity in old:
                self._write(self._read(identity), new)
                changed += 1
        self._keeper.complete()
        return changed

    def _sealing_key(self) -> bytes:
        key = self._keeper.pending() or self._keeper.current()
        if key is None:
            if any(self._ids()):
                raise ProfileKeyError(
                    f"There are profiles in '{self.folder}' and no key to open them, and a new one would not either."
                    " Give the key they were made with: the setting speaker_key, or the key file."
                )
            key = self._keeper.create()
        return key

    def _write(self, profile: Profile, key: bytes) -> None:
        data = seal(profile.to_bytes(), key, profile_id=profile.uuid, expires=profile.expires)
        write_whole(self._path(profile.uuid), data)

    def _read(self, identity: UUID) -> Profile:
        data = self._bytes(identity)
        profile = Profile.from_bytes(unseal(data, accepted_keys(self._keeper), identity), identity)
        if read_header(data, identity).expires != profile.expires:
            raise ProfileDamaged(f"Profile {identity.hex} contradicts itself about when it expires; it is refused.")
        return profile

    def _try(self, identity: UUID) -> Profile | SpeakerError | None:
        """A profile, or why there is none; None if it was deleted since the folder was read."""
        try:
            return self._read(identity)
        except ProfileNotFound:
            return None
        except SpeakerError as error:
            log.info("%s", error.message)
            return error

    def _bytes(self, identity: UUID) -> bytes:
        path = self._path(identity)
        try:
            if path.stat().st_size > LARGEST:
                raise ProfileDamaged(
                    f"The file of profile {identity.hex} has more than {LARGEST} bytes and is no profile of ours.",
                    profile=identity.hex,
                )
            return path.read_bytes()
        except FileNotFoundError as error:
            raise self._missing(identity.hex) from error

    def _remove(self, identity: UUID) -> None:
        # What an interrupted write left is sealed, but it is of this speaker as well.
        for path in [*self.folder.glob(f".{identity.hex}.*.tmp"), self._path(identity)]:
            destroy(path)

    def _path(self, identity: UUID) -> Path:
        return self.folder / f"{identity.hex}{SUFFIX}"

    def _ids(self) -> Iterator[UUID]:
        for path in sorted(self.folder.glob(f"*{SUFFIX}")):
            try:
                identity = UUID(hex=path.stem)
            except ValueError:  # somebody else's file
                continue
            if identity.hex == path.stem:
                yield identity

    def _by_id(self, who: str) -> UUID | None:
        return next((identity for identity in self._ids() if identity.hex == who.strip().lower()), None)

    def _by_name(self, who: str) -> Profile:
        listing = self.list()
        found = [p for p in (*listing.profiles, *listing.expired) if p.name == who.strip()]
        if len(found) > 1:
            raise ProfileNotFound(
                f"{len(found)} profiles have the name '{who}'. Give the id: {', '.join(p.id for p in found)}.",
                ids=[p.id for p in found],
            )
        if not found:
            raise self._missing(who, len(listing.unreadable))
        return found[0]

    def _missing(self, who: str, unreadable: int = 0) -> ProfileNotFound:
        also = f" {unreadable} profiles there cannot be read." if unreadable else ""
        return ProfileNotFound(
            f"There is no profile '{who}' in '{self.folder}'.{also} `assay speaker list` shows ids and names.",
            profile=who,
        )


def default_folder() -> Path:
    """In the user's folder for data."""
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "assay" / "speakers"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "assay" / "speakers"
