"""What is done about a finding, whether a repair is any better, and how its alert ends. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from tickstock_automation.bars.repair.life import Action, State
from tickstock_automation.bars.repair.outcome import NEEDED, Day, has_bar
from tickstock_automation.events.catalogue import AlertState, Verdict
from tickstock_automation.quality.findings import SEVERITIES, Finding

STALE = "stale_data"
BY_HAND_CHECK = "by_hand"
ACTIONS: Mapping[str, Action] = {
    "reload": Action.RELOAD, "refetch": Action.REFETCH, "look_up_split": Action.LOOK_UP_SPLIT,
}  # fmt: skip
OTHER_ENDPOINT = {"grouped": "range", "range": "grouped"}
GROUPED, RANGE = "grouped", "range"


@dataclass(frozen=True)
class OpenAlert:
    """An alert that something is to be done about. `symbol_ids`: of a finding about the market, those that it names."""

    id: int
    check: str
    severity: str
    remediation: str
    session: date
    symbol_ids: tuple[int, ...]
    words: str
    market_wide: bool = False


@dataclass(frozen=True)
class Ask:
    """A request to be made for one symbol. `endpoint` of a refetch."""

    alert_id: int
    symbol_id: int
    session: date
    action: Action
    endpoint: str | None
    check: str
    words: str
    priority: int


@dataclass(frozen=True)
class Answer:
    """What the vendor says now (`new`) beside what is stored (`old`).

    `changed`: it was stored after the alert was opened; `market_wide`: the finding is about many symbols; `by_bar`: its check
    judges each bar by itself, and not the market's day as a whole.
    """

    repair_id: int
    symbol_id: int
    session: date
    check: str
    verdict: Verdict
    old: Day
    new: Day | None
    changed: bool = False
    market_wide: bool = False
    error: str | None = None
    by_bar: bool = True


@dataclass(frozen=True)
class Decision:
    """accepted, refused or superseded; `mark`: the bar stays wrong, and is to be marked as suspect."""

    state: State
    mark: bool
    words: str | None


@dataclass(frozen=True)
class Ended:
    """A request that has ended. `undoes`: action of the repair that it undid."""

    id: int
    alert_id: int
    action: Action
    state: State
    author: str
    reason: str
    old: Day | None
    new: dict[str, Any] | None
    error: str | None
    undoes: Action | None = None
    undid: State | None = None


@dataclass(frozen=True)
class Ending:
    """What an alert becomes once its requests have ended."""

    state: AlertState
    words: str
    verdict: Verdict | None = None


def action_for(check: str, remediation: str) -> Action | None:
    """What can be done by itself about a finding; None: a person looks.

    A symbol that has no fresh bars may be delisted or be called otherwise by now, which no reload can tell.
    """
    if check == STALE and remediation != "none":
        return Action.CHECK_LISTING
    return ACTIONS.get(remediation)


def priority_of(severity: str) -> int:
    """More severe first."""
    return [*SEVERITIES].index(severity) if severity in SEVERITIES else -1


def within_limit(alerts: Sequence[OpenAlert], left: int) -> tuple[list[OpenAlert], int]:
    """The alerts that are taken up today, the most severe and then the newest first, and how many wait for tomorrow.

    A finding about the whole market counts once: it costs one call.
    """
    ordered = sorted(alerts, key=lambda one: (-priority_of(one.severity), -one.session.toordinal(), one.id))
    return ordered[: max(0, left)], max(0, len(ordered) - max(0, left))


def asks_for(alert: OpenAlert, came_by: Mapping[int, str | None]) -> list[Ask]:
    """The requests for one alert. `came_by`: the endpoint that brought each symbol's bar.

    Of the whole market the day's grouped answer is read once more: hundreds of tickers' ranges would cost hundreds of calls.
    """
    action = action_for(alert.check, alert.remediation)
    if action is None:
        return []
    asks = []
    for symbol_id in alert.symbol_ids:
        endpoint = None
        if action is Action.REFETCH:
            endpoint = GROUPED if alert.market_wide else OTHER_ENDPOINT.get(came_by.get(symbol_id) or "", RANGE)
        asks.append(
            Ask(
                alert.id, symbol_id, alert.session, action, endpoint, alert.check, alert.words, priority_of(alert.severity)
            )
        )  # fmt: skip
    return asks


def same_bar(one: Day | None, other: Day | None) -> bool:
    """Whether two days have the same prices and volume."""
    if one is None or other is None or not has_bar(one) or not has_bar(other):
        return False
    return all(one[name] == other[name] for name in NEEDED)


def decide(answer: Answer, before: Collection[Finding], after: Collection[Finding]) -> Decision:
    """Whether the other endpoint's bar may replace the stored one: it passes the check that the stored one fails, and no other
    error comes with it. `before`, `after`: all findings about these days, with the stored bars and with the answers in place.

    Of a check on the market's day as a whole no single bar is proven wrong: another bar that brings no error is taken, and none is
    marked.
    """
    if answer.by_bar and not _finds(before, answer):
        if answer.changed:
            return Decision(State.SUPERSEDED, False, "the bar was corrected since the alert was opened")
        return Decision(State.REFUSED, False, "the check does not find it again in the bar as it is stored")
    wrong = answer.by_bar and answer.verdict == "data_error"
    if answer.new is None:
        return Decision(State.REFUSED, wrong, answer.error or "the other endpoint has no bar of that day")
    if same_bar(answer.old, answer.new):
        where = "again" if answer.market_wide else "from both endpoints"
        return Decision(State.REFUSED, wrong, f"the vendor says the same {where}")
    if answer.by_bar and _finds(after, answer):
        return Decision(State.REFUSED, wrong, f"the other endpoint's bar fails {answer.check} too")
    known = {one.key for one in before}
    worse = sorted(
        {
            f"{one.check} of {one.date}"
            for one in after
            if one.verdict == "data_error" and one.symbol_id == answer.symbol_id and one.key not in known
        }
    )
    if worse:
        return Decision(State.REFUSED, wrong, f"the other endpoint's bar would bring {', '.join(worse)}")
    return Decision(State.ACCEPTED, False, None)


def _finds(findings: Collection[Finding], answer: Answer) -> bool:
    return finds(findings, answer.check, answer.symbol_id, answer.session)


def finds(findings: Collection[Finding], check: str, symbol_id: int, day: date) -> bool:
    """Whether a check's finding about a symbol's day is among them."""
    return any(one.check == check and one.date == day and one.symbol_id == symbol_id for one in findings)


def ending(ended: Sequence[Ended], verdict: str, *, found: bool) -> Ending | None:
    """How an alert ends whose requests have all ended; None where nothing is to be told.

    `found`: the check still finds it in what is stored now.
    """
    undone = [one for one in ended if one.action is Action.UNDO]
    if undone:
        return _after_undo(undone)
    personal = [one for one in ended if one.action in (Action.FIX, Action.DELETE, Action.MARK)]
    if personal:
        return _by_hand(personal[-1])
    if any(one.state is State.SUPERSEDED for one in ended):
        if found:
            return Ending("open", "the bar was changed while its repair was on the way, and the check finds it again")
        return Ending("resolved", "the bar was changed meanwhile, and the check does not find it any more")
    if len(ended) == 1:
        return _single(ended[0], verdict, found=found)
    return _together(ended)


def _after_undo(undone: Sequence[Ended]) -> Ending | None:
    done = [one for one in undone if one.state is State.APPLIED]
    if not done:
        return None
    last = done[-1]
    words = f"undone by {last.author}: {last.reason}; the values before stand again"
    if last.undid is State.MARKED or last.undoes in (Action.FIX, Action.DELETE, Action.MARK):
        return Ending("confirmed", words)
    return Ending("given_up", f"{words}, and are not repaired again by themselves")


def _by_hand(one: Ended) -> Ending:
    if one.state is State.APPLIED:
        return Ending("resolved", f"{in_words(one.old)} -> {in_words(one.new)}, by {one.author}: {one.reason}")
    return Ending("given_up", f"what {one.author} asked for could not be done: {one.error}")


def _single(one: Ended, verdict: str, *, found: bool) -> Ending:
    if one.action is Action.LOOK_UP_SPLIT:
        return _looked_up(one, found=found)
    if one.action is Action.CHECK_LISTING:
        return _listing(one)
    if one.action is Action.RELOAD:
        if one.state is State.APPLIED:
            return Ending("resolved", f"loaded: {in_words(one.new)}")
        if one.state is State.DONE:
            return Ending("resolved", f"known empty: {one.error}")
        return Ending("given_up", f"it could not be loaded: {one.error}")
    if one.state is State.APPLIED:
        return Ending("resolved", f"repaired from the other endpoint: {in_words(one.old)} -> {in_words(one.new)}")
    if one.state is State.MARKED:
        return Ending("given_up", f"{one.error}: the bar is marked as suspect")
    if verdict == "undetermined" and same_bar(one.old, one.new):
        return Ending("confirmed", f"{one.error}: the bar stands")
    return Ending("given_up", f"{one.error}: nothing was changed")


def _looked_up(one: Ended, *, found: bool) -> Ending:
    splits = (one.new or {}).get("splits", [])
    if not splits:
        return Ending("given_up", one.error or "the vendor lists no split about that day")
    listed = ", ".join(f"{split['split_to']:g} for {split['split_from']:g} on {split['ex_date']}" for split in splits)
    if found:
        return Ending("given_up", f"the vendor lists {listed}, which does not explain it")
    return Ending("resolved", f"the vendor lists {listed}")


def _listing(one: Ended) -> Ending:
    said = one.new or {}
    if said.get("delisted"):
        return Ending("confirmed", f"the vendor says that it was delisted on {said['delisted']}: a scan archives it")
    if said.get("now_called"):
        return Ending("confirmed", f"it is called {said['now_called']} since {said['renamed']}: a scan follows")
    if said.get("active"):
        return Ending("given_up", "the vendor says that it is active, and has no newer bars of it")
    return Ending("given_up", one.error or "the vendor does not know it any more")


def _together(ended: Sequence[Ended]) -> Ending:
    """Of a finding about the market: how many of the bars it names were put right."""
    right = sum(one.state in (State.APPLIED, State.DONE) for one in ended)
    words = f"{right} of {len(ended)} bars put right"
    marked = sum(one.state is State.MARKED for one in ended)
    if marked:
        words += f", {marked} marked as suspect"
    return Ending("resolved" if right == len(ended) else "given_up", words)


@dataclass(frozen=True)
class Beside:
    """What a person did to a bar that other alerts stand beside. `suspect`: how a mark left it."""

    action: Action
    author: str
    reason: str
    suspect: bool | None = None


def beside(act: Beside, state: str, *, found: bool) -> Ending | None:
    """What becomes of another alert of that day; None: it stays. `found`: its check finds it in the bar as it is now."""
    words = f"by {act.author}: {act.reason}"
    if act.action is Action.MARK:
        trusted = act.suspect is False and state in ("open", "given_up")
        return Ending("confirmed", f"the bar is right, {words}") if trusted else None
    if act.action is Action.UNDO:
        again = state == "resolved" and found
        return Ending("given_up", f"found again: the bar was put back {words}") if again else None
    if state in ("open", "given_up") and not found:
        return Ending("resolved", f"the bar was set {words}")
    return None


def in_words(day: Day | None) -> str:
    """A day's figures in a line."""
    if day is None or not has_bar(day):
        return "no bar"
    mark = ", suspect" if day.get("suspect") else ""
    figures = " ".join(f"{name[0]} {day[name]:,.10g}" for name in NEEDED)
    return f"{figures}{mark}"
