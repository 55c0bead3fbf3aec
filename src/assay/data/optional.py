"""Parts of the installation that only some commands need, imported when they do."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from assay.errors import MissingExtra


def optional(module: str, extra: str, purpose: str) -> ModuleType:
    """Import a module that an extra brings.

    Args:
        module: Its full name.
        extra: The extra of our distribution that holds it.
        purpose: What is being done, at the beginning of a sentence.

    Raises:
        MissingExtra: If it is not installed; names the extra.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == module.partition(".")[0]:
            raise MissingExtra.of(extra, purpose) from error
        raise
