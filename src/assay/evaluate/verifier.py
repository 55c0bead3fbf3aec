"""Scores of a speaker verifier, as the ASVspoof challenges publish them, for the tandem detection cost."""

from __future__ import annotations

from pathlib import Path

from assay.errors import ProtocolError
from assay.metrics import VerifierRates, verifier_rates

KEYS = ("target", "nontarget", "spoof")


def read_verifier(path: Path) -> VerifierRates:
    """Error rates of a verifier from its score file.

    A line is a trial; its last column is the score, higher for the same speaker, and the last but one its key:
    ``target``, ``nontarget`` or ``spoof``. Columns stand between spaces or commas; what stands before is ignored.

    Raises:
        ProtocolError: If the file cannot be read, a line is malformed, or a key has no trial.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ProtocolError(f"The verifier's scores '{path}' cannot be read: {error}. They must be UTF-8.") from error
    scores: dict[str, list[float]] = {key: [] for key in KEYS}
    for number, line in enumerate(lines, 1):
        words = line.replace(",", " ").split()
        if not words:
            continue
        try:
            scores[words[-2]].append(float(words[-1]))
        except (IndexError, KeyError, ValueError) as error:
            if number == 1:  # a header
                continue
            raise ProtocolError(
                f"'{path}' line {number}: '{line.strip()}' does not end in a key ({', '.join(KEYS)}) and a score."
            ) from error
    empty = [key for key, found in scores.items() if not found]
    if empty:
        raise ProtocolError(f"'{path}' has no {' and no '.join(empty)} trials; the t-DCF needs all three kinds.")
    return verifier_rates(scores["target"], scores["nontarget"], scores["spoof"])
