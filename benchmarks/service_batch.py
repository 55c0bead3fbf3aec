"""The same files in process: `Detector.scan_many` on as many threads as there are cores.

    python benchmarks/service_batch.py JOBS FILE...

Reads a number of files from each line of standard input, scans that many, and prints seconds and processor seconds.
"""

from __future__ import annotations

import json
import sys
import time
from itertools import cycle, islice

from assay import Detector


def main() -> None:
    """Answer line by line."""
    detector, files = Detector(jobs=int(sys.argv[1])), sys.argv[2:]
    list(detector.scan_many(files, expanded=True))
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        count, wall_s, cpu_s = int(line), time.perf_counter(), time.process_time()
        failed = sum(
            not hasattr(one, "verdict") for one in detector.scan_many(islice(cycle(files), count), expanded=True)
        )
        spent = {"wall_s": time.perf_counter() - wall_s, "cpu_s": time.process_time() - cpu_s, "failed": failed}
        print(json.dumps(spent), flush=True)


if __name__ == "__main__":
    main()
