"""Which equity type a security is processed as. Pure."""

DEFAULT = "STOCK_EOD"
BY_VENDOR_TYPE = {"ETF": "ETF", "ETN": "ETN", "ETV": "ETN", "ETS": "ETF"}


def equity_type_for(vendor_type: str | None) -> str:
    """The row of `equity_types` for a vendor's type; stocks of every kind are `STOCK_EOD` until a person says more."""
    return BY_VENDOR_TYPE.get(vendor_type or "", DEFAULT)
