"""A small service of our own: the rooms under test around endpoints that say who asked."""

import warnings
from typing import Annotated

from fastapi import Depends, FastAPI, WebSocket

from assay.result import ModelReference, OperatingPointInForce, Reason, ScanResult
from assay.serve.access import Principal, install, require
from assay.serve.context import Context
from assay.serve.database import Database
from assay.settings import Settings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # starlette would rather have httpx2
    from starlette.testclient import TestClient, WebSocketDenialResponse  # noqa: F401 - for the tests

REASON = Reason(code="toy", text="made by hand")


def make_context(folder, **settings):
    """Settings in force and a fresh SQLite file, with all tables."""
    import assay.serve.access.keys
    import assay.serve.operation  # noqa: F401 - both declare tables

    made = Settings(serve_folder=folder / "service", **settings)
    database = Database.of(made)
    database.create_tables()
    return Context(settings=made, database=database, scorer=None)


def make_app(context, **more):
    """Endpoints that say who asked, behind the guard."""
    app = FastAPI()

    @app.get("/livez")
    def livez():
        return {"alive": True}

    @app.get("/open")
    def forgetful():
        return {"secret": True}

    @app.post("/predict/{name}")
    def predict(name: str, principal: Annotated[Principal, Depends(require("predict"))]):
        return {"id": principal.id, "name": principal.name, "scopes": sorted(principal.scopes)}

    @app.websocket("/live")
    async def live(socket: WebSocket, principal: Annotated[Principal, Depends(require("predict"))]):
        await socket.accept()
        await socket.send_json({"id": principal.id})
        await socket.close()

    install(app, context, **more)
    return app


def client_of(app, **more):
    """A client of the app, by a name that a service on loopback answers to."""
    return TestClient(app, base_url="http://localhost", **more)


def make_key(context, *allowed, **more):
    """A fresh key and its text."""
    from assay.serve.access.keys import create_key

    with context.database.session() as session:
        return create_key(session, "toy", allowed or ("user",), **more)


def bearer(text):
    return {"Authorization": f"Bearer {text}"}


def make_result(llr=1.0, *, verdict=None, media="audio", sha256="a" * 64, model="toy-model", threshold=2.0):
    """A result by hand: spoof at or above the threshold, bona fide at or below 0."""
    point = OperatingPointInForce(
        max_false_alarm=0.01, threshold_llr=threshold, bona_fide_below_llr=0.0, prior=0.5, extrapolated=False
    )
    told = "spoof" if llr >= threshold else "bona_fide" if llr <= 0 else "inconclusive"
    return ScanResult(
        path="somewhere/secret-name.wav",
        sha256=sha256,
        media=media,
        container="wav",
        codec="pcm",
        verdict=verdict or told,
        spoof_probability=0.5,
        llr=llr,
        interval=None,
        segments=(),
        timeline=(),
        findings=(),
        reasons=(REASON,),
        not_analysed=(),
        model=ModelReference(name=model, version="1", sha256="b" * 64),
        operating_point=point,
        timings_ms={"total": 12.0},
    )
