"""A Redis that may lose any of the last batches: what the relay asks of it, in memory.

It stands in for Redis in the property test of the batch-number rule, and does the same as a real one in
`test_the_model_answers_as_redis_does`.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from typing import Any


class RedisModel:
    """`get` and the script `send_batch.lua`; every state it was in can come back."""

    def __init__(self) -> None:
        self.number: str | None = None
        self.streams: dict[str, list[dict[str, str]]] = defaultdict(list)
        self.live: list[str] = []
        self._past: list[tuple[str | None, dict[str, list[dict[str, str]]]]] = []

    def get(self, _key: str) -> str | None:
        return self.number

    def eval(self, _script: str, _keys: int, _key: str, *words: Any) -> list[Any]:
        held = self.number or "0"
        if held != str(words[0]):
            return [0, held]
        self._past.append((self.number, copy.deepcopy(self.streams)))
        for at in range(3, len(words), 4):
            channel, id_, message, live = words[at : at + 4]
            self.streams[f"stream:{channel}"].append({"event": message, "id": id_, "batch": str(words[1])})
            if live == "1":
                self.live.append(message)
        self.number = str(words[1])
        return [1, self.number, []]

    def lose(self, batches: int) -> None:
        """Forgets the last batches, all of them where there are fewer."""
        for _ in range(min(batches, len(self._past))):
            self.number, self.streams = self._past.pop()
