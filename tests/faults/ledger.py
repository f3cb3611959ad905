"""The campaign's own tables beside the product's: what each committed transaction meant to tell."""

from __future__ import annotations

from sqlalchemy import text

SYMBOLS = 50

TABLES = f"""
CREATE TABLE fault_symbols (symbol_id int PRIMARY KEY, version int NOT NULL);
CREATE TABLE fault_ledger (token uuid PRIMARY KEY, symbol_id int NOT NULL, version int NOT NULL);
INSERT INTO fault_symbols SELECT n, 0 FROM generate_series(1, {SYMBOLS}) n;
GRANT SELECT, UPDATE ON fault_symbols TO tickstock_ipo_monitor;
GRANT SELECT, INSERT ON fault_ledger TO tickstock_ipo_monitor;
"""

# After the events were added, under the locks that the product took for them and no others of ours: were they taken after a
# seq was given, or not at all, versions and numbers would disagree.
NOTE_CHANGES = text("""
WITH intended AS (SELECT * FROM unnest(CAST(:tokens AS uuid[]), CAST(:ids AS int[])) AS one (token, symbol_id)),
     bumped AS (UPDATE fault_symbols s SET version = version + 1 FROM intended i WHERE s.symbol_id = i.symbol_id
                RETURNING i.token, s.symbol_id, s.version)
INSERT INTO fault_ledger (token, symbol_id, version) SELECT * FROM bumped""")


def ticker(symbol_id: int) -> str:
    """The symbol's name in the events."""
    return f"F{symbol_id:03}"
