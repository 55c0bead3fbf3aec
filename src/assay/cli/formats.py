"""Forms in which `assay scan` writes results."""

from typing import Literal

Format = Literal["text", "json", "jsonl", "csv", "parquet"]
