"""One answer of the vendor's, as JSON: what is no answer is an error, never an empty list."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from tickstock_automation.errors import BadAnswer, Fault


@dataclass(frozen=True)
class Page:
    """One answer with status 200 whose body is a JSON object."""

    path: str
    body: dict[str, Any]
    body_hash: str

    def rows(self, count_key: str | None = None) -> list[dict[str, Any]]:
        """`results`; absent only where the answer itself counts nothing. BadAnswer otherwise."""
        rows = self.body.get("results")
        counted = self.body.get(count_key) if count_key else None
        if rows is None and counted == 0:
            return []
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise BadAnswer(f"{self.path}: the answer has no list of results", Fault.NO_RESULTS)
        if isinstance(counted, int) and counted != len(rows):
            raise BadAnswer(f"{self.path}: the answer says {counted} rows and holds {len(rows)}", Fault.COUNT)
        return rows


def page_of(path: str, body: bytes) -> Page:
    """The page in a body; BadAnswer where it holds none."""
    try:
        decoded = _decoded(body)
    except (ValueError, RecursionError) as error:
        raise BadAnswer(
            f"{path}: the answer is not JSON ({len(body)} bytes, {body[:40]!r} ...)", Fault.NOT_JSON
        ) from error
    if not isinstance(decoded, dict):
        raise BadAnswer(f"{path}: the answer is JSON, but no object", Fault.NO_RESULTS)
    if decoded.get("status") not in ("OK", "DELAYED", None):
        raise BadAnswer(f"{path}: the answer's status is {decoded.get('status')!r}", Fault.STATUS)
    return Page(path, decoded, hashlib.sha256(body).hexdigest())


def _decoded(body: bytes) -> Any:
    """Pydantic's parser takes a third of the time; what it refuses may be NaN in a row, which is no reason to refuse the others."""
    try:
        return from_json(body, allow_inf_nan=False, cache_strings="keys")
    except ValueError:
        return json.loads(body, parse_constant=lambda _name: None)  # NaN is no JSON: the row is refused
