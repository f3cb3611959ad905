"""Who received what: the ids that a subscriber process of its own (`tickstock events tail`) got live from Redis."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping

from tickstock_automation.events.catalogue import CANARY_CHANNEL, Channel

LISTENING = "listening on"


class Witness:
    """Reads what the subscriber prints, a JSON object a line: channel and event."""

    def __init__(self) -> None:
        self.listening = threading.Event()
        self._news = threading.Condition()
        self._ids: dict[str, dict[str, int]] = {channel: {} for channel in (*Channel, CANARY_CHANNEL)}
        self._probes: set[str] = set()

    def see(self, line: str) -> bool:
        """Takes a line of the subscriber's; whether it was one of the expected."""
        if line.startswith(LISTENING):
            self.listening.set()
            return True
        if not line.startswith('{"channel"'):
            return False
        message = json.loads(line)
        event = message["event"]
        if message["channel"] not in self._ids:  # somebody else's
            return True
        with self._news:
            self._ids[message["channel"]][event["id"]] = event["seq"]
            if message["channel"] == CANARY_CHANNEL:
                self._probes.add(event["data"]["probe"])
            self._news.notify_all()
        return True

    def await_probe(self, probe: str, timeout_s: float) -> bool:
        """Whether this canary came within the time."""
        with self._news:
            return self._news.wait_for(lambda: probe in self._probes, timeout_s)

    def received(self, since: int) -> dict[str, int]:
        """Distinct ids a channel, of events numbered above `since`."""
        with self._news:
            return {channel: sum(seq > since for seq in self._ids[channel].values()) for channel in Channel}

    def await_all(self, committed: Mapping[str, int], since: int, timeout_s: float) -> bool:
        """Whether everything committed was received within the time."""
        deadline = threading.Event()
        for _ in range(int(timeout_s / 0.05)):
            received = self.received(since)
            if all(received[channel] >= number for channel, number in committed.items()):
                return True
            deadline.wait(0.05)
        return False
