"""The database: engine and sessions under a role, the base of all tables, bulk load, run rows, SQL functions."""
