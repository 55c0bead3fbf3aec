"""What one would write without Assay's service: a handler that calls the model once per request, and nothing else.

    python benchmarks/service_plain.py PORT

No limits, no queue, no file on disk, no time-outs; FastAPI's own form parser, thread pool (40 threads) and encoder.
"""

from __future__ import annotations

import sys

import uvicorn
from fastapi import FastAPI, UploadFile

from assay import Detector, ScanResult

app = FastAPI()
detector = Detector()


@app.get("/readyz")
def ready() -> bool:
    """Whether it runs."""
    return True


@app.post("/api/predict/audio")
def predict(file: UploadFile) -> ScanResult:
    """Scan a recording."""
    return detector.scan(file.file.read(), name=file.filename)


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False)
