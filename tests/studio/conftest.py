"""Bodies for the studio's tests."""

import pytest

from epipose.studio.bodies import Body, make_body
from epipose.studio.people import anny_age


@pytest.fixture(scope="session")
def body() -> Body:
    """An adult of average shape."""
    return make_body({"age": anny_age(30.0), "height": 0.42})
