"""Speed and memory of Assay on a video, side by side with plain decoding.

    python benchmarks/videos.py --from PHOTOGRAPH [--seconds 20]     # prints a table; writes nothing

A 1080p clip is made of one photograph of a face that drifts; it is scanned five frames a second on one thread, each run
in a process of its own. Beside it PyAV decodes every frame to RGB, which is the least that a loop over frames costs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from portraits import SHARED, photographs

# The most that this program held; what getrusage tells begins with what its parent held.
PEAK = """
def peak():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
"""
SCAN = """
import json, sys, time
from assay import Detector
detector = Detector(jobs=1)
detector.scan(sys.argv[1])
begun = time.perf_counter()
found = detector.scan(sys.argv[1])
spent = time.perf_counter() - begun
print(json.dumps([spent, peak(), found.duration_s, len(found.persons)]))
"""
DECODE = """
import av, json, sys, time
begun = time.perf_counter()
with av.open(sys.argv[1]) as file:
    stream = file.streams.video[0]
    stream.thread_count = 1
    for frame in file.decode(stream):
        frame.to_ndarray(format="rgb24")
spent = time.perf_counter() - begun
print(json.dumps([spent, peak(), 0, 0]))
"""


def make(path: Path, photograph: Path, seconds: int) -> None:
    """A 1080p clip of 25 frames a second in which the photograph drifts over grey."""
    import av
    import numpy as np
    from PIL import Image

    with Image.open(photograph) as image:
        face = image.convert("RGB").resize((720, round(720 * image.height / image.width)))
    rng = np.random.default_rng(0)
    ground = Image.fromarray(rng.integers(90, 130, (1080, 1920, 3)).astype(np.uint8)).resize((1920, 1080))
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        for number in range(25 * seconds):
            shown = ground.copy()
            shown.paste(face, (600 + round(80 * np.sin(number / 20)), 100))
            file.mux(stream.encode(av.VideoFrame.from_image(shown)))
        file.mux(stream.encode(None))


def run(code: str, path: Path) -> list[float]:
    """What a program prints, in a process with one thread for everything."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run(
        [sys.executable, "-c", PEAK + code, str(path)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **threads},
    )
    numbers: list[float] = json.loads(done.stdout.splitlines()[-1])
    return numbers


def main() -> None:
    """Make the clip, take turns, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", type=Path, default=SHARED, dest="source", help="a photograph of a face, or a folder")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--turns", type=int, default=3)
    arguments = parser.parse_args()
    found = photographs(arguments.source, 1)
    if not found:
        sys.exit(
            f"Nothing was measured: there are no photographs of faces in {arguments.source}; name one with --from."
        )
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        make(clip, found[0], arguments.seconds)
        runs = [(run(SCAN, clip), run(DECODE, clip)) for _ in range(arguments.turns)]
    print(
        "| one thread, 1080p, 25 frames a second | seconds | times real time | peak memory |\n| --- | --: | --: | --: |"
    )
    for name, column in (("**Assay, whole scan, 5 frames a second**", 0), ("PyAV, every frame to RGB", 1)):
        spent = statistics.median(turn[column][0] for turn in runs)
        peak = statistics.median(turn[column][1] for turn in runs)
        print(f"| {name} | {spent:.2f} | {arguments.seconds / spent:.1f} | {peak:.0f} MB |")
    print(f"\nPersons found: {runs[0][0][3]:g}.")


if __name__ == "__main__":
    main()
