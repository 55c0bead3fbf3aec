"""The part of the settings that only the service asks for; every name begins with ``serve_``.

Not ``service_``: `ASSAY_SERVICE_HOST` and `ASSAY_SERVICE_PORT` are what Kubernetes sets for a service named assay.
"""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings


class ServeSettings(BaseSettings):
    """What `assay serve` and `assay worker` can be told; `assay.settings.Settings` holds it with everything else."""

    serve_host: str = Field("127.0.0.1", description="address that the service listens on")
    serve_port: int = Field(5000, ge=0, le=65535, description="port that the service listens on; 0 for a free one")
    serve_folder: Path = Field(
        Path("assay-service"), description="folder of the service: uploads while they are scored, and its SQLite files"
    )
    serve_database: SecretStr = Field(
        SecretStr(""),
        description="SQLAlchemy URL of jobs, keys, audit and history; empty for a SQLite file in serve_folder",
    )
    serve_queue: SecretStr = Field(
        SecretStr(""),
        description="where workers take jobs from: redis://... or postgresql://...; empty for a SQLite file in"
        " serve_folder",
    )

    serve_require_key: bool | None = Field(
        None, description="whether a request needs an API key; not set: unless the service listens on loopback only"
    )
    serve_allowed_hosts: tuple[str, ...] = Field(
        (),
        description="names by which clients may call the service, beside those of loopback; empty: on loopback no"
        " others, elsewhere any",
    )
    serve_cors_origins: tuple[str, ...] = Field(
        (), description="origins, such as https://example.org, whose pages may call the service from a browser"
    )
    serve_trusted_proxies: tuple[str, ...] = Field(
        (), description="addresses or networks of reverse proxies whose X-Forwarded-For is believed"
    )
    serve_key_rate: float = Field(600, ge=0, description="requests a minute with one API key; 0 for no limit")
    serve_address_rate: float = Field(
        1200, ge=0, description="requests a minute from one address, where keys are required; 0 for no limit"
    )
    serve_metrics_open: bool = Field(False, description="whether /metrics answers without a key")
    serve_keep_history_days: float = Field(
        90, ge=0, allow_inf_nan=False, description="days that results are kept; 0 keeps none"
    )
    serve_keep_media_days: float = Field(
        30, gt=0, allow_inf_nan=False, description="days that media which were kept on purpose are kept"
    )
    serve_keep_audit_days: float = Field(365, ge=1, allow_inf_nan=False, description="days that the audit log is kept")
    serve_audit_key_file: Path | None = Field(
        None, description="file with a secret of at least 32 bytes, by which the audit log is sealed"
    )
    serve_drift_reference: Literal["first", "card"] = Field(
        "first",
        description="what scores are compared with: the first ones of a model here, or bona fide files on its card",
    )
    serve_drift_batch: int = Field(200, ge=20, le=5000, description="scores that are compared at a time")
    serve_drift_false_alert: float = Field(
        0.01, gt=0, lt=1, description="accepted probability that a model ever gives a false alert of drift"
    )

    serve_jobs: int = Field(
        0, ge=0, le=256, description="files that the service scores at once; 0 for one more than there are cores"
    )
    serve_queue_size: int = Field(64, ge=1, description="most files that wait to be scored; beyond, requests get a 503")
    serve_timeout_s: float = Field(
        120.0, gt=0, le=86_400, description="longest that a request waits for its answer, its turn included"
    )
    serve_grace_s: float = Field(
        30.0,
        ge=0,
        le=3_600,
        description="seconds that service and workers, told to stop, give what they score",
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

    @field_validator("serve_cors_origins")
    @classmethod
    def _origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            parts = urlsplit(origin)
            if parts.scheme not in ("http", "https") or origin != f"{parts.scheme}://{parts.netloc}" or "*" in origin:
                raise ValueError(f"'{origin}' is no origin; write https://example.org, without a path and without '*'")
        return origins

    @field_validator("serve_trusted_proxies")
    @classmethod
    def _networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            ip_network(network, strict=False)
        return networks
