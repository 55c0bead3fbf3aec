"""The part of the settings that only the service asks for; every name begins with ``serve_``.

Not ``service_``: `ASSAY_SERVICE_HOST` and `ASSAY_SERVICE_PORT` are what Kubernetes sets for a service named assay.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
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

    serve_embedded_jobs: int = Field(
        1, ge=0, le=64, description="jobs that `assay serve` works on itself at a time; 0 leaves them to `assay worker`"
    )
    serve_max_jobs: int = Field(1000, ge=1, description="jobs that may wait in all; more are answered 503")
    serve_max_jobs_each: int = Field(500, ge=1, description="jobs of one API key that may wait; more are answered 429")
    serve_lease_s: float = Field(
        30.0, ge=1, le=3600, description="seconds after which a job of a worker that went silent is given to another"
    )
    serve_job_attempts: int = Field(
        3, ge=1, le=1000, description="times a job is begun if its workers die; then it has failed"
    )
    serve_job_timeout_s: float = Field(4 * 3600.0, gt=0, description="longest time that scoring one job may take")
    serve_stop_s: float = Field(
        30.0, ge=0, le=3600, description="seconds that jobs under way may take at shutdown before they wait again"
    )
    serve_keep_results_days: float = Field(30.0, gt=0, description="days after which ended jobs are removed")
    serve_webhook_hosts: tuple[str, ...] = Field(
        (), description="hosts that webhooks may go to: HOST, HOST:PORT or *.DOMAIN; none unless set"
    )
    serve_webhook_secret: SecretStr = Field(
        SecretStr(""), description="secret of at least 24 characters that signs webhooks; several, by blanks, all sign"
    )
    serve_webhook_http: bool = Field(False, description="let webhooks go without TLS, too")
    serve_webhook_private: bool = Field(
        False, description="let webhooks go to private and loopback addresses; link-local ones are never called"
    )
    serve_webhook_attempts: int = Field(
        8, ge=1, le=100, description="times a webhook is tried: after 5 s, 20 s, 80 s and so on, at most an hour apart"
    )
