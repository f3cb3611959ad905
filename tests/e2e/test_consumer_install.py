"""The README's consumer, in an empty environment with the base install alone, follows a running `tickstock up`."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import START, Tickstock, own_ports, read_until

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture(scope="module")
def base_install(tmp_path_factory: pytest.TempPathFactory, checkout: Path) -> Path:
    """Python in a new environment, with the package and what its base install brings."""
    place = tmp_path_factory.mktemp("base")
    subprocess.run([sys.executable, "-m", "venv", place / "venv"], check=True)
    python = place / "venv" / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(checkout)], check=True, cwd=place
    )
    return python


def test_the_base_install_brings_pydantic_and_redis_and_no_more(base_install: Path) -> None:
    listed = subprocess.run(
        [base_install, "-m", "pip", "list", "--format", "freeze"], capture_output=True, text=True, check=True
    )
    names = {line.partition("==")[0].lower().replace("_", "-") for line in listed.stdout.splitlines()}
    brought = names - {"pip", "setuptools", "wheel", "tickstock-automation"}
    assert brought >= {"pydantic", "redis"}
    assert brought <= {
        "pydantic", "pydantic-core", "annotated-types", "typing-extensions", "typing-inspection",
        "redis", "async-timeout", "pyjwt",
    }  # fmt: skip
    said = subprocess.run(
        [base_install, "-m", "tickstock_automation.cli"], capture_output=True, text=True, check=False, cwd="/"
    )
    assert "the command line is in an extra" in said.stderr


def test_the_readmes_consumer_follows_a_running_stack(
    base_install: Path, tickstock: Tickstock, folder: Path, checkout: Path
) -> None:
    [program] = re.findall(r"```python\n(.*?)```", (checkout / "README.md").read_text(), re.DOTALL)
    assert len([line for line in program.splitlines() if line.strip()]) <= 10
    started = tickstock("up", "--data", str(folder), "--as-of", START.isoformat(), *own_ports(), "--background")
    assert started.returncode == 0, started.stderr
    try:
        program = program.replace(".tickstock/", f"{tickstock.state}/")
        consumer = subprocess.Popen(
            [base_install, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/"
        )
        try:
            said = read_until(consumer, "DDD bootstrap")
            assert [name for name in ("AAA", "BBB", "CCC") if name not in said] == []
            status = tickstock("events", "status", "--json")
            assert '"name": "tickstockapp"' in status.stdout
            reconciled = tickstock("events", "reconcile")
            assert "The books balance." in reconciled.stdout, reconciled.stdout
        finally:
            consumer.kill()
            consumer.wait()
    finally:
        assert tickstock("down").returncode == 0
