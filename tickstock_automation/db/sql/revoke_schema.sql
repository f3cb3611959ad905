-- A downgrade takes the rights in this database. What PUBLIC or a database owner had before stays as it was.
REVOKE USAGE ON SCHEMA public FROM tickstock_relay, tickstock_ipo_monitor, tickstock_quality_monitor, tickstock_app;
REVOKE CREATE, USAGE ON SCHEMA public FROM tickstock_owner;
