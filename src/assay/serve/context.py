"""What the rooms of the service share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assay.serve.database import Database
from assay.settings import Settings


@dataclass(frozen=True, eq=False)
class Context:
    """One for each process; in ``app.state.context``.

    Attributes:
        settings: In force.
        database: Of jobs, keys, audit and history.
        scorer: `assay.serve.scoring.Scorer`: scans files, bounded and batched.
    """

    settings: Settings
    database: Database
    scorer: Any
