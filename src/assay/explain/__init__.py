"""What a network reacted to, where, and whether that can be trusted; see ``docs/explanation.md``.

    door.py ──> sound.py, pictures.py, videos.py (places hidden, the network asked again) ──> told.py, words.py
                grad_cam.py (torch and captum)

Decision: the public function is ``assay.explain``, and this package has its name, so the package itself can be called:
``assay.explain("recording.wav")`` is `assay.explain.door.explain`, whichever of the two was imported first.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from assay.explain.explanation import Band, Explanation, Faithfulness, Range, Region, Saliency

__all__ = ["Band", "Explanation", "Faithfulness", "Range", "Region", "Saliency"]


class _Callable(ModuleType):
    def __call__(self, source: Any, **arguments: Any) -> Explanation:
        """Explain one file; see `assay.explain.door.explain`."""
        from assay.explain.door import explain

        return explain(source, **arguments)


sys.modules[__name__].__class__ = _Callable
