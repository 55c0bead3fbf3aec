"""What the shell offers while a command is typed."""

from __future__ import annotations

import json
from pathlib import Path


def model_names(incomplete: str = "") -> list[str]:
    """Names of the models that begin like this; read from the cards without loading what checks them."""
    return [name for name in _cards() if name.startswith(incomplete)]


def detector_names(incomplete: str = "") -> list[str]:
    """Names of the detectors that begin like this."""
    return [name for name, kind in _cards().items() if kind.endswith("-detector") and name.startswith(incomplete)]


def _cards() -> dict[str, str]:
    """Kind of each model by its name."""
    folder = Path(__file__).parent.parent / "weights"
    return {path.stem: _kind(path) for path in sorted(folder.glob("*.json"))}


def _kind(card: Path) -> str:
    """The kind on a card; empty for a broken one, about which the command will tell."""
    try:
        return str(json.loads(card.read_text(encoding="utf-8"))["kind"])
    except (OSError, ValueError, LookupError, TypeError):
        return ""
