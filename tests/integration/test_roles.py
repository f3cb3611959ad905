"""Each role may do what the contract says, and nothing else: tried, not read from the grants."""

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from tests.builders import add_symbols

pytestmark = [pytest.mark.integration, pytest.mark.database]

OUTBOX = "INSERT INTO outbox (id, channel, service, event_type, version, data) VALUES (gen_random_uuid(), 'x', '{}', '{}', 1, '{{}}')"
ALERT = (
    "INSERT INTO quality_alerts (finding_key, check_name, channel, severity, verdict, remediation)"
    " VALUES ('k', 'c', 'x', 'low', 'undetermined', 'none')"
)
NUMBERED = OUTBOX.replace("data)", "data, batch)").replace("'{{}}')", "'{{}}', 1)")
ASIDE = OUTBOX.replace("data)", "data, set_aside)").replace("'{{}}')", "'{{}}', 'no')")
REPLAY = "INSERT INTO outbox_replays (channels, sent_through, until_seq) VALUES ('{}', 0, 1)"
PREFERENCE = "INSERT INTO user_preferences (user_name, kind, subject) VALUES ('u', 'mute', 'A')"
FINDING = "INSERT INTO operational_findings (check_name, severity, reported_by, message) VALUES ('c', 'low', 'x', 'm')"
REQUEST = "INSERT INTO bar_requests (symbol_id, first_session, last_session, reason) SELECT id, '2024-01-02', '2024-01-02', 'suspect' FROM symbols"
REPAIR = "INSERT INTO repair_requests (symbol_id, session, action, author) SELECT id, '2024-01-02', 'reload', 'x' FROM symbols"
QUEUE = "SELECT queue_symbols_for_processing('STOCK_EOD', NULL)"
STATS = "SELECT update_processing_stats('ETF', 1, 0, 1)"
READ = "SELECT count(*) FROM historical_data, symbols, quality_alerts, session_status, equity_processing_queue"
NUMBER = "UPDATE outbox SET batch = 1"
FORGE = "UPDATE outbox SET data = '{{}}'"
SYMBOL = "UPDATE symbols SET name = 'x'"
CALL = "SELECT vendor_before_call('v', 'k', 'grouped', 0, 1)"
PARTITION = "SELECT create_bar_partitions('2024-01-02', '2024-01-02')"

MAY = {
    "tickstock_ipo_monitor": [
        OUTBOX.format("ipo_monitor", "new_symbol"), FINDING, REQUEST, QUEUE, STATS, READ, SYMBOL, PARTITION, CALL,
        "UPDATE repair_requests SET state = 'applied'", "UPDATE historical_data SET suspect = true",
    ],
    "tickstock_quality_monitor": [
        OUTBOX.format("data_quality_monitor", "price_anomaly"), ALERT, FINDING, REQUEST, QUEUE, READ,
        "SELECT * FROM user_preferences", REPAIR, "UPDATE repair_requests SET state = 'accepted'",
        "SELECT * FROM trusted_bars",
    ],
    "tickstock_relay": ["SELECT * FROM outbox", NUMBER, "UPDATE outbox SET set_aside = 'x'", REPLAY, "UPDATE relay_state SET epoch = 1", FINDING],
    "tickstock_app": [READ, PREFERENCE, "SELECT * FROM get_session_status('2024-01-02')", "SELECT * FROM adjusted_bars",
        "SELECT * FROM trusted_bars", "SELECT * FROM repair_requests",
    ],
}  # fmt: skip
MAY_NOT = {
    "tickstock_ipo_monitor": [
        OUTBOX.format("ipo_monitor", "price_anomaly"), OUTBOX.format("data_quality_monitor", "new_symbol"),
        OUTBOX.format("data_quality_monitor", "price_anomaly"), ALERT, PREFERENCE, NUMBER, "DROP TABLE symbols",
        "SELECT * FROM outbox", "CREATE TABLE mine (id int)", NUMBERED.format("ipo_monitor", "new_symbol"),
        ASIDE.format("ipo_monitor", "new_symbol"), REPLAY, "UPDATE quality_alerts SET state = 'resolved'",
        "INSERT INTO quality_alert_steps (alert_id, state, verdict, author, words) VALUES (1, 's', 'v', 'a', 'w')",
    ],
    "tickstock_quality_monitor": [
        OUTBOX.format("data_quality_monitor", "new_symbol"), OUTBOX.format("ipo_monitor", "maintenance_started"),
        SYMBOL, STATS, PREFERENCE, NUMBER, PARTITION, CALL, "DELETE FROM historical_data", "UPDATE historical_data SET suspect = true",
        "INSERT INTO historical_data (symbol_id) SELECT id FROM symbols", "UPDATE bar_corrections SET reason = ''",
        "INSERT INTO known_empty (symbol_id, session, reason) SELECT id, '2024-01-02', 'x' FROM symbols", "UPDATE equity_types SET batch_size = 1",
        "INSERT INTO equity_processing_queue (equity_type, symbol_id, processing_priority) SELECT 'ETF', id, 1 FROM symbols",
    ],
    "tickstock_relay": [OUTBOX.format("ipo_monitor", "new_symbol"), FORGE, READ, SYMBOL, ALERT],
    "tickstock_app": [
        OUTBOX.format("ipo_monitor", "new_symbol"), ALERT, FINDING, REQUEST, REPAIR, QUEUE, STATS, SYMBOL, NUMBER, CALL,
        "UPDATE session_status SET state = 'ready'", "UPDATE equity_types SET batch_size = 1",
    ],
}  # fmt: skip


def attempt(admin: Engine, role: str, statement: str) -> None:
    with admin.connect() as connection:
        connection.execution_options(isolation_level="READ COMMITTED")
        with connection.begin() as tried:
            connection.execute(text("SELECT set_config('role', :role, true)"), {"role": role})
            connection.execute(text(statement.replace(":", "\\:")))
            tried.rollback()


@pytest.mark.parametrize(("role", "statement"), [(role, one) for role, all_ in MAY.items() for one in all_])
def test_may(admin: Engine, role: str, statement: str) -> None:
    add_symbols(admin, ["A"])
    attempt(admin, role, statement)


@pytest.mark.parametrize(("role", "statement"), [(role, one) for role, all_ in MAY_NOT.items() for one in all_])
def test_may_not(admin: Engine, role: str, statement: str) -> None:
    add_symbols(admin, ["A"])
    with pytest.raises(DBAPIError) as refused:
        attempt(admin, role, statement)
    assert refused.value.orig.pgcode == "42501", refused.value


def test_the_outbox_knows_the_same_event_types_as_the_catalogue(admin: Engine) -> None:
    from tickstock_automation.events.catalogue import EVENT_TYPES, Service

    roles = {Service.IPO_MONITOR: "tickstock_ipo_monitor", Service.DATA_QUALITY_MONITOR: "tickstock_quality_monitor"}
    for model in EVENT_TYPES:
        for service, role in roles.items():
            statement = OUTBOX.format(service.value, model.event_type)
            if service in model.services:
                attempt(admin, role, statement)
            else:
                with pytest.raises(DBAPIError):
                    attempt(admin, role, statement)


def test_no_role_may_log_in(admin: Engine) -> None:
    with admin.connect() as connection:
        rows = connection.execute(
            text("SELECT rolname FROM pg_roles WHERE rolname LIKE 'tickstock\\_%' AND rolcanlogin")
        )
        assert rows.all() == []
