"""The part of the settings that only the service asks for; every name begins with ``serve_``.

Not ``service_``: `ASSAY_SERVICE_HOST` and `ASSAY_SERVICE_PORT` are what Kubernetes sets for a service named assay.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings


class ServeSettings(BaseSettings):
    """What `assay serve` and `assay worker` can be told; `assay.settings.Settings` holds it with everything else."""

    serve_host: str = Field("127.0.0.1", description="address that the service listens on")
    serve_port: int = Field(5000, ge=0, le=65535, description="port that the service listens on; 0 for a free one")
    serve_folder: Path = Field(
        Path("assay-service"), description="folder of the service: uploads while they are scored, and its SQLite files"
    )
    serve_database: str = Field(
        "", description="SQLAlchemy URL of jobs, keys, audit and history; empty for a SQLite file in serve_folder"
    )
    serve_queue: str = Field(
        "",
        description="where workers take jobs from: redis://... or postgresql://...; empty for a SQLite file in"
        " serve_folder",
    )

    serve_jobs: int = Field(
        0, ge=0, le=256, description="files that the service scores at once; 0 for one more than there are cores"
    )
    serve_queue_size: int = Field(64, ge=1, description="most files that wait to be scored; beyond, requests get a 503")
    serve_timeout_s: float = Field(
        120.0, gt=0, le=86_400, description="longest that a request waits for its answer, its turn included"
    )
    serve_grace_s: float = Field(
        30.0, ge=0, le=3_600, description="seconds that the service, told to stop, gives what it is scoring"
    )
    serve_batch: int = Field(
        0,
        ge=0,
        le=256,
        description="stretches of sound of several requests in one call of the network; 0 for 8 on an accelerator and 1"
        " on a processor, where more is slower",
    )
    serve_batch_wait_ms: float = Field(
        4.0, ge=0, le=1_000, description="how long a stretch of sound waits for others to share a call with"
    )
    serve_max_upload_bytes: int = Field(2**29, gt=0, description="largest file that a request may send")
    serve_memory_bytes: int = Field(
        2**20, ge=0, le=2**30, description="files of a request that are held in memory, together; the rest go to disk"
    )
    serve_max_request_bytes: int = Field(2**30, gt=0, description="largest request, all its files together")
    serve_max_files: int = Field(32, ge=1, le=1_000, description="most files in one request of several")
    serve_max_uploads: int = Field(64, ge=1, description="most requests whose files arrive at the same time")
    serve_upload_wait_s: float = Field(
        15.0, gt=0, le=3_600, description="longest pause in a request that arrives; what every request has in any case"
    )
    serve_upload_bytes_per_s: int = Field(
        16_384, ge=1, description="slowest rate of a request that has used up serve_upload_wait_s"
    )
