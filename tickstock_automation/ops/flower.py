"""Flower as it should be run: on loopback, behind a password, with bounds on what it keeps."""

from __future__ import annotations

import re
import sys

from tickstock_automation.settings import Settings

REFUSAL = (
    "Flower refuses to start without a password: its pages can stop workers. Set FLOWER_PASSWORD (the user is"
    " `tickstock`), or give --basic-auth=USER:PASSWORD, or --auth with one of its OAuth providers."
)


def prepare_flower(settings: Settings, arguments: list[str]) -> None:
    """Sets Flower's options before it reads its command line, which so stands above them; SystemExit without a password."""
    import flower.options
    from tornado.options import options

    own = any(re.fullmatch(r"--(basic[-_]auth|auth)=.+", argument) for argument in arguments)
    if settings.flower_password is None and not own:
        print(REFUSAL, file=sys.stderr)  # noqa: T201 -- no logger is set up yet
        raise SystemExit(2)
    assert flower.options.options is options
    options.address = "127.0.0.1"
    options.port = settings.flower_port
    options.max_tasks = 5_000
    options.purge_offline_workers = 3600
    if settings.flower_password is not None:
        options.basic_auth = [f"tickstock:{settings.flower_password.get_secret_value()}"]
