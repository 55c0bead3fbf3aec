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
