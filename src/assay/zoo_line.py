"""From a picture or video to a result by a network that was trained here; recordings go down `assay.sound_line`.

The score is the network's: of the picture, or of the frames it looks at. All else is as on the lines of pictures and
videos, but that nothing is told of faces, persons, parts and the sound track, which such a network does not score.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

from assay.errors import ModelNotFound
from assay.evidence import declares_generator, reference_of, shown_traces
from assay.models.registry import model_names
from assay.models.runs import FIELDS, WHAT, TrainedRun, find_run, unknown_model
from assay.provenance import read_provenance
from assay.result import NotAnalysed, Reason, ScanResult
from assay.settings import Settings
from assay.stages import Stages
from assay.zoo_policy import NO_FACE, decide_file, rest_of

if TYPE_CHECKING:
    from assay.image.looks import Pixels
    from assay.media.pictures import Picture
    from assay.media.videos import Video
    from assay.policy import Judgement
    from assay.views.network import Network

LEAST_DETAIL = 0.5  # levels, and
PIECE = 192  # pixels a side: as on the card of the shipped picture detector


def load_networks(settings: Settings, *, but: str = "") -> dict[str, Network]:
    """The networks that the settings name in the place of shipped detectors, by medium.

    Args:
        settings: That name them.
        but: A medium that somebody else judges.

    Raises:
        ModelNotFound: If a run is named for another medium than its own, or there is no model for sound of that name;
            one for pictures or videos is missed when the first of them comes.
        CardError: If a card is malformed or describes another graph.
        WeightMismatch: If a weight was altered.
    """
    found: dict[str, Network] = {}
    for media, field in FIELDS.items():
        if media == but:
            continue
        run = _named(getattr(settings, field), settings, needed=media == "audio")
        if run is None:
            continue
        if run.card.media != media:
            own = run.card.media
            raise ModelNotFound(
                f"'{run.folder}' judges {WHAT[own]}, not {WHAT[media]}; it goes into {FIELDS[own]}.",
                model=str(run.folder),
            )
        from assay.views.network import Network

        found[media] = Network(run, settings)
    return found


def _named(name: str, settings: Settings, *, needed: bool) -> TrainedRun | None:
    try:
        return find_run(name, settings.models_dir)
    except ModelNotFound:
        if needed:
            raise
        return None


def shipped(media: str, settings: Settings, *, instead: bool) -> str:
    """Name of the shipped detector in force for a medium.

    Args:
        media: ``audio``, ``image`` or ``video``.
        settings: That name it.
        instead: Whether they name a network, so that the usual one does what only shipped detectors can.

    Raises:
        ModelNotFound: If they name neither.
    """
    name: str = Settings.model_fields[FIELDS[media]].default if instead else getattr(settings, FIELDS[media])
    if name not in model_names():
        raise unknown_model(name, settings.models_dir)
    return name


def examine_picture(
    picture: Picture, network: Network, settings: Settings, *, started: float, trust_anchors: bytes | None = None
) -> ScanResult:
    """Make a result of a picture; arguments as of `assay.picture_line.examine`.

    Raises:
        ModelError: If the network fails.
    """
    from assay.forensics.inspect import inspect
    from assay.picture_line import gaps_of, quality_of
    from assay.picture_policy import TOO_SMALL
    from assay.picture_stability import Held, check_deliveries
    from assay.views.reader import NothingSeen

    clock = Stages(started)
    found = inspect(picture, deep=settings.deep)
    clock.lap("forensics")
    provenance = read_provenance(picture.data, picture.format, trust_anchors=trust_anchors)
    clock.lap("provenance")
    quality, declared = quality_of(found), declares_generator(found.traces, provenance)

    def judge(pixels: Pixels) -> Judgement:
        try:
            logit = network.logit(network.reader.picture(pixels, picture.path))
            facts = _facts(pixels, quality)
        except NothingSeen:
            logit, facts = None, {"outside": (TOO_SMALL,)}
        return decide_file(logit, network.card, settings, declared=declared, **facts)

    held = Held(judge(picture.pixels))
    clock.lap("network")
    if settings.stability:
        held = check_deliveries(picture.pixels, held.judgement, judge, settings)
        clock.lap("stability")
    return ScanResult(
        path=picture.path,
        sha256=picture.sha256,
        media="image",
        container=picture.format,
        codec=picture.format,
        width=picture.width,
        height=picture.height,
        evidence=tuple(shown_traces(found.traces, picture.notes)),
        provenance=provenance,
        model=reference_of(network),
        stability=held.stability,
        timings_ms=clock.spent_ms(),
        **_fields(held.judgement, (*gaps_of(found, picture), *held.gaps)),
    )


def _facts(pixels: Pixels, quality: int | None) -> dict[str, Any]:
    """What kind of picture it is, and whether that is one that models are measured on."""
    from assay.image.looks import Square, detail, flat_share, piece_squares
    from assay.picture_policy import findings_of, outside_of

    height, width = pixels.shape[:2]
    side = min(height, width)
    squares = [Square((width - side) // 2, (height - side) // 2, side), *piece_squares(height, width, PIECE)]
    most, flat = max(detail(pixels, square) for square in squares), flat_share(pixels)
    return {"outside": outside_of(most, flat, quality, LEAST_DETAIL), "findings": findings_of(most, flat, quality)}


def examine_video(
    video: Video, network: Network, settings: Settings, *, started: float, trust_anchors: bytes | None = None
) -> ScanResult:
    """Make a result of a video; arguments as of `assay.video_line.examine`.

    Raises:
        MediaError: If the video turns out to be broken or over a limit.
        ModelError: If the network fails.
    """
    from assay.forensics import video_rates
    from assay.forensics.sound import inspect_sound
    from assay.video_line import bits_per_pixel, facts_of, gaps_of
    from assay.video_policy import outside_of
    from assay.views.reader import NothingSeen

    clock, info, card = Stages(started), video.info, network.card
    with closing(video.original.reader()) as reader:
        found = inspect_sound(reader, video.size_bytes, info.container, rate=video_rates.with_rate)
    clock.lap("forensics")
    provenance = read_provenance(video.original, info.container, trust_anchors=trust_anchors)
    clock.lap("provenance")
    duration_s = video.measured_s()
    density = bits_per_pixel(video, duration_s)
    outside: tuple[Reason, ...] = outside_of(duration_s, density)
    logit = None
    try:
        stored = network.reader.video(video)
        clock.lap("watch")
        logit = network.logit(stored)
    except NothingSeen as error:
        outside = (*outside, NO_FACE if error.why == "no_face" else _too_small())
    clock.lap("network")
    judgement = decide_file(
        logit,
        card,
        settings,
        outside=outside,
        findings=tuple(facts_of(video, density)),
        not_analysed=(*_unheard(video, card.name), *rest_of(card, duration_s), *_unchecked(settings, card.name)),
        declared=declares_generator(found.traces, provenance),
    )
    return ScanResult(
        path=video.path,
        sha256=video.sha256,
        media="video",
        container=info.container,
        codec=info.codec,
        duration_s=round(duration_s, 4),
        width=info.width,
        height=info.height,
        evidence=tuple(shown_traces(found.traces, video.notes)),
        provenance=provenance,
        model=reference_of(network),
        timings_ms=clock.spent_ms(),
        **_fields(judgement, gaps_of(found)),
    )


def _too_small() -> Reason:
    return Reason(code="too_small", text="The frames are too small to be looked at; a side of 96 pixels is the least.")


def _unheard(video: Video, name: str) -> Iterator[NotAnalysed]:
    if video.info.has_sound:
        yield NotAnalysed(code="sound", text=f"the sound does not count: '{name}' looks at the frames alone")
    else:
        yield NotAnalysed(code="no_sound", text="there is no sound track")


def _unchecked(settings: Settings, name: str) -> Iterator[NotAnalysed]:
    if settings.stability:
        text = f"whether the verdict holds in other deliveries: that is not checked for videos with '{name}'"
        yield NotAnalysed(code="no_stability", text=text)


def _fields(judgement: Judgement, gaps: Iterable[NotAnalysed]) -> dict[str, Any]:
    told = {name: getattr(judgement, name) for name in type(judgement).__dataclass_fields__}
    return {**told, "not_analysed": (*judgement.not_analysed, *gaps)}
