"""Who decides, and why: what every command that writes down a person's word asks for."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from tickstock_automation.errors import UsedWrongly

Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept, and told with the event.")]
By = Annotated[str | None, typer.Option("--by", help="Who decides; by default your login name.")]


def author(by: str | None) -> str:
    """The name given, else the login's. Raises UsedWrongly where there is neither."""
    if by is not None:
        return by
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # KeyError: a container's user without a name
        raise UsedWrongly("this login has no name: say who decides with --by") from None
