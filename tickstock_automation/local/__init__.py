"""The embedded stack: PostgreSQL, Valkey, the vendor's replay and all our processes on one machine, watched over."""
