"""Ends of jobs go into history, audit log and counts, in the transaction that writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.serve.access.principal import Principal
from assay.serve.jobs.worker import folder_of
from assay.serve.operation.recording import record

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from assay.result import Outcome
    from assay.serve.context import Context
    from assay.serve.jobs.leases import Claim, Recorder


def recorder(context: Context) -> Recorder:
    """What a worker calls at every end that counts; the job belongs to whoever handed it in."""
    folder = folder_of(context.settings).resolve()

    def write(session: Session, claim: Claim, outcome: Outcome) -> None:
        owner = Principal(claim.owner, claim.owner, frozenset())
        kept = folder / claim.media if claim.keep else None
        record(context, owner, outcome, claim.label, kept=kept, job=claim.job_id, session=session)

    return write
