"""A short run of the campaign that plays the vendor's faults into a backfill; `make bar-vendor-faults` has them all."""

import pytest

from tests.campaigns.bar_vendor_faults import spoiled

pytestmark = [pytest.mark.resilience, pytest.mark.integration, pytest.mark.database, pytest.mark.redis]


def test_what_a_fault_lets_through_is_the_truth_and_what_it_spoils_is_mended_by_a_re_read() -> None:
    assert spoiled(["html", "twice-in-bars", "stale-closes"], symbols=40, sessions=25) == []
