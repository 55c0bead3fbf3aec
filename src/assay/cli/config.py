"""`assay config`: the settings in force and where each comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from assay.settings import Settings

EPILOG = """\b
Examples:
  assay config
  assay config --format json
  assay config --format toml > assay.toml

Settings come from, last wins: defaults, the profile, the file (assay.toml or what ASSAY_CONFIG names), the
environment (ASSAY_MAX_FALSE_ALARM=0.001), the command line.
"""


def config(
    form: Annotated[
        Literal["text", "json", "toml"],
        typer.Option("--format", "-f", help="toml may be kept as assay.toml."),
    ] = "text",
) -> None:
    """Show every setting: its value, where it comes from and what it means."""
    from assay.cli.terminal import prepare, say, say_json
    from assay.settings import origin_of

    settings = prepare()
    values = shown(settings)
    origins = origin_of(settings)
    descriptions = {name: field.description or "" for name, field in type(settings).model_fields.items()}
    if form == "json":
        say_json({n: {"value": v, "origin": origins[n], "description": descriptions[n]} for n, v in values.items()})
    elif form == "toml":
        say("\n".join(toml_lines(settings)))
    else:
        width = max(len(f"{name} = {toml_value(value)}") for name, value in values.items())
        for name, value in values.items():
            say(f"{f'{name} = {toml_value(value)}':<{width}}  # {origins[name]}: {descriptions[name]}")


def shown(settings: Settings) -> dict[str, Any]:
    """Every value as it may be shown: of a URL all but its password, of another secret nothing."""
    from pydantic import SecretStr

    from assay.urls import masked

    values = settings.model_dump(mode="json")
    for name in values:
        value = getattr(settings, name)
        if isinstance(value, SecretStr) and "://" in value.get_secret_value():
            values[name] = masked(value.get_secret_value())
    return values


def toml_lines(settings: Settings) -> list[str]:
    """The settings as a TOML file that, read, gives the same; what is not set is a comment, and so are secrets."""
    from pydantic import SecretStr

    lines = []
    for name, value in shown(settings).items():
        lines.append(f"# {type(settings).model_fields[name].description}")
        secret = getattr(settings, name)
        if isinstance(secret, SecretStr) and secret.get_secret_value() != value:
            lines.append(f"# {name} = (set, not shown)")  # stars, read back, would be a wrong secret
        else:
            lines.append(f"# {name} = (not set)" if value is None else f"{name} = {toml_value(value)}")
    return lines


def toml_value(value: Any) -> str:
    """A value in TOML's notation; "(not set)" for None, which TOML lacks."""
    if value is None:
        return "(not set)"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_string(k)} = {toml_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, str):
        return _string(value)
    return repr(value).lower() if isinstance(value, bool) else repr(value)


def _string(text: str) -> str:
    # JSON's escapes are TOML's as well, but for DEL, which JSON leaves as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
