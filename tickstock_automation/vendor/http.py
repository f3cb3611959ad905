"""One call is one request, over a kept connection, compressed, with a deadline that acts. What is not an answer is an error."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import urllib3

from tickstock_automation.errors import BadAnswer, Fault, PlanLacks, VendorRefused, VendorUnavailable
from tickstock_automation.vendor.meter import Outcome

LONGEST_HOLD_S = 3600.0
"""What a Retry-After may ask for at most: past it, a call finds out whether it is meant."""


class NotThere(BadAnswer):
    """404: nobody has what was named; an answer to some questions."""


@dataclass(frozen=True)
class Reply:
    """What came, whatever its status. `body` is decoded, `bytes` is how many came over the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    bytes: int

    @property
    def outcome(self) -> Outcome:
        """How the call ended, as far as the status tells."""
        if self.status in (200, 404):
            return Outcome.ANSWERED
        known = {401: Outcome.REFUSED, 403: Outcome.NOT_IN_PLAN, 429: Outcome.LIMITED}
        return Outcome.FAILED if self.status >= 500 else known.get(self.status, Outcome.UNUSABLE)


class Http:
    """Requests to one host. `headers` go with each; `key` is kept out of every message."""

    def __init__(self, base: str, headers: Mapping[str, str], key: str, timeout_s: float) -> None:
        self._base, self._headers, self._key, self._timeout_s = base, headers, key, timeout_s
        timeout = urllib3.Timeout(connect=min(10.0, timeout_s), read=timeout_s)
        self._pool = urllib3.PoolManager(num_pools=4, retries=False, timeout=timeout)

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Reply:
        """What the host says; VendorUnavailable where it says nothing, or not all of it in time."""
        started = time.monotonic()
        try:
            response = self._pool.request(
                "GET", self._base + path, fields=dict(params) if params else None, headers=dict(self._headers),
                preload_content=False, redirect=False,
            )  # fmt: skip
            assert isinstance(response, urllib3.HTTPResponse)
            body = self._read(response, path, started + self._timeout_s)
        except urllib3.exceptions.HTTPError as error:
            raise VendorUnavailable(f"{path}: {type(error).__name__}: no answer from the vendor") from error
        return Reply(response.status, response.headers, body, response.tell())

    def check(self, path: str, reply: Reply) -> None:
        """Raises what a status other than 200 means."""
        status = reply.status
        if status == 200:
            return
        said = printable(reply.body.decode("utf-8", "replace").replace(self._key, "***")[:200])
        if status in (401, 403):
            what = "the API key is not known" if status == 401 else "the plan does not include this"
            raise (VendorRefused if status == 401 else PlanLacks)(
                f"{path}: the vendor refuses ({status}): {what}; check POLYGON_API_KEY and the plan. It said: {said}"
            )
        if status == 429:
            raise VendorUnavailable(f"{path}: too many calls (429)", after_s=retry_after_s(reply.headers))
        if status >= 500 or status in (408, 413, 499):
            raise VendorUnavailable(f"{path}: the vendor answers {status}")
        if status == 404:
            raise NotThere(f"{path}: not found (404): {said}", Fault.STATUS)
        raise BadAnswer(f"{path}: unexpected status {status}: {said}", Fault.STATUS)

    @staticmethod
    def _read(response: urllib3.HTTPResponse, path: str, deadline: float) -> bytes:
        """All of the body; a server that drips is cut off at the deadline."""
        parts = []
        try:
            while part := response.read1(1 << 16, decode_content=True):  # what is there, not a full buffer
                parts.append(part)
                if time.monotonic() > deadline:
                    response.close()
                    raise VendorUnavailable(f"{path}: the answer did not end in time")
        finally:
            response.release_conn()
        return b"".join(parts)


def printable(words: str) -> str:
    """Without what a log or a table cannot hold."""
    return "".join(one for one in words if one.isprintable())


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds that `Retry-After` asks for, an hour at most; None where it is missing or says nothing.

    A date counts from the answer's own `Date`: the two clocks may differ.
    """
    told = headers.get("Retry-After", "").strip()
    if told.isascii() and told.replace(".", "", 1).isdigit():
        return min(float(told), LONGEST_HOLD_S)
    until, now = _moment(told), _moment(headers.get("Date", "")) or datetime.now(UTC)
    return min(max(0.0, (until - now).total_seconds()), LONGEST_HOLD_S) if until else None


def _moment(told: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(told)
    except (ValueError, IndexError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
