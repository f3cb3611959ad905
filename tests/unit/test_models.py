"""A worker knows every table that a table of its own names."""

import subprocess
import sys

CODE = """
from importlib import import_module
from tickstock_automation.celery import TASKS
for name in TASKS:
    import_module(name)
from tickstock_automation.db.base import Base
assert Base.metadata.sorted_tables
"""


def test_the_tasks_modules_bring_every_table_that_foreign_keys_name() -> None:
    """Workers once lacked `equity_types`, and no scan could store anything; a test's process had it from elsewhere."""
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
