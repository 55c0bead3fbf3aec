"""Fields of forms that are true or false, whichever door they come through."""

import pytest

pytest.importorskip("fastapi", reason="needs the extra 'serve'")

from assay.errors import BadRequest, BadSubmission
from assay.serve.fields import NO, YES, flag


@pytest.mark.parametrize("text", YES)
def test_yes_is_yes_in_capitals_and_with_space_around_it(text):
    assert flag("keep", f" {text.upper()}\n") is True


@pytest.mark.parametrize("text", NO)
def test_no_is_no_and_so_is_nothing(text):
    assert flag("keep", f"{text.capitalize()} ") is False


@pytest.mark.parametrize("refusal", [BadRequest, BadSubmission])
def test_what_is_neither_is_named_and_cut_short(refusal):
    with pytest.raises(refusal, match=r"^keep: 'perhaps.*' is neither true nor false") as caught:
        flag("keep", "perhaps" + "x" * 1000, refusal)
    assert len(caught.value.message) < 100
    assert caught.value.context == {"field": "keep"}
