"""From measurements of training to the tables in README.md. Medians over turns, smallest and largest in brackets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from measure import Series, median_of
from pictures import spread, table
from training_subjects import BATCH, KINDS, SHARE_BATCHES

SPEED = 2.0  # times the loop
SHARE = 0.9
GROWTH = 1.1  # peak of four times the media over that of the media
BEGIN, END = "<!-- training: written by training.py -->\n", "<!-- end of training -->\n"
NAMES = {
    "lab": "**Assay, `assay train audio {}`**",
    "single": "the same in single precision",
    "loop": "(a) Dataset, DataLoader, librosa, PyTorch",
    "steps": "(b) the network alone, one batch in memory",
}
TOLD = {"": "", "-augmented": ", augmented", "-few": ""}
DATA = {"sounds": "sounds as they come", "sounds-wav": "the same as 16 kHz WAV"}
FORMS = {"onnx": "ONNX, float32", "int8": "ONNX, INT8 (QDQ)", "safetensors": "safetensors, PyTorch", "litert": "LiteRT"}

Groups = dict[str, dict[str, Series]]


def first(one: dict[str, Any]) -> float:
    """Examples per second of the first epoch, with what has to be done before it."""
    return float(one["examples"] / (one["prepared_s"] + one["epochs_s"][0]))


def later(one: dict[str, Any]) -> float:
    """Examples per second of the other epochs."""
    return float(one["examples"] * (len(one["epochs_s"]) - 1) / sum(one["epochs_s"][1:]))


def whole(one: dict[str, Any]) -> float:
    """Examples per second of all epochs, everything included that lies between the files and the weights."""
    return float(one["examples"] * len(one["epochs_s"]) / one["total_s"])


def over(group: dict[str, Series], name: str, rate: Any) -> list[float]:
    """Assay's speed over that of another, turn by turn."""
    passes = (group["lab"].facts["passes"], group[name].facts["passes"])
    return [rate(ours) / rate(other) for ours, other in zip(*passes, strict=True)]


def compared(groups: Groups) -> Groups:
    """The groups in which the trainer and the loop take turns."""
    return {name: group for name, group in groups.items() if "lab" in group}


def targets(groups: Groups) -> list[list[str]]:
    """What is promised, what was measured, and whether it was kept."""
    shares = {model: one.facts["share"] for model, one in groups["shares"].items()}
    least = min(shares, key=shares.__getitem__)
    fewer, many = (groups["memory"][name].facts for name in ("fewer", "many"))
    flat = many["grown_bytes"] <= GROWTH * fewer["grown_bytes"] and not many["fits"]
    return [
        *(_speed(groups, data, epochs) for data in DATA for epochs in sorted({*_lengths(groups, data)}, reverse=True)),
        [
            f"share of the time of steps that is spent in the network: at least {SHARE:.0%}",
            f"{shares[least]:.1%} ({least}) to {max(shares.values()):.1%}",
            _met(shares[least] >= SHARE),
        ],
        [
            f"{_megabytes(many['decoded_bytes'])} of decoded media train where {_megabytes(many['allowed_bytes'])} are"
            f" allowed, in the memory of a quarter of them (at most {GROWTH:g} times)",
            f"{_megabytes(many['grown_bytes'])} against {_megabytes(fewer['grown_bytes'])}",
            _met(flat),
        ],
    ]


def _parts(name: str) -> tuple[str, str, str]:
    """Data, architecture and kind of a comparison."""
    data, model = name.split(", ")
    kind = max((kind for kind in KINDS if model.endswith(kind)), key=len)
    return data, model.removesuffix(kind), kind


def _epochs(group: dict[str, Series]) -> int:
    return len(group["lab"].facts["passes"][0]["epochs_s"])


def _lengths(groups: Groups, data: str) -> list[int]:
    """How many epochs the comparisons on one kind of files have."""
    return [_epochs(group) for name, group in compared(groups).items() if _parts(name)[0] == data]


def _speed(groups: Groups, data: str, epochs: int) -> list[str]:
    """The promise of speed for one kind of files and one length."""
    speeds = {}
    for name, group in compared(groups).items():
        of, model, kind = _parts(name)
        if (of, _epochs(group)) == (data, epochs):
            speeds[model + TOLD[kind]] = median_of(over(group, "loop", whole))
    promise = f"{epochs} epochs, from files to weights, {DATA[data]}: at least {SPEED:g} times the usual loop"
    slowest = min(speeds, key=speeds.__getitem__)
    most = f" to {max(speeds.values()):.2f} times" if len(speeds) > 1 else ""
    told = f"{speeds[slowest]:.2f} times ({slowest}){most}"
    return [promise, told, _met(speeds[slowest] >= SPEED)]


def _met(kept: bool) -> str:
    return "met" if kept else "**not met**"


def _megabytes(size: float) -> str:
    return f"{size / 1e6:.0f} MB"


def speed_table(name: str, group: dict[str, Series], kinds: str) -> str:
    """One comparison."""
    data, model, kind = _parts(name)
    what = DATA[data] if data == "sounds-wav" else f"{DATA[data]} ({kinds})"
    head = f"{model}, {what}{TOLD[kind]}; examples per second"
    rows = []
    for key, words in NAMES.items():
        passes = group[key].facts["passes"]
        told = [_rates([rate(one) for one in passes]) for rate in (first, later, whole)]
        ratio = ["", ""] if key == "lab" else [_times(over(group, key, rate)) for rate in (later, whole)]
        rows.append([words.format(model), *told, *ratio])
    heads = ["first epoch ¹", "later epochs", f"{_epochs(group)} epochs in all ²"]
    return table([head, *heads, "Assay's speed over it, later epochs", "… in all"], rows)


def _rates(values: list[float]) -> str:
    return spread(values, lambda value: f"{value:.0f}")


def _times(values: list[float]) -> str:
    return spread(values, lambda value: f"{value:.2f}×")


def share_table(shares: dict[str, Series]) -> str:
    """Where the time of steps goes, and what a whole command takes beside them."""
    rows = []
    for model, one in shares.items():
        told = one.facts
        epochs = ", ".join(f"{share:.1%}" for share in told["epochs"])
        rows.append(
            [
                model,
                f"{told['share']:.1%}",
                epochs,
                f"{1e3 * told['step_s']:.0f}",
                f"{told['training_s']:.1f}",
                f"{told['whole_s']:.1f}",
            ]
        )
    heads = ["time in the network", "epoch by epoch", "ms a step", "all steps, s", "whole command, s ³"]
    return table([f"{2 * SHARE_BATCHES} steps of 32 media, augmented", *heads], rows)


def memory_table(memory: dict[str, Series]) -> str:
    """A set and a quarter of it under the same limit."""
    rows = []
    for one in memory.values():
        told = one.facts
        rows.append(
            [
                str(told["media"]),
                *(_megabytes(told[f"{what}_bytes"]) for what in ("decoded", "allowed", "grown", "reader")),
                "yes" if told["fits"] else "no",
                str(told["steps"]),
            ]
        )
    heads = ["decoded", "allowed ⁴", "most resident ⁵", "of a reading process", "could be mapped at once", "steps"]
    return table(["recordings of 60 s", *heads], rows)


def form_table(forms: dict[str, Series]) -> str:
    """All forms of what was trained for the shares."""
    rows, notes = [], []
    for model, one in forms.items():
        for form, told in one.facts["forms"].items():
            if "bytes" not in told:
                # What is not installed is missing to all alike, and told once.
                notes.append(told["missing"] if "missing" in told else f"{model}, {FORMS[form]}: {told['refused']}")
                continue
            rows.append(
                [
                    f"{model}, {FORMS[form]}",
                    f"{told['bytes'] / 1e6:.2f}",
                    _milliseconds(told["ms"]),
                    f"{told['difference']:.1g}",
                    f"{told['eer']:.3f}",
                ]
            )
    heads = ["MB", "ms for one input, one thread", "largest difference of a logit", "EER ⁶"]
    return table(["network, form", *heads], rows) + "".join(f"\nNot there: {note}\n" for note in dict.fromkeys(notes))


def _milliseconds(values: Sequence[float]) -> str:
    return spread(list(values), lambda value: f"{value:.2f}")


def markdown(groups: Groups, found: dict[str, Any]) -> str:
    """All tables."""
    busy = "" if found["load_before"] <= 0.3 * found["cores"] else (
        " **The machine was busy with something else: look at ratios, which were taken in turns, not at times.**"
    )  # fmt: skip
    packages = ", ".join(f"{name} {version}" for name, version in found["packages"].items())
    kinds = ", ".join(f"{count} {kind}" for kind, count in found["kinds"].items())
    several = compared(groups)
    workers = next(iter(several.values()))["loop"].facts["workers"]
    return "\n".join(
        [
            f"{found['date']}, commit {found['commit']}. {found['processor']} ({found['instructions']}),"
            f" {found['cores']} cores; {packages}. Load average before: {found['load_before']}.{busy}\n",
            table(["target", "measured", ""], targets(groups)),
            f"{found['train']} recordings to learn from and {found['dev']} to validate on, batches of {BATCH}; two"
            f" threads of PyTorch. Reading processes: {workers}.\n",
            *(speed_table(name, group, kinds) for name, group in several.items()),
            "¹ Decoding included: Assay's first epoch begins with the check and the cache. ² Everything between the"
            " files and the trained weights: validations and checkpoints, too.\n",
            share_table(groups["shares"]),
            "³ Decoding, validation, export to ONNX, figures with intervals, plots.\n",
            memory_table(groups["memory"]),
            "⁴ Of address space, beyond what the libraries take (RLIMIT_AS), for each process. ⁵ Beyond what was"
            " resident before the data were looked at.\n",
            form_table(groups["forms"]),
            "⁶ On the files that ranges of integers were taken from; the networks learnt for"
            f" {2 * SHARE_BATCHES} steps only.\n",
        ]
    )
