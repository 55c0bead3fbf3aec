"""Does the detector listen to speech, or to what tells the key by accident? Two questions.

    python benchmarks/shortcuts.py PROTOCOL --partition eval --train PROTOCOL... [--write]

1. **Same content, other wrapping** (here). Each clip is scanned as a 16 kHz wav and again with one thing changed:
   sample rate, container, silence at its ends, gain, DC offset. What has nothing to do with how the speech was made
   must not move the verdict. Both keys go through every change alike.
2. **File statistics alone** (file_statistics.py): what could be reached without listening.

Decisions
- Everything but the codecs is a float wav, so nothing is rounded or clipped that was not before. A higher rate is
  reached by Fourier interpolation, which keeps all up to 8 kHz: what then moves a score is the resampling in the scan.
- Silence is what lies more than 40 dB below the loudest 20 ms. The file's own noise is its quietest 0.25 s with new
  phases: same spectrum and level, no repetition. A second of it goes to either end.
- +12 dB and DC offset stop short of full scale; the mean change is stated. 11.025 kHz takes what lies above 5.5 kHz
  with it, so it is the one change that also changes content.
- Needs the extra ``[test]`` (scikit-learn).
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import soundfile
import soxr
from false_alarms import quietest
from file_statistics import drawn, edges, statistics_section, tabulate
from numpy.typing import NDArray
from page import publish, share
from scipy.signal import resample

from assay import Detector
from assay.data import Trial, read_protocol
from assay.metrics import equal_error_rate
from assay.settings import load_settings
from assay.training.sound import SAMPLE_RATE_HZ, read_sound

Samples = NDArray[np.float32]
SEED = 7
ADDED_S = 1.0
NOISE_S = 0.25
CEILING = 0.99
DC = 0.05
MAX_TRAIN = 3000


def at_rate(samples: Samples, rate_hz: int) -> Samples:
    """At another rate: upwards with the whole band kept, downwards with a filter."""
    if rate_hz <= SAMPLE_RATE_HZ:
        return soxr.resample(samples, SAMPLE_RATE_HZ, rate_hz, quality="VHQ")
    # Whole tenths of a second give whole numbers of samples at every rate; the margin keeps the ends from meeting.
    tenth = SAMPLE_RATE_HZ // 10
    margin = np.pad(samples, (tenth, tenth + -samples.size % tenth))
    dense = resample(margin.astype(np.float64), margin.size * rate_hz // SAMPLE_RATE_HZ)
    start = rate_hz // 10
    return dense[start : start + round(samples.size * rate_hz / SAMPLE_RATE_HZ)].astype(np.float32)


def wav(samples: Samples, rate_hz: int = SAMPLE_RATE_HZ) -> bytes:
    """A float wav file."""
    buffer = io.BytesIO()
    soundfile.write(buffer, at_rate(samples, rate_hz), rate_hz, format="WAV", subtype="FLOAT")
    return buffer.getvalue()


def flac(samples: Samples) -> bytes:
    """A 16-bit FLAC file."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, SAMPLE_RATE_HZ, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def coded(samples: Samples, encoder: str, container: str, rate_hz: int, bit_rate: int) -> bytes:
    """A file from one of FFmpeg's lossy encoders, at the encoder's own rate."""
    sound = np.clip(at_rate(samples, rate_hz), -1, 1)
    frame = av.AudioFrame.from_ndarray((sound * 32767).astype(np.int16)[None], format="s16", layout="mono")
    frame.sample_rate = rate_hz
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as file:
        stream = file.add_stream(encoder, rate_hz, layout="mono")
        stream.bit_rate = bit_rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            file.mux(packet)
    return buffer.getvalue()


def trimmed(samples: Samples) -> Samples:
    """Without silence at its ends."""
    start, end = edges(samples)
    return samples[start:end]


def own_noise(samples: Samples, count: int) -> Samples:
    """`count` samples of noise with spectrum and level of the quietest `NOISE_S`."""
    width = min(samples.size, round(NOISE_S * SAMPLE_RATE_HZ))
    piece = quietest(samples, width).astype(np.float64)
    window = np.hanning(width)
    density = np.abs(np.fft.rfft(piece * window)) ** 2 / np.sum(window**2)  # power per sample and bin
    wanted = np.sqrt(np.interp(np.fft.rfftfreq(count), np.fft.rfftfreq(width), density) * count)
    wanted[0] = 0  # a DC offset is another change
    turns = np.random.default_rng([SEED, samples.size]).random(wanted.size)
    return np.fft.irfft(wanted * np.exp(2j * np.pi * turns), count).astype(np.float32)


def padded(samples: Samples, *, digital: bool) -> Samples:
    """With a second of zeros, or of its own noise, at either end."""
    count = round(ADDED_S * SAMPLE_RATE_HZ)
    added = np.zeros(2 * count, np.float32) if digital else own_noise(samples, 2 * count)
    return np.concatenate([added[:count], samples, added[count:]])


def louder(samples: Samples) -> Samples:
    """By 12 dB, or by as much as fits."""
    return samples * np.float32(max(1.0, min(10 ** (12 / 20), CEILING / max(1e-9, float(np.abs(samples).max())))))


def shifted(samples: Samples) -> Samples:
    """With a DC offset of `DC`, or of as much as fits."""
    return samples + np.float32(max(0.0, min(DC, CEILING - float(samples.max()))))


CHANGES: dict[str, Callable[[Samples], bytes]] = {
    "wav 44.1 kHz": lambda x: wav(x, 44_100),
    "wav 24 kHz": lambda x: wav(x, 24_000),
    "wav 11.025 kHz": lambda x: wav(x, 11_025),
    "FLAC": flac,
    "Opus 64 kbit/s": lambda x: coded(x, "libopus", "ogg", 48_000, 64_000),
    "MP3 128 kbit/s": lambda x: coded(x, "libmp3lame", "mp3", 44_100, 128_000),
    "silence at the ends trimmed": lambda x: wav(trimmed(x)),
    "1 s of zeros at both ends": lambda x: wav(padded(x, digital=True)),
    "1 s of own noise at both ends": lambda x: wav(padded(x, digital=False)),
    "gain -12 dB": lambda x: wav(x * np.float32(10 ** (-12 / 20))),
    "gain +12 dB": lambda x: wav(louder(x)),
    "DC offset": lambda x: wav(shifted(x)),
}


@dataclass(frozen=True)
class Scan:
    """Verdict and score of one file; llr is nan where there is none."""

    verdict: str
    llr: float


def scan(detector: Detector, file: bytes) -> Scan:
    """One file through the whole line."""
    result = detector.scan(file)
    return Scan(result.verdict, np.nan if result.llr is None else result.llr)


def turned_round(before: str, after: str) -> bool:
    """Whether a verdict went from bona fide to flagged or back."""
    return (before == "bona_fide" and after in ("spoof", "mixed")) or (
        after == "bona_fide" and before in ("spoof", "mixed")
    )


def change_row(name: str, keys: Sequence[str], before: Sequence[Scan], after: Sequence[Scan]) -> str:
    """What one change does."""
    pairs = list(zip(before, after, strict=True))
    moved = np.array([b.llr - a.llr for a, b in pairs])
    scored = np.isfinite(moved)
    spoof = np.array([key == "spoof" for key in keys])
    flips = sum(turned_round(a.verdict, b.verdict) for a, b in pairs)
    changed = sum(a.verdict != b.verdict for a, b in pairs)

    def eer(scans: Sequence[Scan]) -> float:
        llrs = np.array([one.llr for one in scans])
        return equal_error_rate(llrs[scored & ~spoof], llrs[scored & spoof]).rate

    return (
        f"| {name} | {share(flips, len(pairs))} | {share(changed, len(pairs))} |"
        f" {np.median(np.abs(moved[scored])):.2f} ({np.quantile(np.abs(moved[scored]), 0.95):.2f}) |"
        f" {np.mean(moved[scored & ~spoof]):+.2f} / {np.mean(moved[scored & spoof]):+.2f} |"
        f" {eer(before):.3f} → {eer(after):.3f} | {np.count_nonzero(scored)} |"
    )


def change_table(trials: Sequence[Trial], detector: Detector) -> tuple[str, list[Scan]]:
    """The first question, as markdown, and how the clips were scored unchanged."""
    clips = [read_sound(trial.file) for trial in trials]
    keys = [trial.key for trial in trials]
    before = [scan(detector, wav(clip)) for clip in clips]
    lines = [
        "| changed | turned round (95 %) | verdict changed (95 %) | median move of the llr (95th percentile) |"
        " mean move, bona fide / spoof | EER before → after | scored both times |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, change in CHANGES.items():
        after = [scan(detector, change(clip)) for clip in clips]
        lines.append(change_row(name, keys, before, after))
        print(lines[-1], file=sys.stderr, flush=True)
    gains = [20 * np.log10(float(np.abs(louder(clip)).max()) / max(1e-9, float(np.abs(clip).max()))) for clip in clips]
    offsets = [float(np.mean(shifted(clip) - clip)) for clip in clips]
    text = (
        f"{keys.count('bona_fide')} bona fide and {keys.count('spoof')} spoof clips, at the"
        f" {detector.settings.max_false_alarm:g} point. On average the louder clips gained {np.mean(gains):.1f} dB, and"
        f" the offset was {np.mean(offsets):.3f} of full scale."
    )
    return "\n".join([text, "", *lines]), before


def main() -> None:
    """Print both answers, and write them if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("protocol", type=Path)
    parser.add_argument("--partition", default="eval")
    parser.add_argument(
        "--train", type=Path, nargs="+", required=True, help="protocols whose train partition to learn on"
    )
    parser.add_argument("--max-train", type=int, default=MAX_TRAIN, help="most clips to learn on")
    parser.add_argument("--max-measured", type=int, help="most clips to measure, for a try; all if left out")
    parser.add_argument("--write", action="store_true", help="put both into docs/audio-detector.md, too")
    arguments = parser.parse_args()
    trials = read_protocol(arguments.protocol, partition=arguments.partition)
    if arguments.max_measured:
        trials = drawn(trials, arguments.max_measured)
    changes, before = change_table(trials, Detector(settings=load_settings()))
    learning = [trial for path in arguments.train for trial in read_protocol(path, partition="train")]
    if shared := {trial.source for trial in learning} & {trial.source for trial in trials}:
        raise SystemExit(f"sources in both partitions: {', '.join(sorted(shared))}")
    train = tabulate(drawn(learning, arguments.max_train))
    print(f"{len(train.keys)} clips of {len(set(train.sources))} sources to learn on", file=sys.stderr, flush=True)
    section = statistics_section(train, tabulate(trials), np.array([one.llr for one in before]))
    publish("shortcuts", changes, write=arguments.write)
    publish("statistics", section, write=arguments.write)


if __name__ == "__main__":
    main()
