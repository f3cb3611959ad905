"""Mass events: what one check finds of many symbols on one session is one finding about the market. Pure."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from tickstock_automation.events.catalogue import Channel, Remediation, Severity, Verdict
from tickstock_automation.quality.findings import SEVERITIES, Finding
from tickstock_automation.quality.market_checks.finding import MarketFinding

FEW = 5
"""A market so small that this many are most of it still has single findings."""

Group = tuple[str, date]
"""A check and a session."""


@dataclass(frozen=True)
class Bounds:
    """From how many findings of one check on one session they are one: `symbols` at least, and `share` of the market at
    least; or `small_share` of a small one."""

    symbols: int
    share: float
    small_share: float

    def least(self, market: int) -> int:
        """Of a market of so many symbols."""
        many = max(self.symbols, math.ceil(self.share * market))
        most = max(FEW, math.ceil(self.small_share * market))
        return min(many, most)


@dataclass(frozen=True)
class Split:
    """Findings that stand alone, and those that may be of a mass event: the sweep's end decides, over all shards."""

    alone: list[Finding]
    held: list[Finding]


def hold_back(findings: Sequence[Finding], least: int, shards: int, known: Collection[Group]) -> Split:
    """Holds back what may be many in all shards together, and what a market-wide alert stands for already (`known`).

    Symbols are spread over the shards by their ids, so that of many each has its part: half of it is suspicious enough.
    """
    counts = Counter((one.check, one.date) for one in findings)
    suspicious = max(2, least // (2 * shards)) if shards > 1 else least
    groups = {group for group, count in counts.items() if count >= suspicious} | set(known)
    found = Split([], [])
    for one in findings:
        (found.held if (one.check, one.date) in groups else found.alone).append(one)
    return found


@dataclass(frozen=True)
class Standing:
    """A market-wide alert that stands. `members`: by id and ticker, those that this sweep did not judge."""

    members: Mapping[int, str]
    channel: Channel
    verdict: Verdict
    severity: Severity
    remediation: Remediation


@dataclass(frozen=True)
class Gathered:
    """What held-back findings come to: market-wide ones by group, and those that stand alone after all."""

    mass: dict[Group, MarketFinding]
    alone: list[Finding]


def gather(held: Iterable[Finding], least: int, market: int, standing: Mapping[Group, Standing]) -> Gathered:
    """Groups of one verdict with `least` findings become one; what is judged otherwise than these stands alone.

    `standing`: market-wide alerts of whose members a sweep judged only some. The others count too, and where there are any
    it goes on though they are few by now: not all of the market was judged.
    """
    groups: dict[Group, list[Finding]] = defaultdict(list)
    for one in held:
        groups[one.check, one.date].append(one)
    found = Gathered({}, [])
    for group in sorted({*groups, *standing}):
        own, alert = groups.get(group, []), standing.get(group)
        others = alert.members if alert else {}
        verdicts = Counter(one.verdict for one in own)
        many = {verdict for verdict, count in verdicts.items() if count + len(others) >= least}
        if not many and others:
            many = set(verdicts)
        members = [one for one in own if one.verdict in many]
        if members or others:
            found.mass[group] = _one(group, members, alert, market)
        found.alone.extend(one for one in own if one.verdict not in many)
    return found


def _one(group: Group, members: Sequence[Finding], alert: Standing | None, market: int) -> MarketFinding:
    check, day = group
    names = {**(alert.members if alert else {}), **{one.symbol_id: one.symbol for one in members}}
    ordered = sorted(names.items(), key=lambda item: item[1])
    count = len(names)
    share = count / market if market else 1.0
    words = f"{check} on {count:,} symbols at once, {share:.0%} of the market"
    evidence: dict[str, Any] = {
        "words": f"{words}: {_some([ticker for _, ticker in ordered])}", "measure": "symbols", "count": count, "share": share,
        "symbols": [ticker for _, ticker in ordered], "symbol_ids": [id_ for id_, _ in ordered],
    }  # fmt: skip
    about: dict[str, Any] = {"date": day, "check": check, "observed": float(count), "expected": 0.0, "threshold": None}
    if members:
        first, verdict = members[0], Counter(one.verdict for one in members).most_common(1)[0][0]
        worst = max(SEVERITIES.index(one.severity) for one in members)
        # so many at once are no matter of one symbol's: at least high, unless the market did it
        least = SEVERITIES.index("low" if verdict == "market_event" else "high")
        return MarketFinding(
            **about, severity=SEVERITIES[max(worst, least)], verdict=verdict, remediation=first.remediation,
            channel=first.channel, evidence={**evidence, "first": first.evidence},
        )  # fmt: skip
    assert alert is not None
    return MarketFinding(
        **about, severity=alert.severity, verdict=alert.verdict, remediation=alert.remediation, channel=alert.channel,
        evidence=evidence,
    )  # fmt: skip


def _some(tickers: Sequence[str]) -> str:
    return ", ".join(tickers[:8]) + (", ..." if len(tickers) > 8 else "")
