"""Minimum vertex cover of a bipartite graph by maximum matching (König; Hopcroft and Karp 1973). Pure."""

from __future__ import annotations

from collections.abc import Mapping


def minimum_cover(wanted: Mapping[int, set[str]]) -> tuple[set[int], set[str]]:
    """Sessions and tickers that together touch every pair of `wanted` (session to tickers), as few as can be."""
    session_of = _maximum_matching(wanted)
    matched = set(session_of.values())
    # König: from unmatched sessions along alternating paths; the cover is the sessions not reached and tickers reached.
    reached = {session for session in wanted if session not in matched}
    tickers: set[str] = set()
    border = list(reached)
    while border:
        for ticker in wanted[border.pop()] - tickers:
            tickers.add(ticker)
            partner = session_of[ticker]  # else the matching could grow
            if partner not in reached:
                reached.add(partner)
                border.append(partner)
    return wanted.keys() - reached, tickers


def _maximum_matching(wanted: Mapping[int, set[str]]) -> dict[str, int]:
    """Ticker to session. Each round finds shortest augmenting paths by layers, and takes as many of them as do not touch."""
    session_of: dict[str, int] = {}
    ticker_of: dict[int, str] = {}
    while True:
        layers = _layers(wanted, session_of, ticker_of)
        if layers is None:
            return session_of
        for start in wanted:
            if start not in ticker_of:
                _augment(start, wanted, session_of, ticker_of, layers)


def _layers(
    wanted: Mapping[int, set[str]], session_of: Mapping[str, int], ticker_of: Mapping[int, str]
) -> dict[int, int] | None:
    """How many steps each session is from an unmatched one; None where no path leads to a free ticker."""
    layers = {session: 0 for session in wanted if session not in ticker_of}
    border, found = list(layers), False
    while border and not found:
        following = []
        for session in border:
            for ticker in wanted[session]:
                partner = session_of.get(ticker)
                if partner is None:
                    found = True
                elif partner not in layers:
                    layers[partner] = layers[session] + 1
                    following.append(partner)
        border = following
    return layers if found else None


def _augment(
    start: int,
    wanted: Mapping[int, set[str]],
    session_of: dict[str, int],
    ticker_of: dict[int, str],
    layers: dict[int, int],
) -> None:
    """Takes one shortest path from `start` to a free ticker, if there is one; without recursion, a path may be long."""
    path: list[tuple[int, str]] = []
    trail = [(start, iter(wanted[start]))]
    while trail:
        session, tickers = trail[-1]
        for ticker in tickers:
            partner = session_of.get(ticker)
            if partner is None:
                path.append((session, ticker))
                for one, own in path:
                    session_of[own] = one
                    ticker_of[one] = own
                return
            if layers.get(partner) == layers[session] + 1:
                path.append((session, ticker))
                trail.append((partner, iter(wanted[partner])))
                break
        else:
            layers[session] = -1  # leads nowhere in this round
            trail.pop()
            if path:
                path.pop()
