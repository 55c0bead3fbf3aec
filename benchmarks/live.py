"""Live streams against the clock: do so many keep up, how late are their scores, and what do they cost?

    python benchmarks/live.py                       # 20 streams for a minute, half of them telephone, half wide band
    python benchmarks/live.py --streams 40 --seconds 30 --json

`assay serve` (loopback, on as many cores as `--cores` says) hears streams that send a frame of 0.1 s
every 0.1 s, begun at times spread over a second. Latency is from when the last frame of a second was sent until its
update is there, seen by the client, which shares the cores. The streams keep up if no more than one score in a thousand
takes longer than 1.5 s. The load of the machine before it began is printed: on a busy one latencies are those of the
machine, and only the processor time tells about the service.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import machine
import numpy as np
import page
import soundfile
from service import answers, free_port

FRAME_S = 0.1
LATE_S = 1.5  # what a score may take
SOUND = Path(__file__).parent.parent / "examples" / "media" / "human-long.flac"


def sounds() -> dict[str, tuple[str, int, bytes]]:
    """Address, bytes per second and bytes of each kind of stream."""
    import io

    import soxr

    samples, rate = soundfile.read(SOUND, dtype="float32")
    file = io.BytesIO()
    narrow = soxr.resample(samples, rate, 8_000)
    soundfile.write(file, narrow, 8_000, format="RAW", subtype="ULAW")
    wide = np.round(soxr.resample(samples, rate, 16_000) * 32767).astype("<i2").tobytes()
    return {
        "mulaw 8 kHz": ("encoding=mulaw&sample_rate=8000", 8_000, file.getvalue()),
        "pcm16 16 kHz": ("encoding=pcm16&sample_rate=16000", 32_000, wide),
    }


async def stream(port: int, kind: tuple[str, int, bytes], seconds: int, seed: int) -> dict[str, Any]:
    """One client: sends in real time, and notes when each update came."""
    from websockets.asyncio.client import connect

    query, second_bytes, sound = kind
    chance = random.Random(seed)
    step = round(second_bytes * FRAME_S)
    at = chance.randrange(len(sound) // step) * step
    sent: dict[int, float] = {}
    late: list[float] = []
    behind = 0.0
    await asyncio.sleep(chance.random())
    async with connect(f"ws://127.0.0.1:{port}/api/stream?{query}", max_size=None) as socket:
        assert json.loads(await socket.recv())["type"] == "ready"

        async def hear() -> float:
            nonlocal behind
            async for text in socket:
                message = json.loads(text)
                if message["type"] == "update":
                    late.append(time.perf_counter() - sent[round(message["time_s"])])
                    behind = message["behind_s"]
                elif message["type"] == "result":
                    return time.perf_counter()
                elif message["type"] == "error":
                    raise RuntimeError(message["message"])
            raise RuntimeError("the service closed without a result")

        heard = asyncio.create_task(hear())
        started = time.perf_counter()
        for frame in range(round(seconds / FRAME_S)):
            await asyncio.sleep(max(0.0, started + (frame + 1) * FRAME_S - time.perf_counter()))
            await socket.send(sound[at : at + step])
            at = at + step if at + 2 * step <= len(sound) else 0
            if (frame + 1) % round(1 / FRAME_S) == 0:
                sent[(frame + 1) // round(1 / FRAME_S)] = time.perf_counter()
        await socket.send('{"type": "end"}')
        ended = await heard
    return {"late": late, "wall_s": ended - started, "behind_s": behind}


def processor_s(pid: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_bytes(pid: int) -> int:
    """Most memory that a process ever had resident."""
    return 1024 * int(Path(f"/proc/{pid}/status").read_text(encoding="ascii").split("VmHWM:")[1].split()[0])


async def load(port: int, pid: int, streams: int, seconds: int) -> dict[str, Any]:
    """All streams at once."""
    kinds = list(sounds().values())
    await stream(port, kinds[0], 6, 0)  # loads the model
    before = processor_s(pid)
    found = await asyncio.gather(*(stream(port, kinds[n % len(kinds)], seconds, n) for n in range(streams)))
    late = np.sort(np.concatenate([one["late"] for one in found]))
    return {
        "streams": streams,
        "seconds": seconds,
        "updates": late.size,
        "latency_p50_s": round(float(np.quantile(late, 0.5)), 4),
        "latency_p95_s": round(float(np.quantile(late, 0.95)), 4),
        "latency_max_s": round(float(late[-1]), 4),
        "late_share": round(float(np.mean(late > LATE_S)), 5),
        "real_time_factor_worst": round(max(one["wall_s"] for one in found) / seconds, 4),
        "behind_s_worst": round(max(one["behind_s"] for one in found), 3),
        "cpu_ms_per_stream_second": round((processor_s(pid) - before) * 1e3 / (streams * seconds), 3),
        "peak_mb": round(peak_bytes(pid) / 1e6),
    }


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    """Until the service is ready."""
    while server.poll() is None:
        if answers(port):
            return
        time.sleep(0.2)
    raise RuntimeError("the service did not start")


def section(found: dict[str, Any], facts: dict[str, Any]) -> str:
    """What benchmarks/README.md says of it."""
    kept = "met" if keeps_up(found) else "missed"
    return "\n".join(
        [
            f"{facts['date']}, commit {facts['commit']}. {facts['processor']} ({facts['instructions']}),"
            f" {found['cores']} cores. Load average before: {found['load_before']}.",
            "",
            f"{found['streams']} streams of {found['seconds']} s at once, clients on the same cores:"
            f" {found['updates']:,} scores, {found['latency_p50_s']:.3f} s late in the middle,"
            f" {found['latency_p95_s']:.3f} s at the 95th"
            f" percentile, {found['latency_max_s']:.2f} s at most (at most {LATE_S:g} s: {kept});"
            f" {found['cpu_ms_per_stream_second']:.1f} ms of processor time for a second of one stream,"
            f" {found['peak_mb']} MB at most.",
        ]
    )


def keeps_up(found: dict[str, Any]) -> bool:
    """No more than one score in a thousand is late, and no stream is behind at its end."""
    return bool(found["late_share"] <= 0.001 and found["behind_s_worst"] <= LATE_S)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true", help="put it on benchmarks/README.md")
    return parser.parse_args()


def main() -> None:
    """Measure, print, and end with 1 if the streams did not keep up."""
    arguments = parse()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-arguments.cores :])
    before, port = os.getloadavg()[0], free_port()
    with tempfile.TemporaryDirectory() as folder:
        given = {"ASSAY_SERVE_LIVE_STREAMS": "1000", "ASSAY_SERVE_LIVE_STREAMS_PER_ADDRESS": "1000"}
        command = [sys.executable, "-m", "assay", "serve", "--port", str(port)]
        server = subprocess.Popen(command, cwd=folder, env={**os.environ, **given}, stderr=subprocess.DEVNULL)
        try:
            wait_for(port, server)
            found = asyncio.run(load(port, server.pid, arguments.streams, arguments.seconds))
        finally:
            server.terminate()
            server.wait()
    found = {"cores": len(os.sched_getaffinity(0)), "load_before": round(before, 2), **found}
    if arguments.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:>26}  {value}")
    if arguments.write:
        page.write_page({"live": section(found, machine.facts())}, Path(__file__).parent / "README.md")
    sys.exit(not keeps_up(found))


if __name__ == "__main__":
    main()
