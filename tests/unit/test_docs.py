"""What the docs say stands in the code."""

from pathlib import Path

from tickstock_automation.events.catalogue import EVENT_TYPES
from tickstock_automation.quality.checks import CHECKS
from tickstock_automation.settings import Settings


def test_every_channel_check_and_setting_is_in_the_docs(checkout: Path) -> None:
    catalogue = (checkout / "docs" / "event-catalogue.md").read_text()
    for model in EVENT_TYPES:
        assert f"| `{model.channel}` | [`{model.event_type}`](#{model.event_type}) |" in catalogue
    checks = (checkout / "docs" / "checks.md").read_text()
    for check in CHECKS:
        assert f"| `{check.__name__}` |" in checks
    operations = (checkout / "docs" / "operations.md").read_text()
    for name, field in Settings.model_fields.items():
        assert f"`{field.validation_alias or 'TICKSTOCK_' + name.upper()}`" in operations
