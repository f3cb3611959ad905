"""HTML and SVG from values. What is not markup already is escaped, so no value of the market's can become any. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

VOID = {"meta", "br", "rect", "path", "line"}


class Markup(str):
    """What is markup already."""

    __slots__ = ()


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """An element. In attributes' names `_` stands for `-`, and one at their end for nothing (`class_`); None leaves one out."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value), quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID and not children:
        return Markup(f"<{name}{written}/>")
    return Markup(f"<{name}{written}>{joined(children)}</{name}>")


def joined(parts: Iterable[object]) -> Markup:
    """Parts one after the other, each escaped that is no markup."""
    return Markup("".join(one if isinstance(one, Markup) else escape(str(one), quote=False) for one in parts))
