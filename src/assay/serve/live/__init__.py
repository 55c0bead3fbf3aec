"""Live sound over a WebSocket: `/api/stream`; the protocol is told in docs/live.md.

router ──> room (who may come in, one engine) ──> session (one connection) ──> assay.live
"""

from assay.serve.live.router import router

__all__ = ["router"]
