"""Jobs: a file is handed in, scored later by a worker, and its result fetched or announced by webhook.

    routes ───> store (database: the truth) ───> wake ───> queue (huey) ───> worker ───> runner ───> store
                  ^                                                            |
                  └──────────── leases beaten, jobs woken again, files and old jobs removed (keeper)

Decisions
- The database says what each job's state is; every change of it is one compare-and-set transaction. The queue holds
  nothing but ids and may lose or repeat any of them: a sweep puts ids in again, and a claim succeeds once.
- A worker holds a job by a lease that it keeps alive. A worker that dies stops doing so, and the job goes again.
  A result is written once, and only by whoever holds the lease, so what a late worker finds is dropped.
- Scoring may therefore begin more than once (a kill in the middle), its result counts exactly once.
- Times are those of the database, so that clocks of several machines need not agree.
"""

from __future__ import annotations

from assay.serve.jobs.recording import recorder
from assay.serve.jobs.routes import router
from assay.serve.jobs.webhooks import verify
from assay.serve.jobs.worker import Worker, start_embedded

__all__ = ["Worker", "recorder", "router", "start_embedded", "verify"]
