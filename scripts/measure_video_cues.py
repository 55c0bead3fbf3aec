"""Where the cues of bona fide talk lie, how often spoofs lie elsewhere, and how well faces are found again.

    OMP_NUM_THREADS=1 python scripts/measure_video_cues.py --protocol ../shared/data/video/protocol.csv \
        --catalogue ../shared/data/catalog/video.csv.gz --repositories FOLDER --cache FOLDER --write

Takes rows of the train partition only. Of the catalogue it takes the repositories in `TAKEN`, read out of bare clones
named ``owner+name/repo``. Of each video the first twelve seconds are seen, at no more than 30 frames a second, and the
face that is seen longest is measured. What was read is kept in the cache, for half an hour the first time. Prints the
tables of docs/video-cues.md; ``--write`` puts the ranges into ``src/assay/video/cues/ranges.json``.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
import json
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

from assay.image.faces import FaceFinder
from assay.image.faces.sampling import letterbox
from assay.video import Level, Track, TrackBuilder, agreement, cuts, speech_level
from assay.video.appearance import distance, look, may_be_same
from assay.video.cues import Cue, all_cues, lip_opening

RANGES = Path(__file__).parent.parent / "src" / "assay" / "video" / "cues" / "ranges.json"
# Repositories of the catalogue, and which of their videos: bona fide ones, or with the spoofs made of them.
TAKEN = {
    "MoSahil147/DeepFake-datasets": ("bona_fide", "spoof"),
    "celebv-text/celebv-text.github.io": ("bona_fide",),
    "FuxiVirtualHuman/styletalk": ("bona_fide",),
    "ImaginTalk/ImaginTalk.github.io": ("bona_fide",),
    "websitetalkingheadsvideo/wth2025": ("bona_fide",),
}
LONGEST_S, FASTEST_FPS = 12.0, 30.5
QUANTILES = (0.01, 0.5, 0.99)
SAMPLE_RATE_HZ = 16_000
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Video:
    """One file of a train partition; its bytes, and those of a sound file that lies beside it."""

    name: str
    key: str
    generator: str
    source: str
    identity: str
    data: bytes
    sound: bytes | None = None


@dataclass(frozen=True)
class Picture:
    """A frame as the tracker wants it."""

    index: int
    time_s: float
    pixels: NDArray[np.uint8]


@dataclass(frozen=True)
class Seen:
    """What is kept of a video: the face seen longest, its looks early and late, the sound, small frames."""

    video: Video
    track: Track
    looks: NDArray[np.float32]
    level: Level | None
    tracks: int
    small: NDArray[np.uint8]  # every frame, shape (frames, 32, 32, 3)


def protocol_videos(protocol: Path) -> Iterator[Video]:
    """Train rows of a protocol whose files lie beside it."""
    with protocol.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if row["partition"] == "train":
                data = (protocol.parent / row["path"]).read_bytes()
                yield Video(row["path"], row["key"], row["generator"], row["source"], row["identity"], data)


def catalogue_videos(catalogue: Path, repositories: Path) -> Iterator[Video]:
    """Train rows of the repositories taken; of spoofs every second pair of persons that was swapped in three ways."""
    with gzip.open(catalogue, "rt", encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if row["partition"] == "train"]
    rows = [row for row in rows if row["key"] in TAKEN.get(row["repo"], ())]
    swaps = [row for row in rows if row["key"] == "spoof"]
    pairs = sorted({pair_of(row["path"]) for row in swaps if "Deepfakes" not in row["generator"]})[::2]
    for row in rows:
        if row["key"] == "spoof" and pair_of(row["path"]) not in pairs:
            continue
        folder = repositories / row["repo"].replace("/", "+") / "repo"
        data, sound = blob(folder, row["path"]), None
        if "styletalk" in row["repo"]:
            sound = blob(folder, re.sub(r"/video/(.*)\.mp4$", r"/wav/\1.wav", row["path"]))
        if data is not None:
            yield Video(row["path"], row["key"], row["generator"], row["repo"], row["identity"], data, sound)


def pair_of(path: str) -> str:
    """Which two persons a swap is made of, ``033_097``; the path itself where its name does not say."""
    found = re.search(r"(\d+_\d+)\.mp4$", path)
    return found[1] if found else path


def blob(folder: Path, path: str) -> bytes | None:
    """A file out of a bare clone; None if it is not there."""
    got = subprocess.run(["git", "--git-dir", str(folder), "cat-file", "blob", f"HEAD:{path}"], capture_output=True)
    return got.stdout if got.returncode == 0 else None


def read(video: Video, finder: FaceFinder) -> Seen | None:
    """Everything that is measured of a video; None if no face is seen."""
    builder, looks, small = TrackBuilder(), defaultdict(list), []
    for picture in pictures(video.data):
        faces = finder.find(picture.pixels)
        builder.add(picture, faces)
        small.append(letterbox(picture.pixels, cuts.SIDE)[0].astype(np.uint8))
        for face in faces if picture.index % 5 == 0 else ():
            looks[picture.index].append((face.box, look(picture.pixels, face.landmarks)))
    tracks = builder.finish()
    if not tracks:
        return None
    track = max(tracks, key=lambda track: track.seen_s)
    return Seen(video, track, thirds(track, looks), sound_level(video), len(tracks), np.array(small))


def thirds(track: Track, looks: dict[int, list[tuple[Any, NDArray[np.float32]]]]) -> NDArray[np.float32]:
    """Mean looks of the first and the last third of a track, shape (2, d)."""
    own = [
        made
        for frame, box in zip(track.frames.tolist(), track.boxes, strict=True)
        for place, made in looks.get(frame, ())
        if np.allclose(place, box, atol=0.01)
    ]
    part = max(1, len(own) // 3)
    return np.stack([np.mean(own[:part], axis=0), np.mean(own[-part:], axis=0)])


def pictures(data: bytes) -> Iterator[Picture]:
    """Frames of the first seconds, those left out that come faster than 30 a second."""
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        first, last, index = None, -1.0, 0
        for frame in container.decode(stream):
            first = frame.time if first is None else first
            time_s = frame.time - first
            if time_s > LONGEST_S:
                return
            if index == 0 or time_s - last >= 1 / FASTEST_FPS:
                yield Picture(index, time_s, frame.to_ndarray(format="rgb24"))
                last, index = time_s, index + 1


def sound_level(video: Video) -> Level | None:
    """Level of speech over the seconds that are seen; None without sound."""
    if video.sound is not None:
        samples, rate = soundfile.read(io.BytesIO(video.sound), dtype="float32", always_2d=True)
        return speech_level(samples[: round(LONGEST_S * rate)].mean(axis=1), rate)
    with av.open(io.BytesIO(video.data)) as container:
        if not container.streams.audio:
            return None
        pictures_start = float((container.streams.video[0].start_time or 0) * container.streams.video[0].time_base)
        resampler = av.AudioResampler("flt", "mono", SAMPLE_RATE_HZ)
        parts, start_s = [], None
        for frame in container.decode(container.streams.audio[0]):
            start_s = frame.time - pictures_start if start_s is None else start_s
            parts += [part.to_ndarray()[0] for part in resampler.resample(frame)]
    samples = np.concatenate(parts)[: round((LONGEST_S - start_s) * SAMPLE_RATE_HZ)]
    return speech_level(samples, SAMPLE_RATE_HZ, start_s=start_s)


def cached(video: Video, finder: FaceFinder, cache: Path) -> Seen | None:
    """As `read`, from the cache if it is there."""
    path = cache / f"{hashlib.sha256(video.data).hexdigest()[:24]}.npz"
    if not path.exists():
        seen = read(video, finder)
        if seen is None:
            return None
        arrays = {field.name: getattr(seen.track, field.name) for field in fields(Track)}
        level = {} if seen.level is None else {"level_s": seen.level.times_s, "level_db": seen.level.level_db}
        np.savez(path, looks=seen.looks, tracks=seen.tracks, small=seen.small, **arrays, **level)
    with np.load(path) as kept:
        track = Track(**{field.name: kept[field.name] if field.name != "id" else 0 for field in fields(Track)})
        level = Level(kept["level_s"], kept["level_db"]) if "level_s" in kept else None
        return Seen(video, track, kept["looks"], level, int(kept["tracks"]), kept["small"])


def cue_tables(seen: Sequence[Seen]) -> dict[str, dict[str, float]]:
    """Prints ranges and rates of each cue; returns the ranges."""
    told: dict[str, list[tuple[Video, float]]] = defaultdict(list)
    for one in seen:
        for cue in all_cues(one.track):
            if cue.value is not None and cue.reliable:
                told[cue.name].append((one.video, cue.value))
    units = {cue.name: cue.unit for cue in all_cues(seen[0].track)}
    ranges = {}
    print("| cue | unit | bona fide videos | 1 % | median | 99 % | bona fide outside, source left out |")
    for name, unit in units.items():
        values = [(video.source, value) for video, value in told[name] if video.key == "bona_fide"]
        low, middle, high = np.quantile([value for _, value in values], QUANTILES)
        ranges[name] = {"low": significant(low), "high": significant(high), "videos": len(values)}
        left_out = share([not inside(value, other_sources(values, source)) for source, value in values])
        print(f"| {name} | {unit} | {len(values)} | {low:.3g} | {middle:.3g} | {high:.3g} | {left_out} |")
    generators = sorted({one.video.generator.split(" (")[0].split(" +")[0] for one in seen if one.video.key == "spoof"})
    print("\n| cue | bona fide outside |", " | ".join(generators), "| AUC of all spoofs |")
    for name, known in ranges.items():
        bona_fide = [value for video, value in told[name] if video.key == "bona_fide"]
        spoof = [value for video, value in told[name] if video.key == "spoof"]
        cells = [share([not inside(value, known) for value in bona_fide])]
        for generator in generators:
            own = [value for video, value in told[name] if video.generator.startswith(generator)]
            cells.append(share([not inside(value, known) for value in own]))
        greater = np.mean([np.mean(np.array(bona_fide) < value) for value in spoof]) if spoof else np.nan
        print(f"| {name} |", " | ".join(cells), f"| {greater:.2f} |")
    return ranges


def pair_table(seen: Sequence[Seen]) -> None:
    """Prints, for each cue, how often a swap has more of it than the recording that it was made of."""
    by_target: dict[str, dict[str, Cue]] = {}
    swaps = []
    for one in seen:
        if one.video.source.startswith("MoSahil147"):
            cues = {cue.name: cue for cue in all_cues(one.track) if cue.value is not None and cue.reliable}
            if one.video.key == "bona_fide":
                by_target[Path(one.video.name).stem] = cues
            else:
                swaps.append((pair_of(one.video.name)[:3], cues))
    print("\n| cue | swaps | with more than their target | median ratio |")
    for name in next(iter(by_target.values())):
        pairs = [
            (cues[name].value, by_target[target][name].value)
            for target, cues in swaps
            if name in cues and name in by_target.get(target, {})
        ]
        ratio = np.median([swap / max(target, 1e-9) for swap, target in pairs])
        print(f"| {name} | {len(pairs)} | {share([swap > target for swap, target in pairs])} | {ratio:.2f} |")


def significant(value: float) -> float:
    """With three digits."""
    return float(f"{value:.3g}")


def inside(value: float, known: dict[str, float]) -> bool:
    """Whether a value lies in a range."""
    return known["low"] <= value <= known["high"]


def other_sources(values: Sequence[tuple[str, float]], left_out: str) -> dict[str, float]:
    """The range that a source's own videos have no part in."""
    low, _, high = np.quantile([value for source, value in values if source != left_out], QUANTILES)
    return {"low": low, "high": high}


def share(flags: Sequence[bool]) -> str:
    """As a count and a share."""
    return f"{sum(flags)}/{len(flags)} ({np.mean(flags):.2f})" if flags else "-"


def person_of(video: Video) -> tuple[str, str]:
    """Source and person; the clips of one person in styletalk are numbered."""
    name = re.sub(r"[^a-z]", "", video.identity.lower())[:6] if "styletalk" in video.source else video.identity
    return video.source, name or video.name


def look_table(seen: Sequence[Seen]) -> None:
    """Prints how often a face is found again and how often another is taken for it."""
    bona_fide = [one for one in seen if one.video.key == "bona_fide" and len(one.track) >= 75]
    again = [may_be_same(*one.looks) for one in bona_fide]
    clips, strangers, dressed_alike = [], [], []
    for i, one in enumerate(bona_fide):
        for other in bona_fide[i + 1 :]:
            if one.video.source != other.video.source:
                continue  # other light and size would make it too easy
            same = may_be_same(one.looks[0], other.looks[1])
            if person_of(one.video) == person_of(other.video):
                clips.append(same)
                continue
            strangers.append(same)
            lookalike = other.looks[1].copy()
            lookalike[468:] = one.looks[1][468:]
            dressed_alike.append(may_be_same(one.looks[0], lookalike))
    print("\n| looks that may be of one person | share |")
    print(f"| first and last third of one face in one shot | {share(again)} |")
    print(f"| one person in two clips | {share(clips)} |")
    print(f"| two persons of one source | {share(strangers)} |")
    print(f"| two persons of one source, given the same hair and clothes | {share(dressed_alike)} |")
    apart = [distance(*one.looks) for one in bona_fide]
    print("distance in one shot, median and 90 %:", np.quantile(apart, [0.5, 0.9]).round(2))
    print("videos with more than one track:", share([one.tracks > 1 for one in bona_fide]))


def cut_table(seen: Sequence[Seen]) -> None:
    """Prints how often cuts are found where two videos were put together, and where nothing was."""
    bona_fide = [one for one in seen if one.video.key == "bona_fide"]
    print("\n| every so many frames | cuts found between two videos of one source | found within a video, per minute |")
    for every in (1, 2, 5, 12):
        found, alarms, minutes = [], 0, 0.0
        for one, other in pairwise(bona_fide):
            shown = one.small[::every]
            finder = cuts.CutFinder()
            alarms += sum(finder.is_cut(picture) for picture in shown)
            minutes += float(one.track.times_s[-1]) / 60
            if one.video.source == other.video.source and person_of(one.video) != person_of(other.video):
                found.append(finder.is_cut(other.small[0]))
        print(f"| {every} | {share(found)} | {alarms / minutes:.2f} ({alarms} in {minutes:.0f}) |")


def lip_table(seen: Sequence[Seen]) -> None:
    """Prints how well lips and sound agree: their own, and those of another video of the same source."""
    rows: dict[str, list[Any]] = defaultdict(list)
    heard = [one for one in seen if one.level is not None]
    for one in heard:
        times, opening = one.track.times_s, lip_opening(one.track)
        group = f"{one.video.key}: {one.video.source}"
        found = agreement(times, opening, one.level)
        if found is not None:
            rows[group].append(found)
            print("#", one.video.name[-40:], found)
        for other in heard:
            if other is not one and other.video.source == one.video.source and one.video.key == "bona_fide":
                rows[f"other sound: {one.video.source}"].append(agreement(times, opening, other.level))
    print("\n| lips and sound | videos | median strength | p <= 0.1 | median offset, s | offset within -0.1 … 0.25 s |")
    for group, found in rows.items():
        found = [one for one in found if one is not None]
        if found:
            strength = np.median([one.strength for one in found])
            offset = np.median([one.offset_s for one in found])
            near = share([-0.1 <= one.offset_s <= 0.25 for one in found])
            sure = share([one.p <= 0.1 for one in found])
            print(f"| {group} | {len(found)} | {strength:.2f} | {sure} | {offset:.2f} | {near} |")


def main() -> None:
    """Read, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--protocol", type=Path, required=True)
    parser.add_argument("--catalogue", type=Path, required=True)
    parser.add_argument("--repositories", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    given.cache.mkdir(parents=True, exist_ok=True)
    videos = list(protocol_videos(given.protocol))
    known = {video.data for video in videos}
    videos += [v for v in catalogue_videos(given.catalogue, given.repositories) if v.data not in known]
    finder = FaceFinder()
    seen = [one for one in (cached(video, finder, given.cache) for video in videos) if one is not None]
    print(f"{len(videos)} videos, {len(seen)} with a face")
    ranges = cue_tables(seen)
    pair_table(seen)
    look_table(seen)
    cut_table(seen)
    lip_table(seen)
    if given.write:
        about = "1 % and 99 % quantiles of bona fide talk; written by scripts/measure_video_cues.py."
        RANGES.write_text(json.dumps({"about": about, "cues": ranges}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
