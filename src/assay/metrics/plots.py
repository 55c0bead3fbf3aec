"""Curves of scored trials as SVG drawings, by matplotlib, which is loaded when the first is drawn.

Decisions: one look for all. Text, axes and grid are drawn in `currentColor` on nothing, so that a drawing takes the
colours of the page it stands in, light or dark; set the SVG's `color` where it stands alone. Data are blue for bona
fide and orange for spoof (Okabe and Ito's colours, told apart by the colour-blind), and never told by colour alone.
The same numbers give the same bytes.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
from numpy.typing import ArrayLike

from assay.errors import MissingExtra
from assay.look import BONA_FIDE_BLUE, SPOOF_ORANGE
from assay.metrics._validate import FloatArray, validate
from assay.metrics.calibration import reliability_curve
from assay.metrics.curves import auc, det_curve, equal_error_rate, precision_recall_curve, roc_curve
from assay.metrics.decisions import Confusion, confusion
from assay.metrics.selective import risk_coverage

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INK = "#010203"  # becomes currentColor
_SIZE_INCHES = (4.4, 3.6)
_STYLE: Final[dict[str, Any]] = {
    "svg.fonttype": "none",  # text stays text: it can be selected, and takes the font of the page
    "svg.hashsalt": "assay",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _INK,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.grid": True,
    "grid.color": _INK,
    "grid.alpha": 0.15,
    "legend.frameon": False,
    "legend.labelcolor": _INK,
}
# ln(p / (1 - p)) spreads small error rates much as the normal deviate of a DET plot does, without special functions.
_DET_TICKS: Final = (0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 0.999)


def drawn(title: str, draw: Callable[[Axes], None]) -> str:
    """An SVG of one set of axes.

    Args:
        title: Stands above, and is the drawing's name for screen readers.
        draw: Fills the axes.

    Raises:
        MissingExtra: If matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingExtra.of("report", "Drawing plots") from error
    with matplotlib.rc_context(cast("Any", _STYLE)):
        figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
        axes = figure.add_subplot()
        axes.set_title(title)
        draw(axes)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _inline(buffer.getvalue(), title)


def _inline(svg: str, title: str) -> str:
    """The drawing alone: no prologue, no metadata, ink in the page's colour, a name for screen readers."""
    body = svg[svg.index("<svg") :].replace(_INK, "currentColor")
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", body, flags=re.DOTALL)
    name = title.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return body.replace("<svg ", f'<svg role="img" aria-label="{name}" ', 1).strip()


def roc_plot(bona_fide: ArrayLike, spoof: ArrayLike) -> str:
    """Receiver operating characteristic, SVG; arguments and errors as of `roc_curve`."""
    curve = roc_curve(bona_fide, spoof)
    area = auc(bona_fide, spoof)

    def draw(axes: Axes) -> None:
        axes.plot(curve.false_alarm_rate, curve.detection_rate, color=SPOOF_ORANGE, label=f"AUC {area:.3f}")
        axes.plot([0, 1], [0, 1], color=_INK, linestyle=":", linewidth=1)
        axes.set(xlabel="bona fide called spoof", ylabel="spoof detected", xlim=(0, 1), ylim=(0, 1.01))
        axes.legend(loc="lower right")

    return drawn("ROC", draw)


def det_plot(bona_fide: ArrayLike, spoof: ArrayLike) -> str:
    """Detection error trade-off on axes of log odds, SVG; arguments and errors as of `det_curve`."""
    bona_fide, spoof = validate(bona_fide, spoof)
    curve = det_curve(bona_fide, spoof)
    rate = equal_error_rate(bona_fide, spoof).rate
    least = 0.5 / max(bona_fide.size, spoof.size)

    def odds(rates: FloatArray) -> FloatArray:
        kept = np.clip(rates, least, 1 - least)
        return np.asarray(np.log(kept / (1 - kept)), np.float64)

    ticks = np.array([tick for tick in _DET_TICKS if least <= tick <= 1 - least] or [0.5])
    names = [f"{100 * tick:g} %" for tick in ticks]

    def draw(axes: Axes) -> None:
        axes.plot(
            odds(curve.false_alarm_rate), odds(curve.miss_rate), color=SPOOF_ORANGE, label=f"EER {100 * rate:.1f} %"
        )
        edge = float(odds(np.array([least]))[0])
        axes.plot([edge, -edge], [edge, -edge], color=_INK, linestyle=":", linewidth=1)
        axes.set_xticks(odds(ticks), names)
        axes.set_yticks(odds(ticks), names)
        axes.set(xlabel="bona fide called spoof (BPCER)", ylabel="spoof called bona fide (APCER)")
        axes.legend(loc="lower left")

    return drawn("DET", draw)


def precision_recall_plot(bona_fide: ArrayLike, spoof: ArrayLike) -> str:
    """Precision against recall of spoof, SVG; arguments and errors as of `precision_recall_curve`."""
    bona_fide, spoof = validate(bona_fide, spoof)
    curve = precision_recall_curve(bona_fide, spoof)
    share = spoof.size / (spoof.size + bona_fide.size)

    def draw(axes: Axes) -> None:
        axes.plot(curve.recall, curve.precision, color=SPOOF_ORANGE)
        axes.axhline(share, color=_INK, linestyle=":", linewidth=1)
        axes.set(xlabel="spoof detected (recall)", ylabel="precision", xlim=(0, 1), ylim=(0, 1.01))

    return drawn("Precision and recall", draw)


def histogram_plot(bona_fide: ArrayLike, spoof: ArrayLike, *, threshold: float | None = None, unit: str = "") -> str:
    """How the scores of both keys are distributed, SVG.

    Args:
        bona_fide: Scores, shape (n,), n >= 1.
        spoof: Scores, shape (m,), m >= 1.
        threshold: Drawn as a line.
        unit: What the scores are, such as ``llr``.

    Raises:
        MetricInputError: If a class is empty or a score is not a finite float.
        MissingExtra: If matplotlib is not installed.
    """
    bona_fide, spoof = validate(bona_fide, spoof)
    both = np.concatenate([bona_fide, spoof])
    low, high = float(both.min()), float(both.max())
    edges = np.linspace(low, high, 31) if high > low else np.array([low - 0.5, low + 0.5])

    def draw(axes: Axes) -> None:
        for name, scores, colour, style in (
            ("bona fide", bona_fide, BONA_FIDE_BLUE, "-"),
            ("spoof", spoof, SPOOF_ORANGE, "--"),
        ):
            shares = np.histogram(scores, edges)[0] / scores.size
            axes.stairs(shares, edges, fill=True, color=colour, alpha=0.25)
            axes.stairs(shares, edges, color=colour, linestyle=style, label=name)
        if threshold is not None and np.isfinite(threshold):
            axes.axvline(threshold, color=_INK, linestyle=":", label="threshold")
        axes.set(xlabel=f"score ({unit})" if unit else "score", ylabel="share of trials")
        axes.legend()

    return drawn("Scores", draw)


def reliability_plot(bona_fide_llr: ArrayLike, spoof_llr: ArrayLike, *, prior: float | None = 0.5) -> str:
    """Calibration: share of spoof against posterior, SVG; arguments and errors as of `reliability_curve`."""
    curve = reliability_curve(bona_fide_llr, spoof_llr, prior=prior, n_bins=10, binning="equal_mass")

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=_INK, linestyle=":", linewidth=1)
        axes.plot(curve.posterior, curve.spoof_share, color=SPOOF_ORANGE, marker="o", markersize=4)
        axes.set(xlabel="probability told", ylabel="share of spoof", xlim=(0, 1), ylim=(0, 1))

    return drawn("Calibration", draw)


def risk_coverage_plot(bona_fide: ArrayLike, spoof: ArrayLike, *, threshold: float) -> str:
    """Share of wrong calls among the trials furthest from the threshold, SVG; see `risk_coverage`."""
    bona_fide, spoof = validate(bona_fide, spoof)
    scores = np.concatenate([bona_fide, spoof])
    keys = ["bona_fide"] * bona_fide.size + ["spoof"] * spoof.size
    curve = risk_coverage(scores, keys, np.abs(scores - threshold), threshold=threshold)

    def draw(axes: Axes) -> None:
        axes.plot(curve.coverage, curve.risk, color=SPOOF_ORANGE, label=f"mean {curve.area:.3f}")
        axes.set(xlabel="share of trials decided (surest first)", ylabel="share wrong among them", xlim=(0, 1))
        axes.set_ylim(bottom=0)
        axes.legend()

    return drawn("Risk and coverage", draw)


def confusion_plot(calls: Confusion) -> str:
    """The four counts at a threshold, SVG."""
    counts = np.array([[calls.cleared, calls.false_alarms], [calls.missed, calls.detected]])
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))

    def draw(axes: Axes) -> None:
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for row, column in np.ndindex(2, 2):
            ink = "#ffffff" if shares[row, column] > 0.5 else "#000000"
            text = f"{counts[row, column]}\n{shares[row, column]:.0%}"
            axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=12)
        axes.set_xticks([0, 1], ["called bona fide", "called spoof"])
        axes.set_yticks([0, 1], ["bona fide", "spoof"], rotation=90, va="center")
        axes.grid(visible=False)

    return drawn("Confusion matrix", draw)


def all_plots(
    bona_fide: ArrayLike, spoof: ArrayLike, *, threshold: float | None = None, llrs: bool = False
) -> dict[str, str]:
    """Every drawing that the scores allow, by name.

    Args:
        bona_fide: Scores of bona fide trials, shape (n,), higher means more spoof, n >= 1.
        spoof: Scores of spoof trials, shape (m,), m >= 1.
        threshold: A trial is called spoof when score >= threshold; None leaves out what needs one.
        llrs: Whether the scores are log-likelihood ratios; False leaves out the calibration.

    Raises:
        MetricInputError: If a class is empty or a score is not a finite float.
        MissingExtra: If matplotlib is not installed.
    """
    plots = {
        "scores": histogram_plot(bona_fide, spoof, threshold=threshold, unit="llr" if llrs else ""),
        "roc": roc_plot(bona_fide, spoof),
        "det": det_plot(bona_fide, spoof),
        "precision_recall": precision_recall_plot(bona_fide, spoof),
    }
    if llrs:
        plots["calibration"] = reliability_plot(bona_fide, spoof)
    if threshold is not None:
        plots["risk_coverage"] = risk_coverage_plot(bona_fide, spoof, threshold=threshold)
        plots["confusion"] = confusion_plot(confusion(bona_fide, spoof, threshold))
    return plots
