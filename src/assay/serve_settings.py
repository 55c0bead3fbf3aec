"""The part of the settings that only the service asks for; every name begins with ``serve_``.

Not ``service_``: `ASSAY_SERVICE_HOST` and `ASSAY_SERVICE_PORT` are what Kubernetes sets for a service named assay.
"""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator
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
