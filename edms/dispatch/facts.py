"""What a far registry's receipt says of a consignment; in whatever order they come, the first time of a fact stays."""

from collections.abc import Callable, Mapping
from typing import Final

from edms.dispatch.models import OutboxItem
from edms.dispatch.package import EXCEPTIONS, Receipt
from edms.dispatch.rules import ItemState


def take_over(item: OutboxItem, receipt: Receipt) -> None:
    """Write what a receipt of any kind but void says onto its consignment."""
    _FACTS[receipt.kind](item, receipt)


def _delivered(item: OutboxItem, receipt: Receipt) -> None:
    item.delivered_at = item.delivered_at or receipt.at


def _registered(item: OutboxItem, receipt: Receipt) -> None:
    _delivered(item, receipt)
    item.registered_at = item.registered_at or receipt.at
    item.far_number = item.far_number or receipt.register_number[:80]
    if "annulled" not in (item.far or {}):
        item.state = ItemState.REGISTERED


def _updated(item: OutboxItem, receipt: Receipt) -> None:
    item.far = {**(item.far or {}), "unit": receipt.unit}


def _opened(item: OutboxItem, receipt: Receipt) -> None:
    item.opened_at = item.opened_at or receipt.at


def _settled(item: OutboxItem, receipt: Receipt) -> None:
    item.settled_at = item.settled_at or receipt.at


def _refused(item: OutboxItem, receipt: Receipt) -> None:
    item.refused_at, item.state = item.refused_at or receipt.at, ItemState.REFUSED
    item.refusal = receipt.reason_text or receipt.reason_code


def _annulled(item: OutboxItem, receipt: Receipt) -> None:
    _refused(item, receipt)
    item.far = {**(item.far or {}), "annulled": receipt.at.isoformat()}


def _exception(item: OutboxItem, receipt: Receipt) -> None:
    _delivered(item, receipt)
    reason = receipt.reason_code if receipt.reason_code in EXCEPTIONS else "package.other"
    item.far = {**(item.far or {}), "exception": reason}


_FACTS: Final[Mapping[str, Callable[[OutboxItem, Receipt], None]]] = {
    "delivered": _delivered,
    "registered": _registered,
    "updated": _updated,
    "opened": _opened,
    "settled": _settled,
    "refused": _refused,
    "annulled": _annulled,
    "exception": _exception,
}
