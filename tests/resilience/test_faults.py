"""Two minutes of faults on real servers and processes leave every property standing; a bug put in is found."""

import pytest

from tests.faults.bugs import BUGS
from tests.faults.campaign import Plan, run_campaign

pytestmark = [pytest.mark.resilience, pytest.mark.slow, pytest.mark.integration]


@pytest.mark.timeout(300)
def test_two_minutes_of_faults_violate_nothing() -> None:
    report = run_campaign(Plan(seconds=120, seed=2, rate=250.0), say=lambda _line: None)
    assert report.violations == [], report.text()
    assert report.figures["changes committed"] > 5_000
    assert len(report.faults) > 20


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", list(BUGS))
def test_a_bug_is_found_and_its_property_named(name: str) -> None:
    report = run_campaign(Plan(seconds=12, seed=1, bug=name), say=lambda _line: None)
    violated = {one.name: one for one in report.violations}
    assert BUGS[name].breaks in violated, report.text()
    assert violated[BUGS[name].breaks].evidence
