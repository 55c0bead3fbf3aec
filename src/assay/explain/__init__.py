"""What a network reacted to, where, and whether that can be trusted; see ``docs/explanation.md``."""

from assay.explain.explanation import Band, Explanation, Faithfulness, Range, Region, Saliency

__all__ = ["Band", "Explanation", "Faithfulness", "Range", "Region", "Saliency"]
