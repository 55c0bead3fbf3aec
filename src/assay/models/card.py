"""The card that travels with a weight: everything that needs a number about a model reads it here.

A card is ``<name>.json`` beside ``<name>.onnx``; the same text is in the ONNX metadata under ``assay_card``. Scores
rise for spoof. A `llr` is a natural log-likelihood ratio, log p(score | spoof) - log p(score | bona fide).
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

SMALLEST = sys.float_info.min
MOST_VALUES = 2**27  # of all views of a file: half a gigabyte in float32


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Calibration(_Part):
    """Affine map from logit to llr, and how sure it is.

    Attributes:
        slope, offset: ``llr = slope * logit + offset``, found by logistic regression with both keys weighted alike
            (Brümmer & du Preez, 2006).
        lowest, highest: Limits of the llr: no single window may claim more than the calibration data can support.
        slope_sd, offset_sd, correlation: Spread of the two over resampled sources.
    """

    slope: float = Field(gt=0)
    offset: float
    lowest: float = Field(lt=0)
    highest: float = Field(gt=0)
    slope_sd: float = Field(0.0, ge=0)
    offset_sd: float = Field(0.0, ge=0)
    correlation: float = Field(0.0, ge=-1, le=1)

    def apply(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """Logits, any shape, to llrs of the same shape."""
        return np.clip(self.slope * logits + self.offset, self.lowest, self.highest)

    def of(self, logit: float) -> float:
        """The llr of one logit."""
        return min(max(self.slope * logit + self.offset, self.lowest), self.highest)

    def deviation(self, llr: float) -> float:
        """Standard deviation of an llr that comes from not knowing the calibration better."""
        logit = (llr - self.offset) / self.slope
        covariance = self.correlation * self.slope_sd * self.offset_sd
        return math.sqrt(max(0.0, (logit * self.slope_sd) ** 2 + self.offset_sd**2 + 2 * logit * covariance))


class TailModel(_Part):
    """Survival function of a statistic over bona fide recordings: measured in the body, exponential beyond.

    Attributes:
        values: Measured quantiles, strictly rising.
        survival: P(statistic >= value) at each, in (0, 1], strictly falling.
        scale: Mean excess of the exponential tail beyond the last value.
    """

    values: tuple[float, ...] = Field(min_length=2)
    survival: tuple[float, ...] = Field(min_length=2)
    scale: float = Field(gt=0)

    @model_validator(mode="after")
    def _monotone(self) -> TailModel:
        rising = np.all(np.diff(self.values) > 0) and np.all(np.diff(self.survival) < 0)
        if len(self.values) != len(self.survival) or not rising or not 0 < self.survival[-1] < self.survival[0] <= 1:
            raise ValueError("values must rise and survival fall from at most 1 to above 0, both of one length")
        return self

    def p_value(self, statistic: float) -> float:
        """P(a bona fide recording reaches `statistic`), in [0, 1]; 0 only where a float cannot hold it."""
        if statistic >= self.values[-1]:
            return self.survival[-1] * math.exp(-(statistic - self.values[-1]) / self.scale)
        return float(np.exp(np.interp(statistic, self.values, np.log(self.survival))))

    def threshold(self, p: float) -> float:
        """Smallest statistic whose p-value is at most `p`, in [0, 1]; finite for 0, too."""
        if p <= self.survival[-1]:
            return self.values[-1] + self.scale * (math.log(self.survival[-1]) - math.log(max(p, SMALLEST)))
        # np.interp wants rising abscissae; log survival falls.
        return float(np.interp(-math.log(p), -np.log(self.survival), self.values))


class OperatingPoint(_Part):
    """A threshold, what it promises, and how sure that is.

    Attributes:
        max_false_alarm: Promised rate of bona fide files flagged.
        threshold_llr: Files whose llr is at least this are flagged.
        threshold_interval: 95 % interval of the threshold over resampled sources.
        false_alarm: Measured rate, each development source judged at the threshold that the others give.
        false_alarm_interval: Its 95 % interval.
        detection_rate: Share of development spoofs flagged.
        detection_interval: Its 95 % interval.
        extrapolated: True when fewer than ten development files lie beyond the threshold.
    """

    max_false_alarm: float
    threshold_llr: float
    threshold_interval: tuple[float, float]
    false_alarm: float
    false_alarm_interval: tuple[float, float]
    detection_rate: float
    detection_interval: tuple[float, float]
    extrapolated: bool


class Decision(_Part):
    """What the policy needs to turn llrs into a verdict.

    Attributes:
        file: Distribution of the file llr over bona fide files of one window (longer files vary less).
        contrast: Distribution, per independent stretch, of a window's llr above its recording's median.
        stretch_s: Length of an independent stretch.
        bona_fide_below_llr: Files below this are called bona fide.
        miss_rate: Share of development spoofs below it.
        min_contrast_duration_s: Shortest recording whose parts are compared with each other.
        codec_sd: Standard deviation of one clip's llr over codecs.
    """

    file: TailModel
    contrast: TailModel
    stretch_s: float = Field(gt=0)
    bona_fide_below_llr: float
    miss_rate: float
    min_contrast_duration_s: float = Field(gt=0)
    codec_sd: float = Field(ge=0)
    operating_points: tuple[OperatingPoint, ...]


class KnownAnswer(_Part):
    """The self-test: a shipped sample and what this weight gives on it (logits per window, probabilities per chunk)."""

    sample: str
    values: tuple[float, ...] = Field(min_length=1)
    tolerance: float = Field(gt=0)


class Card(_Part):
    """What every shipped weight has."""

    schema_version: Literal[1] = 1
    name: str
    version: str
    kind: Literal[
        "audio-detector",
        "picture-detector",
        "video-detector",
        "speech-activity",
        "face-detector",
        "face-landmarks",
        "eye-landmarks",
        "speaker-encoder",
        "zoo-detector",
    ]
    summary: str
    file: str
    sha256: str
    size_bytes: int
    licence_weights: str
    origin: str
    limits: tuple[str, ...]
    known_answer: KnownAnswer


class FaceCard(Card):
    """A network that sees a square part of a picture: `assay.image.faces`.

    Attributes:
        input_pixels: Side of the square.
        input_range: What the values 0 and 255 of a pixel become.
        anchors: Of a detector: stride of each grid in input pixels, and anchors per cell.
        min_score: Least score, or presence, that counts as a face.
        parity: Largest difference from the network it was converted from, per output; `conversion` says on what.
    """

    input_pixels: int = Field(gt=0)
    input_range: tuple[float, float]
    anchors: tuple[tuple[int, int], ...] = ()
    min_score: float = Field(0.5, ge=0, le=1)
    source_sha256: str
    parity: dict[str, float]
    conversion: str


class MatchPoint(_Part):
    """A threshold for taking two voices for one, what it promises, and how sure that is.

    Attributes:
        max_false_match: Promised rate of other people's probes taken for the enrolled speaker.
        threshold_llr: Probes whose llr is at least this match.
        false_match: Measured rate, each group of speakers judged at the threshold that the others give.
        false_match_interval: Its 95 % interval over resampled speakers.
        false_non_match: Share of the enrolled speaker's own probes below the threshold, measured likewise.
        false_non_match_interval: Its 95 % interval.
        extrapolated: True when fewer than ten comparisons lie beyond the threshold.
    """

    max_false_match: float
    threshold_llr: float
    false_match: float
    false_match_interval: tuple[float, float]
    false_non_match: float
    false_non_match_interval: tuple[float, float]
    extrapolated: bool


class SpeakerCard(Card):
    """A network that tells voices apart: `assay.speaker`. Its llr rises for the SAME speaker, not for spoof.

    Attributes:
        min_probe_speech_s: Less speech than this in a probe is not enough to answer.
        min_enrol_speech_s: Less speech than this in all recordings of an enrolment is refused.
        centre: Mean embedding of development speakers, which is taken off before the cosine; empty for a plain cosine.
        calibration: From the cosine to the llr, log p(score | same speaker) - log p(score | different speakers).
        impostor: Distribution of that llr over probes of other people.
        operating_points: Thresholds and measured rates.
        data: What calibration and rates rest on: per source the licence, speakers and recordings.
        measured: Error rates by `scripts/calibrate_speaker.py`: partitions, languages, lengths, ways and spoofs.
        source_sha256: Of the file it was converted from.
        parity: Largest differences from the original's answers; `conversion` says on what.
    """

    kind: Literal["speaker-encoder"]
    min_probe_speech_s: float = Field(gt=0)
    min_enrol_speech_s: float = Field(gt=0)
    centre: tuple[float, ...] = ()
    calibration: Calibration
    impostor: TailModel
    operating_points: tuple[MatchPoint, ...] = Field(min_length=1)
    data: tuple[dict[str, Any], ...]
    measured: dict[str, Any] = Field(default_factory=dict)
    source_sha256: str
    parity: dict[str, float]
    conversion: str


class TrainedCard(Card):
    """A detector that was trained here.

    Attributes:
        recipe, commit: What it was trained by, and the state of the checkout that published it.
        calibration: From what the network gives to llrs.
        precision: Whether the network computes in ``int8`` or ``float32``, and the figures that decided it.
        data: What it was trained on: per source the licence and the number of files of each key.
        measured: Error rates by `assay evaluate`, as it printed them.
    """

    recipe: str
    commit: str
    calibration: Calibration
    precision: dict[str, Any] = Field(default_factory=dict)
    data: tuple[dict[str, Any], ...]
    measured: dict[str, Any] = Field(default_factory=dict)


class DetectorCard(TrainedCard):
    """A detector of synthetic sound.

    Attributes:
        sample_rate_hz, window_samples, hop_samples: The input; see the network's docstring.
        part_samples: Length of what its second output scores, by which it is told whether a part stands out.
        min_speech_s: Less speech than this in a file is inconclusive.
    """

    sample_rate_hz: Literal[16_000]  # what `assay.media` delivers
    window_samples: int = Field(gt=0)
    part_samples: int = Field(gt=0)
    hop_samples: int = Field(gt=0)
    min_speech_s: float = Field(gt=0)
    decision: Decision

    @model_validator(mode="after")
    def _whole_hops(self) -> DetectorCard:
        if self.window_samples % self.hop_samples or self.part_samples % self.hop_samples:
            raise ValueError(f"the hop of {self.hop_samples} samples does not divide the window and the part")
        if self.part_samples > self.window_samples:
            raise ValueError(f"a part of {self.part_samples} samples is longer than the window")
        return self


class LookScale(_Part):
    """How the logits of one look count.

    Attributes:
        calibration: Logit to llr of that look alone.
        weight: Of that llr in the score of the picture.
        auc: Area under the curve of that look alone on development crops.
    """

    calibration: Calibration
    weight: float = Field(ge=0)
    auc: float = Field(ge=0, le=1)


class PictureDecision(_Part):
    """What the policy needs to turn the llrs of a picture into a verdict.

    Attributes:
        file: Distribution of the picture's llr over bona fide pictures.
        face: Distribution of one face's llr over bona fide faces; None where the model does not look at faces.
        bona_fide_below_llr: Pictures at or below are called bona fide.
        miss_rate: Share of development spoofs below it.
        condition_sd: Standard deviation of one picture's llr over ways to deliver it (saved again, made smaller).
        least_detail: Mean difference between neighbours, in levels, below which nothing is judged.
    """

    file: TailModel
    face: TailModel | None
    bona_fide_below_llr: float
    miss_rate: float
    condition_sd: float = Field(ge=0)
    least_detail: float = Field(ge=0)
    operating_points: tuple[OperatingPoint, ...]


class PictureCard(TrainedCard):
    """A detector of synthetic and changed pictures.

    Attributes:
        input_pixels: Side of what the network sees.
        crop_pixels: Side that a look is resized to; its middle goes in.
        most_pieces: Pieces at full resolution that are looked at, those with most detail; with ``deep`` all of them.
        looks: Those that the model knows, by name; see `assay.image.looks`.
        calibration: Of the weighted sum of the looks' llrs to the picture's llr.
    """

    input_pixels: int = Field(gt=0)
    crop_pixels: int = Field(gt=0)
    most_pieces: int = Field(gt=0)
    looks: dict[str, LookScale]
    decision: PictureDecision


class VideoDecision(_Part):
    """What the policy needs to turn the llrs of a video into a verdict.

    Attributes:
        person: Distribution of one person's llr over bona fide persons.
        whole: Distribution of the llr of whole frames over bona fide videos.
        person_below_llr, whole_below_llr: At or below, nothing speaks for a spoof.
        miss_rate: Share of development spoofs below them.
    """

    person: TailModel
    whole: TailModel
    person_below_llr: float
    whole_below_llr: float
    miss_rate: float
    operating_points: tuple[OperatingPoint, ...] = ()


class LeftOut(_Part):
    """How well one part tells videos of sources that it never saw.

    Attributes:
        part: ``frames of faces``, ``faces over time``, ``persons``, ``whole frames`` or ``whole frames and persons``.
        bona_fide, spoof: Persons, or videos where whole frames are part of it.
        sources: That they come from.
        auc: Area under the curve.
        auc_interval: 95 %, by resampling sources.
        auc_within_sources: Mean of the areas within sources that hold both keys; None if none does.
        false_alarm: Share of bona fide ones that stand out at an accepted rate of 0.01.
        detection_rate: Share of spoofs that do.
    """

    part: str
    bona_fide: int
    spoof: int
    sources: int
    auc: float
    auc_interval: tuple[float, float]
    auc_within_sources: float | None
    false_alarm: float
    detection_rate: float


class VideoCard(TrainedCard):
    """A detector of synthetic and changed videos: faces over time.

    Attributes:
        features_of: Name of the picture detector whose features and logits it takes.
        features_sha256: Of that detector's weight; another one gives other features.
        fps: Frames a second that it was trained on.
        window_frames, hop_frames: What the temporal model judges at once, and the step between.
        frame: Mean logit of a person's frames to llr.
        temporal: Mean logit of a person's windows to llr.
        weights: Of the llrs ``frame`` and ``temporal`` in that of a person, before `calibration`.
        whole: Mean logit of whole frames to llr.
        calibration: Of the weighted sum to the person's llr.
        left_out: What calibration and thresholds rest on: sources judged by networks that never saw them.
    """

    features_of: str
    features_sha256: str
    fps: float = Field(gt=0)
    window_frames: int = Field(gt=0)
    hop_frames: int = Field(gt=0)
    frame: Calibration
    temporal: Calibration
    weights: dict[Literal["frame", "temporal"], float]
    whole: Calibration
    decision: VideoDecision
    left_out: tuple[LeftOut, ...] = ()


class ZooDecision(_Part):
    """What turns the llr of a file into a verdict, measured on validation data.

    Attributes:
        file: Distribution of the llr over bona fide files; None where there were too few to tell.
        bona_fide_below_llr: Files at or below are called bona fide.
        miss_rate: Share of validation spoofs below it.
        eer_llr: Where both error rates were equal.
        operating_points: Thresholds that promise a false-alarm rate; empty where there were too few files or sources.
    """

    file: TailModel | None
    bona_fide_below_llr: float
    miss_rate: float
    eer_llr: float
    operating_points: tuple[OperatingPoint, ...] = ()


class ZooCard(TrainedCard):
    """Any architecture of the zoo, trained by `assay train audio|image|video MODEL`.

    A file is scored by the mean logit of its views: stretches of `shape[0]` samples spread evenly over a recording, the
    middle of a picture, evenly spread frames of a video. How a file becomes views is told in `assay.views.form`.

    Such a card comes with files of strangers, so what it asks for is bounded.

    Attributes:
        architecture: Its name in the zoo.
        options: It was made with.
        media: What it judges.
        input: Name of the graph's input, of shape ``(n, *shape)``; the output is ``logit (n,)``.
        shape: Of one view.
        integer: Whether views are uint8; float32 otherwise.
        views: At most so many for a recording.
        longest_s: Seconds of a recording or video that are looked at; 0 for pictures.
        look: Part of a picture or frame that is seen: ``whole`` or ``face``; empty for recordings.
        stored_pixels: Side that this part is resized to, before its middle of ``shape`` is taken; 0 for others.
        features_sha256: Of the picture detector whose features are the input; empty for others.
        parameters: How many numbers were learnt.
        parity: Largest difference between torch's and ONNX Runtime's logits on validation views.
    """

    kind: Literal["zoo-detector"] = "zoo-detector"
    architecture: str
    options: dict[str, Any] = Field(default_factory=dict)
    media: Literal["audio", "image", "video"]
    input: str
    shape: tuple[Annotated[int, Field(gt=0)], ...] = Field(min_length=1, max_length=4)
    integer: bool
    views: int = Field(gt=0, le=1_000)
    longest_s: float = Field(ge=0, le=3_600)
    look: Literal["", "whole", "face"]
    stored_pixels: int = Field(0, ge=0, le=4_096)
    features_sha256: str = ""
    parameters: int = Field(gt=0)
    parity: float = Field(ge=0)
    decision: ZooDecision

    @model_validator(mode="after")
    def _fits_together(self) -> ZooCard:
        if self.file != Path(self.file).name or "\\" in self.file:
            raise ValueError(f"the weight {self.file!r} must lie beside the card")
        axes = {"audio": (1,), "image": (3,), "video": (4,) if self.integer else (2,)}[self.media]
        pixels = self.media != "audio" and len(self.shape) > 2
        if len(self.shape) not in axes or pixels != self.integer:
            raise ValueError(f"no {self.media} has the shape {self.shape}, integer {self.integer}")
        if pixels and (self.shape[-1] != 3 or len(set(self.shape[-3:-1])) > 1 or self.stored_pixels < self.shape[-2]):
            raise ValueError(f"pixels {self.shape} are no squares in RGB within {self.stored_pixels} pixels a side")
        if (self.look == "") != (self.media == "audio") or (self.longest_s == 0) != (self.media == "image"):
            raise ValueError(f"look {self.look!r} and {self.longest_s:g} s do not go with {self.media}")
        if (self.features_sha256 == "") == (self.media == "video" and not self.integer):
            raise ValueError("features, and nothing else, name the detector that tells them")
        if math.prod(self.shape) * self.views > MOST_VALUES:
            raise ValueError(f"{self.views} views of {self.shape} are more than {MOST_VALUES} values")
        return self
