"""The documents: generated pages are fresh, links lead somewhere, examples run, nothing is left out.

Examples of a page run in the order of the page, in a folder of their own in which `examples/media` can be reached. A
block is one that a reader can paste: ```` ```python ```` is executed, the lines of ```` ```sh ```` that begin with
`assay ` go through the command line; a block or line with `# not run` is left out. No example says what the verdict
is, because weights are replaced.
"""

import ast
import importlib.util
import io
import json
import re
import shlex
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from assay import logs
from assay.audio.deliveries import DELIVERIES
from assay.cli import main
from assay.cli.rows import COLUMNS
from assay.errors import AssayError
from assay.image.deliveries import DELIVERIES as PICTURE_DELIVERIES
from assay.result import Outcome, ScanFailure, ScanResult
from assay.training.recipe import load_recipe
from assay.video.deliveries import WAYS
from assay.video_stability import CUT_OUT

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page for folder in (".", "docs", "examples/media", "benchmarks") for page in (ROOT / folder).glob("*.md")
)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"\s# .*$")


def title(page):
    return str(page.relative_to(ROOT))


def blocks(page, *languages):
    """Language, text and line number of the fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    for match in BLOCK.finditer(text):
        if match[1] in languages:
            yield match[1], match[2], text.count("\n", 0, match.start()) + 2


def prose(page):
    """The page without its fenced blocks and comments."""
    return re.sub(r"<!--.*?-->", "", BLOCK.sub("", page.read_text(encoding="utf-8")), flags=re.DOTALL)


def anchors(page):
    """Names of a page's headings, as code hosts derive them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.fixture
def reference():
    spec = importlib.util.spec_from_file_location("make_reference", ROOT / "scripts" / "make_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder in which the sample media can be reached."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    yield tmp_path
    logs.reset()


def test_generated_pages_are_what_the_code_says(reference):
    assert reference.stale() == []


def test_a_page_is_stale_until_it_is_written(reference, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(reference, "DOCS", tmp_path)
    assert reference.run(["--check"]) == 1
    assert reference.run([]) == 0
    (tmp_path / "errors.md").write_text("something else")
    assert reference.stale() == ["errors.md"]
    assert "settings.md" in capsys.readouterr().out


def test_help_of_every_command_is_in_the_reference(reference):
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert all(f"## {' '.join(['assay', *words])}\n" in page for words in reference.commands())
    assert ["train", "audio"] in reference.commands()


def test_every_error_code_is_in_the_reference(reference):
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert AssayError in reference.error_classes()
    for kind in reference.error_classes():
        assert f"| `{kind.code}` | `{kind.__name__}` |" in page


def test_every_field_of_a_result_is_explained():
    page = (ROOT / "docs" / "result.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    schema = TypeAdapter(Outcome).json_schema(mode="serialization")
    for name, part in schema["$defs"].items():
        for field in part["properties"]:
            assert f"| `{field}` |" in sections[name], f"{name}.{field}"


def test_every_column_of_the_csv_is_explained():
    page = (ROOT / "docs" / "result.md").read_text(encoding="utf-8")
    assert [column for column in COLUMNS if f"`{column}`" not in page] == []


def test_every_code_of_the_policy_is_explained():
    page = (ROOT / "docs" / "result.md").read_text(encoding="utf-8")
    package = ROOT / "src" / "assay"
    names = ["evidence.py", *(f"{name}.py" for name in ("stability", "picture_stability", "video_stability"))]
    names += ["picture_line.py", "video_persons.py", "video_sound.py", "video_line.py"]
    paths = [*(package / name for name in names), *package.glob("*policy.py")]
    source = "".join(path.read_text(encoding="utf-8") for path in paths)
    codes = set(re.findall(r'code="(\w+)"', source))
    assert {"near_threshold", "decoder", "unstable", "denoised", "frames_stand_out", "no_sound"} <= codes
    assert [code for code in codes if f"`{code}`" not in page] == []


def test_examples_of_results_are_valid_results():
    page = ROOT / "docs" / "result.md"
    examples = [text for _, text, _ in blocks(page, "json")]
    kinds = [type(TypeAdapter(Outcome).validate_json(text)) for text in examples]
    assert kinds == [ScanResult, ScanFailure]
    assert set(json.loads(examples[0])) == set(ScanResult.model_fields)


def test_every_delivery_is_named():
    page = (ROOT / "docs" / "result.md").read_text(encoding="utf-8")
    assert [name for name in (*DELIVERIES, *PICTURE_DELIVERIES, CUT_OUT, *WAYS) if f"`{name}`" not in page] == []


def test_the_data_card_names_what_the_recipe_uses():
    page = (ROOT / "docs" / "data-card.md").read_text(encoding="utf-8")
    recipe = load_recipe(ROOT / "recipes" / "audio-resnet.toml")
    for method, count in recipe.fakes.items():
        assert re.search(rf"^\| `{method}` \| {count:,} \|", page, re.MULTILINE), method
    for source in recipe.development_sources:
        assert f"`{source}`" in page


def floors():
    """Floor of each module or folder, from the table of the architecture page."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d) \| (.+?) \|", page, re.MULTILINE)
    return {name.rstrip("/"): int(floor) for floor, names in rows for name in re.findall(r"`([\w/]+)`", names)}


def imports(path):
    """Parts of assay that a module imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        yield from (name.split(".")[1] for name in names if name.startswith("assay."))


def test_imports_point_down_the_floors_of_the_architecture_page():
    package = ROOT / "src" / "assay"
    floor = floors()
    for path in package.rglob("*.py"):
        own = path.relative_to(package).parts[0].removesuffix(".py")
        if own.startswith("_"):
            continue
        for other in set(imports(path)) - {own, "_version"}:
            if other == "training":
                assert own == "cli" or path.relative_to(package).as_posix() == "explain/grad_cam.py", path
            elif own == "training":
                assert floor[other] <= 2, f"{path} imports {other}"
            else:
                assert floor[other] <= floor[own], f"{path} imports {other}"


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_links_inside_the_repository_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), f"{title(page)} links to {target}"
        if anchor:
            assert anchor in anchors(path), f"{title(page)} links to {target}"


@pytest.mark.parametrize("page", [page for page in PAGES if any(blocks(page, "python", "sh"))], ids=title)
def test_examples_run(page, place, monkeypatch, capsys):
    names = {"__name__": "example"}
    for language, text, line in blocks(page, "python", "sh"):
        if language == "python" and "# not run" not in text:
            # Line numbers in a traceback are those of the page.
            exec(compile("\n" * (line - 1) + text, str(page), "exec"), names)
        elif language == "sh":
            for command in text.replace("\\\n", " ").splitlines():
                if command.startswith("assay ") and "# not run" not in command:
                    run_line(COMMENT.sub("", command), monkeypatch, capsys)


def run_line(command, monkeypatch, capsys):
    """Run what stands before a pipe; `<` and `>` mean what they mean in a shell."""
    words = shlex.split(command.partition(" | ")[0])
    target = source = None
    if ">" in words:
        words, target = words[: words.index(">")], Path(words[words.index(">") + 1])
    if "<" in words:
        words, source = words[: words.index("<")], Path(words[words.index("<") + 1])
    if source:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(source.read_bytes())))
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(words[1:])
    out, err = capsys.readouterr()
    if target:
        target.write_text(out, encoding="utf-8")
    accepted = (None, 0, 4) if "--fail-on" in words else (None, 0)
    assert ended.value.code in accepted, f"{command}: {err}"
