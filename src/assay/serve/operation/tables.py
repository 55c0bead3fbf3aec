"""What is kept of results: one row for each, what people said about it, and counts. Seconds since 1970, UTC."""

from __future__ import annotations

from sqlalchemy import BigInteger, Float, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from assay.serve.database import Base

# SQLite counts rows up by itself only where the key is its INTEGER.
Identifier = BigInteger().with_variant(Integer, "sqlite")
# And gives the number of a row that was removed to no other only if told so; PostgreSQL never does.
ONCE = {"sqlite_autoincrement": True}


class HistoryEntry(Base):
    """A result as the machine gave it; never changed, but for `kept`.

    Attributes:
        owner: `assay.serve.access.Principal.id` of who asked.
        label: Name as the sender gave it.
        fresh: Whether this model had not seen this file here before; only such scores tell about drift.
        threshold_llr, bona_fide_below_llr, max_false_alarm: In force then; None where no detector was asked.
        kept: Where the file is kept on purpose, or None.
        job: The job that it came from, or None.
    """

    __tablename__ = "history"
    __table_args__ = (Index("history_drift", "media", "model_sha256", "fresh", "id"), ONCE)

    id: Mapped[int] = mapped_column(Identifier, primary_key=True, autoincrement=True)
    at: Mapped[float] = mapped_column(Float(53), index=True)
    owner: Mapped[str] = mapped_column(String(64), index=True)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    label: Mapped[str] = mapped_column(String(255))
    media: Mapped[str] = mapped_column(String(16))
    verdict: Mapped[str] = mapped_column(String(16), index=True)
    llr: Mapped[float | None] = mapped_column(Float(53))
    spoof_probability: Mapped[float | None] = mapped_column(Float(53))
    model: Mapped[str] = mapped_column(String(64))
    model_version: Mapped[str] = mapped_column(String(64))
    model_sha256: Mapped[str] = mapped_column(String(64))
    threshold_llr: Mapped[float | None] = mapped_column(Float(53))
    bona_fide_below_llr: Mapped[float | None] = mapped_column(Float(53))
    max_false_alarm: Mapped[float | None] = mapped_column(Float(53))
    fresh: Mapped[bool]
    kept: Mapped[str | None] = mapped_column(Text)
    job: Mapped[str | None] = mapped_column(String(64), unique=True)
    reviews: Mapped[list[Review]] = relationship(order_by="Review.id", passive_deletes=True, lazy="selectin")


class Review(Base):
    """What a person said about a result; only ever added.

    Attributes:
        kind: ``appeal`` or ``override``.
        verdict: Of an override; that of the machine stays where it is.
        answers: Of an override: the appeal that it decides, or None.
    """

    __tablename__ = "history_reviews"
    __table_args__ = ONCE

    id: Mapped[int] = mapped_column(Identifier, primary_key=True, autoincrement=True)
    entry: Mapped[int] = mapped_column(ForeignKey("history.id", ondelete="CASCADE"), index=True)
    at: Mapped[float] = mapped_column(Float(53))
    kind: Mapped[str] = mapped_column(String(16))
    by: Mapped[str] = mapped_column(String(64))
    by_name: Mapped[str] = mapped_column(String(200))
    verdict: Mapped[str | None] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(Text)
    answers: Mapped[int | None] = mapped_column(BigInteger)


class ScanCount(Base):
    """Scans since the database was made, by all processes; history may be purged, this only rises.

    Attributes:
        outcome: A verdict, or ``failed``.
    """

    __tablename__ = "scan_counts"

    media: Mapped[str] = mapped_column(String(16), primary_key=True)
    outcome: Mapped[str] = mapped_column(String(16), primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)
