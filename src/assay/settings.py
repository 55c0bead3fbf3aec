"""One settings object: defaults < file < environment < arguments.

The file is ``assay.toml`` in the working folder, or the one that ``ASSAY_CONFIG`` names; environment variables are the
field names in capitals behind ``ASSAY_`` (``ASSAY_MAX_FALSE_ALARM=0.001``). A profile (``dev``, ``prod``, ``test``)
only changes defaults. ``assay config`` shows the values in force and where each came from.

Units are part of the names: seconds, hertz, bytes. Rates and probabilities are in [0, 1].
"""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as ForeignSettingsError

from assay.errors import SettingsError
from assay.serve_settings import ServeSettings

Profile = Literal["dev", "prod", "test"]
Channels = Literal["mix", "each"]
Device = Literal["auto", "cpu", "cuda", "rocm", "coreml", "directml", "openvino"]

PROFILES: dict[str, dict[str, object]] = {
    "dev": {},
    "prod": {"log_json": True, "log_level": "INFO"},
    "test": {"jobs": 1, "threads": 1, "log_level": "DEBUG"},
}


_SECRET_WORDS = ("key", "secret", "token", "password")  # in names of settings that there are not


class Settings(ServeSettings):
    """Everything a user can set; frozen once built."""

    model_config = SettingsConfigDict(
        env_prefix="ASSAY_", frozen=True, extra="forbid", validate_default=True, hide_input_in_errors=True
    )

    profile: Profile = Field("dev", description="set of defaults: dev, prod or test")

    audio_model: str = Field(
        "audio-resnet", description="detector for sound: a name that `assay models` lists, or the path of a run folder"
    )
    image_model: str = Field("picture-lite", description="detector for pictures, likewise")
    video_model: str = Field("video-lite", description="detector for videos, likewise")
    models_dir: Path | None = Field(
        None, description="folder of run folders, whose networks can be named by folder or architecture"
    )
    max_false_alarm: float = Field(
        0.01,
        gt=0,
        le=0.5,
        description="accepted rate of bona fide files flagged, per file whatever its length",
    )
    false_alarm_cost: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="cost of a false alarm, a miss costing 1; replaces max_false_alarm by the Bayes threshold",
    )
    prior: float = Field(
        0.5, gt=0, lt=1, description="prior probability that a file is spoofed; moves spoof_probability"
    )
    channels: Channels = Field("mix", description="score the mean of the channels, or each apart")
    stability: bool = Field(
        False,
        description="score again after codecs, telephone, gain and cut, a picture after JPEG, WebP, smaller and"
        " cropped, a video after H.264, smaller and with fewer frames; a verdict that turns round is withdrawn",
    )
    denoise: bool = Field(
        False, description="reduce noise before scoring (extra `denoise`); the card's rates were measured without"
    )

    trust_anchors: Path | None = Field(
        None, description="PEM file of certificate authorities whose Content Credentials count as trusted"
    )
    deep: bool = Field(
        False,
        description="look at every part of a picture, and for error levels and copied parts, too; at a video up to 30"
        " times a second wherever a face is, for movements and lips",
    )
    fps: float = Field(5.0, gt=0, le=240, description="frames of a video looked at, per second")
    close_s: float = Field(
        12.0,
        ge=0,
        allow_inf_nan=False,
        description="seconds of a video in which, while a face is there, 15 frames a second are looked at, for blinks,"
        " lips and who speaks; 0 for none, and none with num_frames",
    )
    num_frames: int | None = Field(
        None, ge=1, description="frames of a video looked at, evenly spread over it; replaces fps"
    )

    jobs: int = Field(1, ge=1, le=256, description="files analysed at the same time")
    threads: int = Field(1, ge=1, le=256, description="threads of the network for one file")
    device: Device = Field(
        "auto",
        description="where networks are computed: an accelerator if ONNX Runtime has one, or the one named; what cannot"
        " be had falls back to cpu",
    )

    max_file_bytes: int = Field(8 * 2**30, gt=0, description="largest file read")
    max_duration_s: float = Field(12 * 3600.0, gt=0, description="longest recording or video analysed")
    max_channels: int = Field(64, ge=1, description="most channels in one recording")
    min_sample_rate_hz: int = Field(4_000, ge=1, description="lowest sample rate accepted")
    max_sample_rate_hz: int = Field(384_000, ge=1, description="highest sample rate accepted")
    max_array_bytes: int = Field(4 * 2**30, gt=0, description="largest array accepted from Python")
    max_picture_bytes: int = Field(2**28, gt=0, description="largest picture file read")
    max_picture_pixels: int = Field(2**27, gt=0, description="most pixels of a picture")
    max_picture_frames: int = Field(10_000, ge=1, description="most frames or pages of a picture")
    max_video_pixels: int = Field(2**25, gt=0, description="most pixels of a frame of a video; 8K UHD fits")
    max_video_frames: int = Field(5_000_000, ge=1, description="most frames of a video")

    speakers_dir: Path | None = Field(
        None, description="folder of speaker profiles; not set: assay/speakers in the user's folder for data"
    )
    speaker_key: SecretStr | None = Field(
        None,
        description="key of the speaker profiles, base64 of 32 bytes; not set: the key file or the system's keyring",
    )
    speaker_key_file: Path | None = Field(
        None, description="file with that key; not set: assay/speaker.key in the user's folder for settings"
    )
    speaker_retention_days: int = Field(
        365, ge=1, le=36_500, description="longest time a speaker profile is kept, and the default"
    )
    speaker_false_match: float = Field(
        0.01, gt=0, le=0.5, description="accepted rate of other people taken for an enrolled speaker, per probe"
    )

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("WARNING", description="least severe record shown")
    log_levels: dict[str, str] = Field(default_factory=dict, description="level per module, {'media': 'DEBUG'}")
    log_json: bool = Field(False, description="one JSON object per log line")
    log_file: Path | None = Field(None, description="also log to this file, rotated at 10 MB, five kept")

    @field_validator("log_level", mode="before")
    @classmethod
    def _capitals(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value

    @field_validator("models_dir", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if value == "" else value  # a variable that is set to nothing; Path("") is the working folder

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then environment, then the file; the profile's defaults come last."""
        file = config_file()
        layers: list[PydanticBaseSettingsSource] = [init_settings, env_settings]
        if file is not None:
            layers.append(TomlConfigSettingsSource(settings_cls, toml_file=file))
        return tuple(layers)


def config_file() -> Path | None:
    """The settings file in force, or None.

    Raises:
        SettingsError: If ``ASSAY_CONFIG`` names a file that does not exist.
    """
    named = os.environ.get("ASSAY_CONFIG")
    if named:
        path = Path(named)
        if not path.is_file():
            raise SettingsError(f"ASSAY_CONFIG names '{named}', which is not a file. Correct or unset it.")
        return path
    path = Path("assay.toml")
    return path if path.is_file() else None


def load_settings(**arguments: Any) -> Settings:
    """Build the settings in force.

    Args:
        **arguments: Fields given by the caller; None means "not given".

    Returns:
        The frozen settings object.

    Raises:
        SettingsError: Naming each setting that is unknown or out of range, with the value given.
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    _refuse_misspelt()
    try:
        first = Settings(**given)
        defaults = PROFILES[first.profile]
        missing = {name: value for name, value in defaults.items() if name not in first.model_fields_set}
        return Settings(**{**missing, **given}) if missing else first
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc']))}: {e['msg']} (given: {_shown(e)})" for e in error.errors()]
        raise SettingsError("Settings are wrong: " + "; ".join(lines) + ". See `assay config`.") from error
    except ForeignSettingsError as error:  # a variable that should hold JSON
        raise SettingsError(f"The environment cannot be read: {error}. Tables are written as JSON.") from error
    except (ValueError, OSError) as error:  # a settings file that is not TOML, not UTF-8 or not ours to read
        raise SettingsError(f"The settings file {config_file()} cannot be read: {error}") from error


def _shown(problem: Any) -> str:
    """What was given, unless it is a secret, or may be one under a wrong name."""
    name = str(problem["loc"][0]) if problem["loc"] else ""
    secrets = [known for known, field in Settings.model_fields.items() if "Secret" in str(field.annotation)]
    near = any(word in name for word in _SECRET_WORDS) or get_close_matches(name, secrets, 1, 0.7)
    secret = name in secrets or (name not in Settings.model_fields and near)
    return "not shown" if secret else repr(problem["input"])


def _variables() -> dict[str, str]:
    """Environment variables of ours: lower-case name without the prefix, and as it is spelt there."""
    prefix = "assay_"
    found = {variable.lower(): variable for variable in os.environ}
    return {name[len(prefix) :]: variable for name, variable in found.items() if name.startswith(prefix)}


def _refuse_misspelt() -> None:
    """Refuse a variable that was surely meant as a setting; others, such as a cluster sets, are none of ours."""
    for name, variable in _variables().items():
        # A cluster sets ASSAY_SERVICE_HOST and more for a service of this name.
        if name in Settings.model_fields or name == "config" or name.startswith("service_"):
            continue
        near = get_close_matches(name, Settings.model_fields, 1, 0.85)
        if near:
            raise SettingsError(f"{variable} is no setting; ASSAY_{near[0].upper()} is. Rename or unset it.")


def origin_of(settings: Settings) -> dict[str, str]:
    """Where each value came from: ``default``, ``profile``, ``file``, ``environment`` or ``argument``.

    An argument that repeats the value of a lower layer counts as that layer.

    Raises:
        SettingsError: If file or environment are wrong.
    """
    file = config_file()
    below = load_settings()
    in_file = set(TomlConfigSettingsSource(Settings, toml_file=file)()) if file is not None else set()
    in_environment = _variables()
    profile = PROFILES[settings.profile]

    def origin(name: str) -> str:
        value = getattr(settings, name)
        if (name in in_environment or name in in_file) and value == getattr(below, name):
            return "environment" if name in in_environment else "file"
        if name in profile and value == profile[name] and name in settings.model_fields_set:
            return "profile"
        return "argument" if name in settings.model_fields_set else "default"

    return {name: origin(name) for name in Settings.model_fields}
