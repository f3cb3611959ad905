"""The campaign's own tables beside the product's: what each committed transaction meant to tell."""

from __future__ import annotations

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, INTEGER

SYMBOLS = 50

TABLES = f"""
CREATE TABLE fault_symbols (symbol_id int PRIMARY KEY, version int NOT NULL);
CREATE TABLE fault_ledger (token uuid PRIMARY KEY, symbol_id int NOT NULL, version int NOT NULL);
INSERT INTO fault_symbols SELECT n, 0 FROM generate_series(1, {SYMBOLS}) n;
GRANT SELECT, UPDATE ON fault_symbols TO tickstock_ipo_monitor;
GRANT SELECT, INSERT ON fault_ledger TO tickstock_ipo_monitor;
"""

_IDS = bindparam("ids", type_=ARRAY(INTEGER))
LOCK_SYMBOLS = text(
    "SELECT symbol_id, version FROM fault_symbols WHERE symbol_id = ANY (:ids) ORDER BY symbol_id FOR UPDATE"
).bindparams(_IDS)
BUMP_VERSIONS = text("UPDATE fault_symbols SET version = version + 1 WHERE symbol_id = ANY (:ids)").bindparams(_IDS)
INSERT_LEDGER = text(
    "INSERT INTO fault_ledger (token, symbol_id, version)"
    " SELECT * FROM unnest(CAST(:tokens AS uuid[]), CAST(:ids AS int[]), CAST(:versions AS int[]))"
)


def ticker(symbol_id: int) -> str:
    """The symbol's name in the events."""
    return f"F{symbol_id:03}"
