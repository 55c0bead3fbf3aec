"""What a report is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from assay.report.seen import Seen

if TYPE_CHECKING:
    from assay.explain import Explanation
    from assay.models.card import Card
    from assay.result import ScanResult


@dataclass(frozen=True, eq=False)
class Given:
    """A result with whatever else is at hand.

    Attributes:
        result: The answer.
        seen: What its medium shows; None without the medium.
        explanation: Where the network reacted; None if nobody asked.
        card: Of the model that answered; None if it is not known here.
        settings: Names and values in force beyond what the result holds; empty if not known.
    """

    result: ScanResult
    seen: Seen | None = None
    explanation: Explanation | None = None
    card: Card | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
