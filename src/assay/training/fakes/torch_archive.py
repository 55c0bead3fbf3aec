"""Reads the tensors of a PyTorch archive without unpickling it.

A whole model saved by ``torch.save`` is a pickle, and a pickle is a program: loading it runs what its author wrote.
Here the pickle's opcodes are walked and only noted down; nothing is imported, called or built, so a hostile file can at
worst be refused. The format: a zip with ``data.pkl`` and one file of raw little-endian values per storage.

References:
    ``torch.serialization`` and ``torch._utils._rebuild_tensor_v2`` (PyTorch), ``pickletools`` (Python).
"""

from __future__ import annotations

import pickletools
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from assay.errors import TrainingError

VALUES: dict[str, np.dtype[Any]] = {
    "FloatStorage": np.dtype("<f4"),
    "LongStorage": np.dtype("<i8"),
    "HalfStorage": np.dtype("<f2"),
}
# What a file that is none, is cut off or lies about itself raises in zipfile, pickletools, numpy, torch and here.
_BROKEN = (
    *(OSError, zipfile.BadZipFile, zlib.error, StopIteration, ValueError, LookupError, TypeError),
    *(AttributeError, RuntimeError, MemoryError),
)


@dataclass
class _Noted:
    """A call or an object that the pickle asks for: what it would call, with what, and the state it would set."""

    function: Any
    arguments: Any
    state: Any = None
    items: dict[Any, Any] = field(default_factory=dict)


class _Mark:
    pass


def read_modules(path: Path) -> dict[str, torch.Tensor]:
    """State dict of a ``torch.nn.Module`` that was saved whole.

    Raises:
        TrainingError: If the file is not such an archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            pickled = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
            folder = pickled.removesuffix("data.pkl")
            state: dict[str, torch.Tensor] = {}
            _collect(_note(archive.read(pickled)), "", state, archive, folder)
    except _BROKEN as error:
        raise TrainingError(f"'{path}' is no PyTorch archive of a module: {error!r}.") from error
    return state


def _note(pickled: bytes) -> Any:
    """What the pickle would build, as `_Noted`, dict, list, tuple and plain values."""
    stack: list[Any] = []
    memo: dict[int, Any] = {}

    def to_mark() -> list[Any]:
        at = max(index for index, item in enumerate(stack) if isinstance(item, _Mark))
        taken = stack[at + 1 :]
        del stack[at:]
        return taken

    argument: Any
    for opcode, argument, _ in pickletools.genops(pickled):
        name = opcode.name
        if name in {"PROTO", "FRAME", "STOP"}:
            continue
        if name == "MARK":
            stack.append(_Mark())
        elif name in {"BINPUT", "LONG_BINPUT", "PUT"}:
            memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in {"BINGET", "LONG_BINGET", "GET"}:
            stack.append(memo[argument])
        elif name == "GLOBAL":
            stack.append(argument.rpartition(" ")[2])
        elif name in {"NONE", "NEWTRUE", "NEWFALSE"}:
            stack.append({"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[name])
        elif name in {"EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE"}:
            stack.append({"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}[name]())
        elif name in {"TUPLE1", "TUPLE2", "TUPLE3"}:
            size = int(name[-1])
            stack[-size:] = [tuple(stack[-size:])]
        elif name == "TUPLE":
            stack.append(tuple(to_mark()))
        elif name in {"REDUCE", "NEWOBJ"}:
            arguments = stack.pop()
            stack.append(_Noted(stack.pop(), arguments))
        elif name == "BUILD":
            state = stack.pop()
            if isinstance(stack[-1], _Noted):
                stack[-1].state = state
        elif name == "BINPERSID":
            stack.append(_Noted("storage", stack.pop()))
        elif name in {"SETITEM", "SETITEMS"}:
            pairs = to_mark() if name == "SETITEMS" else [stack.pop(-2), stack.pop()]
            target = stack[-1].items if isinstance(stack[-1], _Noted) else stack[-1]
            target.update(zip(pairs[::2], pairs[1::2], strict=True))
        elif name in {"APPEND", "APPENDS"}:
            items = to_mark() if name == "APPENDS" else [stack.pop()]
            if isinstance(stack[-1], list):
                stack[-1].extend(items)
        elif argument is not None:  # a number or a text
            stack.append(argument)
        else:
            raise ValueError(f"opcode {name}")
    return stack[-1]


def _collect(noted: Any, prefix: str, state: dict[str, torch.Tensor], archive: zipfile.ZipFile, folder: str) -> None:
    """Walk modules, parameters and buffers as ``Module.state_dict`` does."""
    fields = noted.state if isinstance(noted, _Noted) else None
    if not isinstance(fields, dict):
        raise ValueError("no module with a state")
    for kind in ("_parameters", "_buffers"):
        for name, value in _items(fields.get(kind)).items():
            if isinstance(value, _Noted):
                state[prefix + name] = _tensor(value, archive, folder)
    for name, child in _items(fields.get("_modules")).items():
        if isinstance(child, _Noted):
            _collect(child, f"{prefix}{name}.", state, archive, folder)


def _items(noted: Any) -> dict[str, Any]:
    return noted.items if isinstance(noted, _Noted) else dict(noted or {})


def _tensor(noted: _Noted, archive: zipfile.ZipFile, folder: str) -> torch.Tensor:
    if noted.function == "_rebuild_parameter":
        return _tensor(noted.arguments[0], archive, folder)
    storage, offset, size, stride = noted.arguments[:4]
    _, kind, key, _, _ = storage.arguments
    values = torch.from_numpy(np.frombuffer(archive.read(f"{folder}data/{key}"), VALUES[kind]).copy())
    return torch.as_strided(values, size, stride, offset).clone()
