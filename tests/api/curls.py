"""Examples with curl on the pages of docs, as requests of the tests' client."""

import json
import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[2]
ADDRESS = "http://127.0.0.1:5000"


def examples(name):
    """Lines of a page of docs that begin with curl, those that go on in the next line in one."""
    page = (ROOT / "docs" / name).read_text(encoding="utf-8").replace("\\\n", "")
    return re.findall(r"^curl .+$", page, re.MULTILINE)


def request_of(example, held=None):
    """Method, path and arguments of an example: -X, -F, -H and --json, as the pages use them.

    `held` has the bytes of files that an earlier line wrote, by name.
    """
    words = iter(shlex.split(example)[1:])
    method, files, fields, given, path = "", [], {}, {"headers": {}}, ""
    for word in words:
        if word == "-X":
            method = next(words)
        elif word == "-F":
            name, _, value = next(words).partition("=")
            if value.startswith("@"):
                files.append((name, (Path(value).name, (ROOT / value[1:]).read_bytes())))
            else:
                fields[name] = value
        elif word == "-H":
            name, _, value = next(words).partition(": ")
            given["headers"][name] = value
        elif word == "--json":
            text = next(words)
            given["json"] = json.loads((held or {}).get(text[1:], "{}") if text.startswith("@") else text)
        elif word == ">":
            next(words)
        else:
            assert word.startswith(ADDRESS), word
            path = word.removeprefix(ADDRESS)
    given |= {"files": files or None, "data": fields or None}
    return method or ("POST" if files or "json" in given else "GET"), path, given


def asked(example):
    """Method and path without its query."""
    method, path, _ = request_of(example)
    return method, path.partition("?")[0]


def run(service, example, held=None):
    """The answer to an example."""
    method, path, given = request_of(example, held)
    return service.request(method, path, **given)
