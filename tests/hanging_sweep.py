"""A worker that takes a shard, says so and hangs in the middle of judging it: for tests that kill it."""

import sys
import time
from typing import Any

from pydantic import SecretStr

from tickstock_automation.quality import shard_work
from tickstock_automation.quality.sweep import work
from tickstock_automation.sessions import calendar
from tickstock_automation.settings import load_settings, use_settings


def hang(*_arguments: Any, **_named: Any) -> Any:
    sys.stdout.write("judging\n")
    sys.stdout.flush()
    time.sleep(600)


if __name__ == "__main__":
    found = load_settings(stack=False, DATABASE_URI=SecretStr(sys.argv[1]))
    use_settings(found)
    shard_work.findings_of = hang
    work(calendar(), found)
