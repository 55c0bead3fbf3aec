"""Live streams against the clock: do so many keep up, how late are their scores, and what do they cost?

    python benchmarks/live.py                       # 20 streams for a minute, half of them telephone, half wide band
    python benchmarks/live.py --streams 40 --seconds 30 --json

A service of its own (uvicorn, loopback, on as many cores as `--cores` says) hears streams that send a frame of 0.1 s
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
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

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


def serve(port: int) -> None:
    """The service, in a process of its own."""
    import uvicorn
    from fastapi import FastAPI

    from assay.serve.context import Context
    from assay.serve.live import router
    from assay.settings import Settings

    settings = Settings(serve_live_streams=1_000, serve_live_streams_per_address=1_000)
    app = FastAPI()
    app.include_router(router(Context(settings=settings, database=None, scorer=None)))  # type: ignore[arg-type]
    uvicorn.run(app, port=port, log_level="critical")


def free_port() -> int:
    """A port that nobody listens on."""
    import socket

    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    """Until the service answers."""
    import socket

    while server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("the service did not start")


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", type=int, metavar="PORT", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Measure, print, and end with 1 if the streams did not keep up."""
    arguments = parse()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-arguments.cores :])
    if arguments.serve is not None:
        serve(arguments.serve)
        return
    before, port = os.getloadavg()[0], free_port()
    server = subprocess.Popen([sys.executable, __file__, "--serve", str(port), "--cores", str(arguments.cores)])
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
    sys.exit(found["late_share"] > 0.001 or found["behind_s_worst"] > LATE_S)


if __name__ == "__main__":
    main()
