"""`assay keys`: API keys of the service. Each change is written into the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from assay.serve.access.keys import ApiKey
    from assay.serve.context import Context

app = typer.Typer(help="Make, list, rotate and revoke API keys of the service.", no_args_is_help=True)

CREATE_EPILOG = """\b
Examples:
  assay keys create newsroom --role user --days 90
  assay keys create scraper --scope metrics

Roles: user (predict, jobs, history), reviewer (user and review), enroller (speaker), monitor (metrics), admin (all).
The key is shown once and kept nowhere.
"""
LIST_EPILOG = """\b
Examples:
  assay keys list
  assay keys list --all --format json
"""
REVOKE_EPILOG = """\b
Examples:
  assay keys revoke 0a1b2c3d4e5f  # not run
"""
ROTATE_EPILOG = """\b
Examples:
  assay keys rotate 0a1b2c3d4e5f --overlap-hours 24  # not run

The new key belongs to the same holder: jobs and results stay theirs.
"""
PURPOSE = "Managing API keys"
Identifier = Annotated[str, typer.Argument(help="Public part of a key, as `assay keys list` shows it.")]
Form = Annotated[Literal["text", "json"], typer.Option("--format", "-f", help="For people or programs.")]


@app.command(epilog=CREATE_EPILOG)
def create(
    name: Annotated[str, typer.Argument(help="For whom or what, for people.")],
    role: Annotated[list[str] | None, typer.Option(help="Set of scopes. May be given again.")] = None,
    scope: Annotated[list[str] | None, typer.Option(help="Single scope. May be given again.")] = None,
    days: Annotated[float | None, typer.Option(help="Days until it expires; never if not given.")] = None,
    rate: Annotated[float | None, typer.Option(help="Requests a minute; that of serve_key_rate if not given.")] = None,
    form: Form = "text",
) -> None:
    """Make a key and show it, once."""
    from assay.cli.service import service

    with service(PURPOSE) as context:
        from assay.serve.access.keys import DAY_S, create_key

        with context.database.session() as session:
            lifetime_s = None if days is None else days * DAY_S
            key, text = create_key(session, name, [*(role or ()), *(scope or ())], lifetime_s=lifetime_s, rate=rate)
            _audit(context, session, "key.create", key)
        _show(key, text, form)


@app.command("list", epilog=LIST_EPILOG)
def list_(
    every: Annotated[bool, typer.Option("--all", help="Those that expired or were revoked, too.")] = False,
    form: Form = "text",
) -> None:
    """List keys; what is secret in them is not kept."""
    import time

    from assay.cli.service import service
    from assay.cli.terminal import say_json, table

    now = time.time()
    with service(PURPOSE) as context:
        from assay.serve.access.keys import list_keys

        with context.database.session() as session:
            found = [key for key in list_keys(session) if every or key.state(now) == "active"]
    if form == "json":
        say_json([_told(key, now) for key in found])
        return
    columns = ("id", "name", "state", "scopes", "expires", "last used", "holder")
    rows = []
    for told in (_told(key, now) for key in found):
        times = (told["expires_at"] or "never", told["last_used_at"] or "never")
        rows.append((told["id"], told["name"], told["state"], " ".join(told["scopes"]), *times, told["holder"]))
    table(columns, rows)


@app.command(epilog=REVOKE_EPILOG)
def revoke(identifier: Identifier) -> None:
    """Refuse a key from the next request on."""
    from assay.cli.service import service
    from assay.cli.terminal import say

    with service(PURPOSE) as context:
        from assay.serve.access.keys import revoke_key

        with context.database.session() as session:
            key = revoke_key(session, identifier)
            _audit(context, session, "key.revoke", key)
        say(f"{key.id} ({key.name}) is revoked")


@app.command(epilog=ROTATE_EPILOG)
def rotate(
    identifier: Identifier,
    overlap_hours: Annotated[float, typer.Option(min=0, help="Hours for which the old key stays good.")] = 24,
    form: Form = "text",
) -> None:
    """Give the holder of a key a new one, and let the old one expire."""
    from assay.cli.service import service

    with service(PURPOSE) as context:
        from assay.serve.access.keys import rotate_key

        with context.database.session() as session:
            key, text = rotate_key(session, identifier, overlap_s=3600 * overlap_hours)
            _audit(context, session, "key.rotate", key)
        _show(key, text, form)


def _audit(context: Context, session: Session, action: str, key: ApiKey) -> None:
    from assay.serve.access.principal import OPERATOR
    from assay.serve.operation.audit import append, seal_of

    detail = {"name": key.name, "scopes": key.scopes, "holder": key.holder, "expires_at": key.expires_at}
    append(session, seal_of(context.settings), OPERATOR, action, key.id, detail=detail)


def _show(key: ApiKey, text: str, form: str) -> None:
    import time

    from assay.cli.terminal import note, say, say_json

    if form == "json":
        say_json({**_told(key, time.time()), "key": text})
        return
    say(text)
    note(f"Key {key.id} of {key.name}: {key.scopes}. It is shown this once; keep it as a password.")


def _told(key: ApiKey, now: float) -> dict[str, Any]:
    """What may be shown of a key; times are ISO 8601, UTC."""
    from assay.serve.operation.history import iso

    times = ("created_at", "expires_at", "revoked_at", "last_used_at")
    return {
        "id": key.id,
        "name": key.name,
        "state": key.state(now),
        "scopes": key.scopes.split(),
        "holder": key.holder,
        "replaced_by": key.replaced_by,
        "rate": key.rate,
        **{name: None if getattr(key, name) is None else iso(getattr(key, name)) for name in times},
    }
