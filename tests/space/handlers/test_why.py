"""Why a class: the app asks the model that parsed the photo, and says what it can't explain."""

from dataclasses import replace

import pytest

from segface_hf.images import load_image
from segface_hf.parser import FaceParser
from space.errors import TooFastError, VisitError
from space.handlers.parse import Request
from space.handlers.why import explain
from space.state.examples import find_example
from space.state.rate_limits import RateLimit

ASKING = Request("visitor", "embedded", address="here")


@pytest.fixture(scope="module")
def parsed():
    image = load_image(find_example("grace_hopper.jpg").path.read_bytes())
    return image, FaceParser.from_pretrained().parse(image, confidence=True)


def test_a_class_is_explained_by_the_heads_that_voted_for_it(services, parsed):
    photo = services.photos.put(*parsed)
    shown = explain(services, photo, "hat", request=ASKING)
    assert "In the outlined region <b>hat</b> is" in shown
    assert shown.count("<figure>") == 6
    assert "http" not in shown
    first = services.explainers.of("embedded", None)
    assert "The model sees no necklace there." in explain(
        services, photo, "necklace", request=ASKING
    )
    assert services.explainers.of("embedded", None) is first


def test_no_class_and_too_many_questions_are_refused(services, parsed):
    photo = services.photos.put(*parsed)
    with pytest.raises(VisitError, match="Choose a class"):
        explain(services, photo, "", request=ASKING)
    slow = replace(services, limit=RateLimit(1, per_address=9))
    explain(slow, photo, "hat", request=ASKING)
    with pytest.raises(TooFastError):
        explain(slow, photo, "hat", request=ASKING)
