"""Where the network reacted: the maps and figures of an explanation."""

from __future__ import annotations

from collections.abc import Iterator

from assay.explain import Explanation, Faithfulness
from assay.report.chapters.given import Given
from assay.report.document import Block, Chapter, Figure, Table, Words
from assay.report.plots import overlay_figure, sound_figure
from assay.report.seen import Seen
from assay.report.text import one_line, sentence, signed

MOST_ROWS = 8
MOST_MAPS = 4
METHODS = {
    "occlusion": "by hiding places one by one and scoring anew",
    "grad_cam": "by following the network's own gradients (Grad-CAM)",
}
ABOUT = "It tells what the network reacted to, not what was done to the file."


def reaction(given: Given) -> Chapter | None:
    """The chapter; None without an explanation."""
    found = given.explanation
    if found is None:
        return None
    made = f"Made {METHODS[found.method]}, with the model {one_line(found.model)}. {ABOUT}"
    words = " ".join(sentence(one_line(each)) for each in found.sentences)
    blocks: list[Block] = [Words(words)] if words else []
    blocks += _maps(given, found)
    blocks += _places(found)
    blocks.append(Words(f"{made} {_tested(found.faithfulness)}", "note"))
    return Chapter("What the network reacted to", tuple(blocks))


def _maps(given: Given, found: Explanation) -> Iterator[Block]:
    seen = given.seen or Seen()
    for one in found.saliency[:MOST_MAPS]:
        about = f" ({one_line(one.label)})" if one.label else ""
        if one.kind == "spectrogram":
            drawing = sound_figure(given.result, seen.sound, one)
            ground = "over the spectrogram" if seen.sound is not None else "without the spectrogram below it"
        elif one.width and one.height:
            pixels = seen.picture if one.kind == "picture" else seen.frames.get(one.start_s or 0.0)
            drawing = overlay_figure(one.width, one.height, pixels, one, "Where the network reacted")
            ground = "over the picture" if pixels is not None else "without the picture below it"
            about += f" at {one.start_s:.2f} s" if one.kind == "frame" and one.start_s is not None else ""
        else:
            continue
        if drawing is not None:
            text = f"The map{about}, {ground}: orange places speak for synthesis, blue ones against it."
            yield Figure(drawing, text)
    if len(found.saliency) > MOST_MAPS:
        yield Words(f"{len(found.saliency) - MOST_MAPS} maps more are not drawn.", "note")


def _places(found: Explanation) -> Iterator[Block]:
    rows = [
        *(("time", f"{one.start_s:.2f} s to {one.end_s:.2f} s", one.llr) for one in found.ranges),
        *(("frequency", f"{one.low_hz:.0f} Hz to {one.high_hz:.0f} Hz", one.llr) for one in found.bands),
        *(("region", f"{one.width} × {one.height} pixels at {one.x}, {one.y}", one.llr) for one in found.regions),
    ]
    if rows:
        kept = sorted(rows, key=lambda row: -row[2])[:MOST_ROWS]
        shown = tuple((kind, place, f"{signed(llr)}") for kind, place, llr in kept)
        yield Table(("by", "place", "score that it carries"), shown, (0.2, 0.5, 0.3))


def _tested(tested: Faithfulness | None) -> str:
    if tested is None:
        return "Whether the map can be trusted was not tested."
    outcome = "So the map marks what the score rests on." if tested.holds else "So this map is not to be trusted."
    return (
        f"Test: with the marked {100 * tested.share:.0f} % hidden the score goes from {signed(tested.llr)} to"
        f" {signed(tested.marked)}, with as much hidden at random to {signed(tested.random)} (mean of {tested.trials})."
        f" {outcome}"
    )
