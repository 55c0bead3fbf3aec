"""What callers of `/api/speakers` are told of profiles, and errors in words for those without a command line there."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import BaseModel, ConfigDict, Field

from assay import errors
from assay.errors import AssayError, SpeakerError
from assay.speaker import ProfileSummary

log = logging.getLogger("assay.serve.speakers")


class Unreadable(BaseModel):
    """A profile whose file cannot be opened."""

    model_config = ConfigDict(extra="forbid")

    id: str
    code: str
    message: str


class Profiles(BaseModel):
    """All profiles, those whose retention date has passed among them."""

    model_config = ConfigDict(extra="forbid")

    profiles: list[ProfileSummary]
    unreadable: list[Unreadable]


class Deleted(BaseModel):
    """What is gone for good."""

    model_config = ConfigDict(extra="forbid")

    deleted: list[str] = Field(description="ids of profiles")


@contextmanager
def worded() -> Iterator[None]:
    """Errors of profiles and of their key leave the block in words for callers of the service."""
    try:
        yield
    except (SpeakerError, errors.SettingsError) as error:  # no form of ours holds a setting: it is about the key
        told = worded_of(error)
        if told is error:
            raise
        raise told from error


def worded_of(error: AssayError) -> AssayError:
    """An error as callers hear it: without paths of the server and commands of its operator, who finds both in the log.

    Args:
        error: Of the store of profiles; others come back as they are.
    """
    about = error.context.get("profile")
    place = "/api/speakers/ID" if about is None else f"/api/speakers/{about}"
    if isinstance(error, errors.ProfileNotFound):
        return errors.ProfileNotFound(
            f"There is no profile '{about}'. GET /api/speakers lists ids and names.", **error.context
        )
    if isinstance(error, errors.ProfileExpired):
        return errors.ProfileExpired(
            f"Profile {about} was to be kept until {error.context.get('retain_until')} and is not used any more. Remove"
            " it: POST /api/speakers/expire; and enrol the speaker anew, with consent.",
            **error.context,
        )
    if isinstance(error, errors.ProfileOutdated):
        return errors.ProfileOutdated(
            f"Profile {about} was made by another encoder than this service has, and cannot be compared. Enrol the"
            f" speaker anew, with consent, and delete the old profile: DELETE {place}",
            **error.context,
        )
    if isinstance(error, errors.ProfileDamaged):
        log.error("%s", error.message)
        return errors.ProfileDamaged(
            "The file of the profile is damaged and refused. Have the operator of the service restore it, or delete it"
            f" (DELETE {place}) and enrol the speaker anew.",
            **error.context,
        )
    if isinstance(error, (errors.ProfileKeyError, errors.SettingsError)):
        log.error("%s", error.message)
        return errors.ProfileKeyError(
            "The key of this service does not open the profile, or cannot be used. Its operator finds the reason in the"
            " log.",
            **({} if about is None else {"profile": about}),
        )
    return error
