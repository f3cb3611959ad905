"""A file of rules: YAML to a rule set, or every fault in it with its line."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import yaml

from tickstock_automation.errors import UsedWrongly
from tickstock_automation.symbols.rule_faults import Path, faults
from tickstock_automation.symbols.rules import Rule
from tickstock_automation.symbols.universes import RuleSet

NAME = re.compile(r"[a-z][a-z0-9_-]*")
DEFAULT_RULES = "default_rules.yaml"
DEEPEST = 32  # the parser recurses
TAG = "tag:yaml.org,2002:"
SCALARS = {f"{TAG}{kind}" for kind in ("str", "int", "float", "null")}


@dataclass(frozen=True)
class RuleFile:
    """The rules of a file without fault, and each universe's description."""

    rules: RuleSet
    descriptions: Mapping[str, str]


def default_rules(known_types: Collection[str] | None = None) -> RuleFile:
    """The set that ships with the package."""
    text = (files("tickstock_automation.symbols") / DEFAULT_RULES).read_bytes()
    return parse_rules(text, DEFAULT_RULES, known_types)


def parse_rules(text: str | bytes, name: str, known_types: Collection[str] | None = None) -> RuleFile:
    """The rules in `text`; `known_types`: the equity types there are, None where that is not known.

    Raises UsedWrongly that lists every fault as `name:line: where: why`; a file with one is refused as a whole.
    """
    page = _Page(name)
    content = page.read(text)
    if not isinstance(content, dict):
        page.fault((), "is no mapping with universes and equity_types")
        content = {}
    for key in content.keys() - {"universes", "equity_types"}:
        page.fault((key,), "is neither universes nor equity_types")
    universes = _universes(page, content.get("universes"))
    equity_types = _equity_types(page, content.get("equity_types"), known_types)
    page.refuse_faults()
    return RuleFile(
        RuleSet({one: entry.get("rule") or {} for one, entry in universes.items()}, equity_types),
        {one: entry["description"] for one, entry in universes.items()},
    )


@dataclass
class _Page:
    """A file being read: on which line what stands, and what is wrong with it."""

    name: str
    lines: dict[Path, int] = field(default_factory=dict)
    found: list[tuple[int, str]] = field(default_factory=list)
    unread: set[Path] = field(default_factory=set)

    def read(self, text: str | bytes) -> Any:
        """Its content; UsedWrongly where it is no YAML that is taken."""
        node = None
        try:
            self._refuse_what_unfolds(text)
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            self.found.append((line, f"is no YAML: {error.problem or error.context}"))
        except yaml.YAMLError as error:  # of characters, which have no line
            self.found.append((1, f"is no YAML: {str(error).partition(chr(10))[0]}"))
        self.refuse_faults()
        return None if node is None else self._value(node, ())

    def fault(self, path: Path, reason: str) -> None:
        """Notes a fault on the line of what `path` leads to, or of the nearest thing around it that is there."""
        if path in self.unread:
            return
        at = next(path[:length] for length in range(len(path), -1, -1) if not length or path[:length] in self.lines)
        where = ".".join(str(one) for one in path)
        self.found.append((self.lines.get(at, 1), f"{where}: {reason}" if where else reason))

    def refuse_faults(self) -> None:
        if self.found:
            listed = "\n".join(f"  {self.name}:{line}: {reason}" for line, reason in sorted(self.found))
            raise UsedWrongly(f"{self.name} is refused, nothing of it is taken ({len(self.found)} to mend):\n{listed}")

    def _refuse_what_unfolds(self, text: str | bytes) -> None:
        """A few lines of aliases become a billion rules, and some thousand brackets end the parser."""
        depth = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            line = event.start_mark.line + 1 if event.start_mark else 1
            if isinstance(event, yaml.AliasEvent):
                self.found.append((line, f"*{event.anchor}: an alias is not taken, write it out"))
            if depth > DEEPEST:
                self.found.append((line, f"is nested more than {DEEPEST} deep"))
                break
        self.refuse_faults()

    def _value(self, node: yaml.Node, path: Path) -> Any:
        self.lines[path] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode) and node.tag == f"{TAG}map":
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{TAG}seq":
            return [self._value(one, (*path, at)) for at, one in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode) and node.tag == f"{TAG}bool":
            return node.value  # no word of a rule is true or false, and ON is a ticker
        if isinstance(node, yaml.ScalarNode) and node.tag in SCALARS:
            try:
                return yaml.SafeLoader("").construct_object(node)
            except (ValueError, LookupError):  # of a tag that its text does not fit
                pass
        self.fault(path, f"is read as {node.tag.removeprefix(TAG)}: put text in quotes")
        self.unread.add(path)
        return None

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        content: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            line = key_node.start_mark.line + 1
            if key in content:
                self.found.append((line, f"{'.'.join(map(str, (*path, key)))}: stands here a second time"))
                continue
            content[key] = self._value(value_node, (*path, key))
            self.lines[(*path, key)] = line
        return content


def _universes(page: _Page, value: Any) -> dict[str, dict[str, Any]]:
    if not isinstance(value, dict) or not value:
        page.fault(("universes",), "wants a mapping of names to description and rule")
        return {}
    for name, entry in value.items():
        path = ("universes", name)
        if not NAME.fullmatch(name):
            page.fault(path, "a name is of a-z, 0-9, _ and -, and begins with a letter")
        if _entry(page, path, entry, ("description", "rule")):
            if not isinstance(entry.get("description"), str) or not entry["description"].strip():
                page.fault((*path, "description"), "wants a sentence that says who belongs to it")
            if entry.get("rule"):  # without one its members are chosen by hand
                _rule(page, (*path, "rule"), entry["rule"])
    return value


def _equity_types(page: _Page, value: Any, known: Collection[str] | None) -> list[tuple[str, Rule]]:
    if not isinstance(value, list):
        page.fault(("equity_types",), "wants a list of equity_type and rule, [] for none")
        return []
    found = []
    for at, entry in enumerate(value):
        path = ("equity_types", at)
        if not _entry(page, path, entry, ("equity_type", "rule")):
            continue
        equity_type = entry.get("equity_type")
        if not isinstance(equity_type, str) or not equity_type:
            page.fault((*path, "equity_type"), "wants the name of an equity type")
        elif known is not None and equity_type not in known:
            page.fault((*path, "equity_type"), f"{equity_type} is no equity type; there are {', '.join(sorted(known))}")
        _rule(page, (*path, "rule"), entry.get("rule"))
        found.append((str(equity_type), entry.get("rule") or {}))
    return found


def _entry(page: _Page, path: Path, entry: Any, keys: tuple[str, ...]) -> bool:
    if not isinstance(entry, dict):
        page.fault(path, f"wants {' and '.join(keys)}")
        return False
    for key in entry.keys() - set(keys):
        page.fault((*path, key), f"is neither {' nor '.join(keys)}")
    return True


def _rule(page: _Page, path: Path, rule: Any) -> None:
    for fault in faults(rule, path):
        page.fault(fault.path, fault.reason)
