"""The public names: complete, sorted, there, and free until they are used."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import assay

HEAVY = (
    "torch",
    "fastapi",
    "matplotlib",
    "ray",
    "av",
    "numpy",
    "pydantic",
    "onnxruntime",
    "soundfile",
    "soxr",
    "typer",
)


def python(code):
    environment = {**os.environ, "PYTHONPATH": str(Path(assay.__file__).parents[1])}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)


def test_the_list_is_sorted_and_without_repeats():
    assert list(assay.__all__) == sorted(set(assay.__all__))


def test_the_list_is_complete():
    assert set(assay.__all__) == {*assay._HOMES, "__version__"}


@pytest.mark.parametrize("name", assay.__all__)
def test_every_name_is_there(name):
    member = getattr(assay, name)
    assert name in dir(assay)
    if name in assay._HOMES and hasattr(member, "__module__") and name != "Outcome":
        assert member.__module__.startswith("assay.")
        assert member.__name__.rpartition(".")[2] == name


def test_the_names_for_type_checkers_are_the_names_at_run_time():
    import ast

    tree = ast.parse(Path(assay.__file__).read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    declared = {alias.name: node.module for node in block.body for alias in node.names}
    for name, home in declared.items():
        assert assay._HOMES[name] == home
    assert set(declared) == set(assay._HOMES)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'scna'"):
        _ = assay.scna


def test_importing_assay_loads_nothing_heavy():
    found = python(f"import sys, assay; print([n for n in {HEAVY} if n in sys.modules])")
    assert found.stdout.strip() == "[]"
    assert found.stderr == ""


def test_importing_the_line_loads_no_training_and_no_decoder():
    found = python(
        "import sys, assay; assay.Detector; print([n for n in ('torch', 'av', 'scipy') if n in sys.modules])"
    )
    assert found.stdout.strip() == "[]"


def test_the_library_is_silent_unless_asked():
    found = python("import logging, assay; logging.getLogger('assay.line').error('unseen')")
    assert (found.stdout, found.stderr) == ("", "")
