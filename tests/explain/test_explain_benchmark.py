"""The benchmark's own arithmetic."""

from types import SimpleNamespace

import pytest

from assay.explain import Faithfulness


@pytest.fixture
def faithfulness(monkeypatch, request):
    monkeypatch.syspath_prepend(str(request.config.rootpath / "benchmarks"))
    import faithfulness

    return faithfulness


def test_a_row_counts_what_holds_and_names_what_was_lost(faithfulness):
    tally = faithfulness.Tally("flagged", among=7)
    for source, marked in (("a", 1.0), ("a", 1.5), ("b", 2.8)):
        explanation = SimpleNamespace(
            model="by-hand", faithfulness=Faithfulness(0.1, 3.0, marked, 2.5, 5), coverage=0.05
        )
        tally.add(SimpleNamespace(explanation=explanation), SimpleNamespace(source=source), 0.25)
    nothing = SimpleNamespace(model="by-hand", faithfulness=None, coverage=0.0)
    tally.add(SimpleNamespace(explanation=nothing), SimpleNamespace(source="c"), 0.5)
    cells = [cell.strip() for cell in tally.row().strip("|").split("|")]
    assert cells[:3] == ["`by-hand`", "flagged", "3 (of 7 scanned), 3 sources"]
    assert cells[3].startswith("0.67 (")
    assert cells[4:7] == ["1.50", "0.50", "5 %"]
    assert tally.without == 1
