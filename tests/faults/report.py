"""What a run comes to: figures and violated properties, for people and as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from tests.faults.checker import PROPERTIES, Violation
from tests.faults.history import History
from tests.faults.injector import Done
from tests.faults.records import Seen
from tests.faults.schedule import KINDS


@dataclass(frozen=True)
class Report:
    """The outcome of one run."""

    seed: int
    seconds: float
    bug: str
    figures: dict[str, float]
    faults: dict[str, int]
    missed: int
    violations: list[Violation]

    def as_json(self) -> dict[str, Any]:
        """One object."""
        return asdict(self) | {"passed": not self.violations, "properties": list(PROPERTIES)}

    def text(self) -> str:
        """Some lines to read."""
        lines = [
            "",
            f"seed {self.seed}, {self.seconds:.0f} s of faults" + (f", with the bug {self.bug}" if self.bug else ""),
        ]
        lines += [f"  {name:<42} {value:>12,.6g}" for name, value in self.figures.items()]
        never = [kind for kind in KINDS if kind not in self.faults]
        lines.append(
            f"  faults: {sum(self.faults.values())}, two at a time at most"
            + (f"; {self.missed} missed" if self.missed else "")
        )
        lines += [f"    {kind:<24} {number:>4}" for kind, number in sorted(self.faults.items())]
        if never:
            lines.append(f"    never: {', '.join(never)}")
        for one in self.violations:
            lines += ["", f"VIOLATED: {one.name}: {one.words} ({one.count} pieces of evidence)"]
            lines += [f"  {evidence}" for evidence in one.evidence]
        broken = {one.name for one in self.violations}
        lines += [
            "",
            f"{len(PROPERTIES) - len(broken)} of {len(PROPERTIES)} properties hold"
            + (f"; violated: {', '.join(sorted(broken))}" if broken else ""),
        ]
        return "\n".join(lines)  # fmt: skip


def figures(history: History, drain_s: float) -> dict[str, float]:
    """The counts of a run, by name."""
    entries = sum(len(found) for found in history.streams.values())
    distinct = sum(len(_ids(found)) for found in history.streams.values())
    plain, exact, live = _ids(history.plain), _ids(history.exact), _ids(history.live)
    return {
        "changes committed": len(history.ledger),
        "changes rolled back on purpose": len(history.rolled_back),
        "commits whose outcome only the ledger knew": len(history.ledger.keys() - history.acknowledged),
        "canaries committed by the worker": len(history.outbox) - len(history.ledger),
        "entries in the streams": entries,
        "of these sent again": entries - distinct,
        "seen live": len(live),
        "seen live again": len(history.live) - len(live),
        "handled by the durable consumer": len(plain),
        "handled by it again": len(history.plain) - len(plain),
        "effects in the transactional consumer": len(exact),
        "seconds to drain": round(drain_s, 1),
    }


def counted(done: list[Done]) -> dict[str, int]:
    """Faults by kind, without those that could not be done."""
    return dict(Counter(one.kind for one in done if not one.missed))


def _ids(found: list[Seen]) -> set[str]:
    return {one.id for one in found}
