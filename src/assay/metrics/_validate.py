"""Checks at the door of every metric; inside, the arrays are trusted.

Conventions of the whole package: `bona_fide` has shape (n,) and `spoof` shape (m,); scores go UP for spoof.
Scores are floats: integers and booleans are refused, because they are nearly always keys or decisions passed
by mistake. Everything is computed in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.errors import MetricInputError

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]
Labels: TypeAlias = Sequence[str] | NDArray[Any]

BONA_FIDE: Final = "bona_fide"
SPOOF: Final = "spoof"


def validate(bona_fide: ArrayLike, spoof: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Check the scores of both classes.

    Args:
        bona_fide: Scores of bona fide trials, shape (n,), n >= 1, finite floats, higher means more spoof.
        spoof: Scores of spoof trials, shape (m,), m >= 1.

    Returns:
        The same scores as float64.

    Raises:
        MetricInputError: If a class is empty, not one-dimensional, not of floats, or holds a NaN or an
            infinity.
    """
    return check_class(bona_fide, BONA_FIDE), check_class(spoof, SPOOF)


def check_class(scores: ArrayLike, key: str) -> FloatArray:
    """Check the scores of one class, which must have a trial."""
    checked = check_scores(scores, key)
    if checked.size == 0:
        raise MetricInputError(
            f"There is no {key} trial; this metric needs at least one bona fide and one spoof trial. Add "
            f"trials with the key '{key}', or check that the keys are spelt 'bona_fide' and 'spoof'.",
            key=key,
        )
    return checked


def check_scores(scores: ArrayLike, name: str) -> FloatArray:
    """Check one array of scores, which may be empty."""
    if isinstance(scores, np.ma.MaskedArray):
        raise MetricInputError(
            f"The {name} scores are a masked array, whose mask would be lost. Pass `scores.compressed()`."
        )
    try:
        given = np.asarray(scores)
    except (
        ValueError,
        TypeError,
        RuntimeError,
    ) as error:  # ragged lists; tensors on a GPU or with a gradient
        raise MetricInputError(f"The {name} scores are not a plain array: {error}. Pass shape (n,).") from error
    if given.ndim != 1:
        raise MetricInputError(
            f"The {name} scores have shape {given.shape}; one score per trial, shape (n,), is accepted. Use "
            "`scores.ravel()`, or take the column of the spoof class.",
            shape=list(given.shape),
        )
    if not np.issubdtype(given.dtype, np.floating):
        raise MetricInputError(
            f"The {name} scores have the type {given.dtype}; floats are accepted. If these are scores "
            "and not keys or decisions, convert them with `.astype(float)`.",
            dtype=str(given.dtype),
        )
    return _finite(given.astype(np.float64, copy=False), name)


def _finite(scores: FloatArray, name: str) -> FloatArray:
    bad = np.flatnonzero(~np.isfinite(scores))
    if bad.size:
        first = int(bad[0])
        raise MetricInputError(
            f"{bad.size} of {scores.size} {name} scores are not finite; the first, at index {first}, is "
            f"{scores[first]}. Correct the detector, or leave these trials out and say how many they are.",
            count=int(bad.size),
            first_index=first,
        )
    return scores


def key_mask(keys: Labels, n_trials: int) -> BoolArray:
    """Which trials are spoof, shape (n_trials,).

    Raises:
        MetricInputError: If the keys are not `n_trials` strings 'bona_fide' or 'spoof'.
    """
    given = check_labels(keys, n_trials, "keys")
    is_spoof: BoolArray = given == SPOOF
    unknown = np.flatnonzero(~is_spoof & (given != BONA_FIDE))
    if unknown.size:
        first = int(unknown[0])
        raise MetricInputError(
            f"{unknown.size} of {n_trials} keys are unknown; the first, at index {first}, is "
            f"'{given[first]}'. The keys 'bona_fide' and 'spoof' are accepted; rename the others.",
            count=int(unknown.size),
            first_index=first,
        )
    return is_spoof


def check_labels(labels: Labels, n_trials: int, name: str) -> NDArray[Any]:
    """Check that there is one string per trial; returns them as an array of str, shape (n_trials,)."""
    given = np.asarray(labels, dtype=object)
    if given.shape != (n_trials,):
        raise MetricInputError(
            f"The {name} have shape {given.shape} but there are {n_trials} scores; pass a string per trial.",
            shape=list(given.shape),
            n_trials=n_trials,
        )
    for index, label in enumerate(given):
        if not isinstance(label, str):
            raise MetricInputError(
                f"The {name} must be strings; the one at index {index} is {label!r}. Convert them first.",
                first_index=index,
            )
    # str.__str__ and not str(): members of a (str, Enum) class count by their value.
    return np.array([str.__str__(label) for label in given], dtype=np.str_)


def split_by_key(scores: ArrayLike, keys: Labels) -> tuple[FloatArray, FloatArray]:
    """Split the scores of a protocol into the two classes.

    Args:
        scores: One score per trial, shape (n_trials,), finite floats, higher means more spoof.
        keys: 'bona_fide' or 'spoof' per trial, shape (n_trials,).

    Returns:
        The bona fide scores, shape (n,), and the spoof scores, shape (m,), in their order; one of them may be
        empty.

    Raises:
        MetricInputError: If scores or keys are malformed or not of the same length.
    """
    checked = check_scores(scores, "given")
    is_spoof = key_mask(keys, checked.size)
    return checked[~is_spoof], checked[is_spoof]


def check_between(value: float, low: float, high: float, name: str) -> float:
    """Check that `low < value < high`; NaN fails."""
    if not low < value < high:
        raise MetricInputError(
            f"{name} is {value!r}; a number between {low:g} and {high:g}, both excluded, is accepted.",
            given=repr(value),
        )
    return float(value)


def check_threshold(threshold: float) -> float:
    """Check that a threshold is a number; the infinities are: -inf flags all trials, +inf none."""
    if np.isnan(threshold):
        raise MetricInputError("The threshold is NaN; pass a number on the scale of the scores.")
    return float(threshold)
