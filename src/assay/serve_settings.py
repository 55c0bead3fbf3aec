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

    serve_live_streams: int = Field(64, ge=1, description="live streams that one process of the service hears at once")
    serve_live_streams_per_address: int = Field(
        32, ge=1, description="live streams that one process of the service hears at once from one address"
    )
    serve_live_threads: int = Field(
        2, ge=1, le=256, description="threads that score live streams, all of them together"
    )
    serve_live_buffer_s: float = Field(
        30.0, ge=2, description="seconds of live sound that may wait to be scored before the service stops reading"
    )
    serve_live_frame_s: float = Field(10.0, gt=0, description="longest frame of a live stream, seconds of sound")
    serve_live_idle_s: float = Field(
        30.0, gt=0, description="seconds without a frame after which a live stream is closed"
    )
