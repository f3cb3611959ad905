"""Markets for the checks' tests."""

import pytest

from tests.unit.quality.market import Market, quiet


@pytest.fixture
def market() -> Market:
    """Twenty symbols over 160 sessions, with nothing wrong in them."""
    return quiet()
