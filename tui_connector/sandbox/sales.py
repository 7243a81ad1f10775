"""Order processing: invoices, shipments, credit memos, comments, and state changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from .catalogue import stamp
from .criteria import unsupported
from .handlers import Call, Checks, Endpoints, Handlers, ListHandler, no_such_sales_entity, required_object
from .orders import OrderItems, Orders, item_alone, number_of
from .records import Item, Records
from .response import Json, Refusal, as_list, objects_in

_SALES_COLUMNS = "email_sent send_email customer_note customer_note_notify transaction_id discount_description"
_INVOICE_COLUMNS = f"{_SALES_COLUMNS} is_used_for_refund base_total_refunded"
_SHIPMENT_COLUMNS = f"{_SALES_COLUMNS} customer_id shipment_status total_weight shipping_label"
_MEMO_COLUMNS = f"{_SALES_COLUMNS} invoice_id creditmemo_status"
_TRANSACTION_COLUMNS = """
parent_id order_id payment_id txn_id parent_txn_id txn_type is_closed additional_information created_at
"""
_COPIED = (
    *("base_currency_code", "base_to_global_rate", "base_to_order_rate", "billing_address_id", "discount_amount"),
    *("global_currency_code", "discount_tax_compensation_amount", "order_currency_code", "store_currency_code"),
    *("store_id", "store_to_base_rate", "store_to_order_rate", "base_discount_amount", "tax_amount"),
    *("base_discount_tax_compensation_amount", "base_tax_amount"),
)
"""Fields that a document copies from its order."""
_LINE_COPIED = (
    *("base_discount_tax_compensation_amount", "base_price", "base_price_incl_tax", "base_row_total"),
    *("base_row_total_incl_tax", "base_tax_amount", "discount_tax_compensation_amount", "name", "price"),
    *("price_incl_tax", "product_id", "row_total", "row_total_incl_tax", "sku", "tax_amount"),
)
_SHIPPED_LINE = ("name", "price", "product_id", "sku", "weight")
_STATUSES = {"new": ("pending",), "processing": ("processing", "fraud"), "holded": ("holded", "pending")}
"""Statuses that a comment may set, by state of the order; in other states, only its current status."""
_CANNOT_BE_HELD = ("canceled", "complete", "closed", "holded", "payment_review")

_NO_PRODUCTS = "The invoice can't be created without products. Add products and try again."
_NO_SHIPMENT = "You can't create a shipment without products."
_TOO_MANY = "The quantity to refund must not be greater than the unrefunded quantity."
_SENT = ("order_id", "parent_id", "weight", "qty", "description", "track_number", "title", "carrier_code")


class Sales(Endpoints):
    """The routes of orders and their documents."""

    def __init__(self, orders: Orders, list_handler: ListHandler, now: Callable[[], datetime]) -> None:
        self.orders = orders
        self._list_handler = list_handler
        self.items = OrderItems(orders)
        self._now = now
        made = range(1, orders.made + 1)
        statuses = {row: orders.initial_status(row) for row in made}
        self._invoiced = [row for row in made if statuses[row] != "pending"]
        self._shipped = [row for row in made if statuses[row] in ("complete", "closed")]
        self._refunded = [row for row in made if statuses[row] == "closed"]
        self.invoices = Records(
            "entity_id", _INVOICE_COLUMNS, size=len(self._invoiced), make=self._made(self._invoiced, self._invoice)
        )
        self.shipments = Records(
            "entity_id", _SHIPMENT_COLUMNS, size=len(self._shipped), make=self._made(self._shipped, self._shipment)
        )
        self.memos = Records(
            "entity_id", _MEMO_COLUMNS, size=len(self._refunded), make=self._made(self._refunded, self._memo)
        )
        self.tracks = Records("entity_id")
        self.transactions = Records(
            "transaction_id", _TRANSACTION_COLUMNS, size=len(self._invoiced) // 4, make=self._transaction
        )

    def handlers(self) -> Handlers:
        lists = {
            "orders": self.orders,
            "orders/items": self.items,
            "invoices": self.invoices,
            "shipments": self.shipments,
            "creditmemos": self.memos,
            "transactions": self.transactions,
        }
        single = {
            "orders/:id": self.orders,
            "orders/items/:id": self.items,
            "invoices/:id": self.invoices,
            "shipment/:id": self.shipments,
            "creditmemo/:id": self.memos,
            "transactions/:id": self.transactions,
        }
        commented = {"orders": self.orders, "invoices": self.invoices, "shipment": self.shipments}
        commented["creditmemo"] = self.memos
        return {
            **{f"GET /V1/{path}": self._list_handler(rows) for path, rows in lists.items()},
            **{f"GET /V1/{path}": _one(rows) for path, rows in single.items()},
            **{f"GET /V1/{path}/:id/comments": _comments(rows) for path, rows in commented.items()},
            "GET /V1/orders/:id/statuses": lambda call: self._order(call)["status"],
            "POST /V1/orders": self._create,
            "PUT /V1/orders/create": self._create,
            "POST /V1/orders/:id/cancel": self._cancel,
            "POST /V1/orders/:id/hold": self._hold,
            "POST /V1/orders/:id/unhold": self._unhold,
            "POST /V1/orders/:id/emails": lambda call: bool(self._order(call)),
            "POST /V1/orders/:id/comments": self._comment,
            "POST /V1/order/:orderId/invoice": self._post_invoice,
            "POST /V1/order/:orderId/ship": self._post_shipment,
            "POST /V1/order/:orderId/refund": self._post_refund,
            "POST /V1/shipment/track": self._post_track,
            "DELETE /V1/shipment/track/:id": self._delete_track,
        }

    def checks(self) -> Checks:
        return {
            "POST /V1/orders": lambda body: required_object(body, "entity"),
            "POST /V1/orders/:id/comments": lambda body: required_object(body, "statusHistory"),
        }

    def _order(self, call: Call, variable: str = "id") -> Item:
        order = self.orders.get(call.number(variable))
        if order is None:
            raise no_such_sales_entity()
        return order

    def _change(self, order: Item, values: Item) -> None:
        self.orders.change(_row(order), values | {"updated_at": stamp(self._now())})
        for line in _lines(order | values):
            self.items.change(int(number_of(line, "item_id")), item_alone(line))

    def _create(self, call: Call) -> Json:
        payload = required_object(call.body, "entity")
        if not isinstance(payload.get("payment"), dict):
            raise Refusal(400, "Please provide payment for the order.")
        known = payload.get("entity_id")
        if isinstance(known, int) and self.orders.get(known) is not None:
            return self.orders.change(known, payload | {"updated_at": stamp(self._now())})
        row, now = self.orders.next_number, stamp(self._now())
        lines: list[Json] = []
        for line in _lines(payload):
            price = number_of(line, "price")
            own: Item = {"created_at": now, "order_id": row, "original_price": price, "updated_at": now}
            own |= {"row_total": price * number_of(line, "qty_ordered"), "base_row_total": 0}
            own |= {"row_total_incl_tax": 0, "base_row_total_incl_tax": 0}
            lines.append(self.items.add(own | line))
        payment: Item = {"account_status": None, "additional_information": [], "cc_last4": None, "entity_id": row}
        totals: Item = {
            "base_total_due": payload.get("base_grand_total", 0),
            "total_due": payload.get("grand_total", 0),
        }
        made: Item = {"created_at": now, "updated_at": now, "store_name": "Admin\nDefault\nAdmin", "entity_id": row}
        made |= {"protect_code": f"{row:032x}", "increment_id": f"{row:09d}", "total_item_count": len(lines)}
        own_payment = payload["payment"] if isinstance(payload["payment"], dict) else {}
        made |= totals | payload | {"payment": payment | own_payment | {"parent_id": row}, "status_histories": []}
        return self.orders.add(made | {"entity_id": row, "items": lines})

    def _cancel(self, call: Call) -> Json:
        order = self._order(call)
        if order.get("state") in _CANNOT_BE_HELD or any(number_of(line, "qty_invoiced") for line in _lines(order)):
            return False
        lines: list[Json] = [line | {"qty_canceled": line.get("qty_ordered")} for line in _lines(order)]
        total = order.get("grand_total")
        amounts: Item = {"total_canceled": total, "base_total_canceled": total, "total_due": 0, "base_total_due": 0}
        self._change(order, amounts | {"state": "canceled", "status": "canceled", "items": lines})
        return True

    def _hold(self, call: Call) -> Json:
        order = self._order(call)
        if order.get("state") in _CANNOT_BE_HELD:
            raise Refusal(400, "A hold action is not available.")
        before: Item = {"hold_before_state": order.get("state"), "hold_before_status": order.get("status")}
        self._change(order, before | {"state": "holded", "status": "holded"})
        return True

    def _unhold(self, call: Call) -> Json:
        order = self._order(call)
        if order.get("state") != "holded":
            raise Refusal(400, "You cannot remove the hold.")
        back: Item = {"state": order.get("hold_before_state"), "status": order.get("hold_before_status")}
        self._change(order, back | {"hold_before_state": None, "hold_before_status": None})
        return True

    def _comment(self, call: Call) -> Json:
        payload = required_object(call.body, "statusHistory")
        order = self._order(call)
        status = payload.get("status", order.get("status"))
        if status not in (order.get("status"), *_STATUSES.get(str(order.get("state")), ())):
            text = 'Unable to add comment: The status "%1" is not part of the order status history.'
            raise Refusal(400, text, [status])
        row, now = _row(order), stamp(self._now())
        comments = as_list(order.get("status_histories"))
        comment: Item = {"comment": None, "is_customer_notified": 0, "is_visible_on_front": 0} | payload
        changed = self.orders.changed_records().values()
        number = 1_000_000 + sum(len(as_list(each.get("status_histories"))) for each in changed)
        comment |= {"created_at": now, "entity_id": number, "entity_name": "order", "parent_id": row, "status": status}
        self.orders.change(row, {"status_histories": [comment, *comments], "status": status, "updated_at": now})
        return True

    def _post_invoice(self, call: Call) -> Json:
        order = self._order(call, "orderId")
        wanted = _wanted(call.body, order, "qty_ordered", "qty_invoiced")
        problems = [] if wanted else [_NO_PRODUCTS]
        if order.get("state") in ("closed", "canceled", "holded", "complete"):
            problems.append(f"An invoice cannot be created when an order has a status of {order.get('state')}")
        if problems:
            raise _invalid("Invoice", problems)
        invoice = self.invoices.add(self._invoice(self.invoices.next_number, order, wanted))
        self._progress(order, "qty_invoiced", wanted, {"total_paid": order.get("grand_total"), "total_due": 0})
        return str(invoice["entity_id"])

    def _post_shipment(self, call: Call) -> Json:
        order = self._order(call, "orderId")
        wanted = _wanted(call.body, order, "qty_ordered", "qty_shipped")
        if not wanted or order.get("state") in ("closed", "canceled", "holded"):
            raise _invalid("Shipment", [_NO_SHIPMENT])
        shipment = self.shipments.add(self._shipment(self.shipments.next_number, order, wanted))
        row = int(number_of(shipment, "entity_id"))
        for track in objects_in(call.body.get("tracks")):
            self._add_track(row, _row(order), track)
        self._progress(order, "qty_shipped", wanted, {})
        return str(row)

    def _post_refund(self, call: Call) -> Json:
        order = self._order(call, "orderId")
        if order.get("state") == "closed":
            raise _invalid("Creditmemo", ["A creditmemo can not be created when an order has a status of closed"])
        wanted = _wanted(call.body, order, "qty_invoiced", "qty_refunded")
        if not wanted:
            raise _invalid("Creditmemo", [_TOO_MANY])
        memo = self.memos.add(self._memo(self.memos.next_number, order, wanted))
        self._progress(order, "qty_refunded", wanted, {"total_refunded": memo["grand_total"]})
        return str(memo["entity_id"])

    def _post_track(self, call: Call) -> Json:
        payload = required_object(call.body, "entity")
        for name in payload:
            if name not in (*_SENT, "entity_id", "extension_attributes", "created_at", "updated_at"):
                raise unsupported(name)
        row = int(number_of(payload, "parent_id"))
        shipment = self.shipments.get(row)
        if shipment is None or shipment.get("order_id") != payload.get("order_id"):
            raise Refusal(400, "Could not save the shipment tracking.")
        return self._add_track(row, int(number_of(payload, "order_id")), payload)

    def _delete_track(self, call: Call) -> Json:
        row = call.number("id")
        track = self.tracks.get(row)
        if track is not None:
            self.tracks.delete(row)
            self._show_tracks(int(number_of(track, "parent_id")))
        return True

    def _add_track(self, shipment: int, order: int, payload: Item) -> Item:
        now = stamp(self._now())
        made: Item = {"order_id": order, "created_at": now, "parent_id": shipment, "updated_at": now, "weight": 0}
        track = self.tracks.add(made | {"qty": 0, "description": ""} | payload | {"parent_id": shipment})
        self._show_tracks(shipment)
        return track

    def _show_tracks(self, shipment: int) -> None:
        tracks: list[Json] = [track for track in self.tracks.rows() if track.get("parent_id") == shipment]
        self.shipments.change(shipment, {"tracks": tracks})

    def _progress(self, order: Item, counted: str, wanted: dict[int, float], values: Item) -> None:
        """Add quantities to the items, and set the state that results."""
        lines = [
            line | {counted: number_of(line, counted) + wanted.get(int(number_of(line, "item_id")), 0)}
            for line in _lines(order)
        ]
        done = {
            name: all(number_of(line, name) >= number_of(line, "qty_ordered") for line in lines)
            for name in ("qty_invoiced", "qty_shipped", "qty_refunded")
        }
        state = "closed" if done["qty_refunded"] else "processing"
        if done["qty_invoiced"] and done["qty_shipped"] and not done["qty_refunded"]:
            state = "complete"
        self._change(order, values | {"state": state, "status": state, "items": list[Json](lines)})

    def _made(
        self, orders: Sequence[int], make: Callable[[int, Item, dict[int, float]], Item]
    ) -> Callable[[int], Item]:
        """Generates documents: one per order, with all its items."""

        def made(row: int) -> Item:
            order = self.orders.get(orders[row - 1]) or {}
            return make(row, order, {int(number_of(line, "item_id")): 1.0 for line in _lines(order)})

        return made

    def _invoice(self, row: int, order: Item, wanted: dict[int, float]) -> Item:
        return self._with_amounts(row, order, wanted) | {"state": 2, "can_void_flag": 0, "comments": []}

    def _memo(self, row: int, order: Item, wanted: dict[int, float]) -> Item:
        nothing = ("adjustment", "adjustment_negative", "adjustment_positive")
        adjusted = {f"{base}{name}": 0 for base in ("", "base_") for name in nothing}
        return self._with_amounts(row, order, wanted) | adjusted | {"state": 3, "comments": []}

    def _with_amounts(self, row: int, order: Item, wanted: dict[int, float]) -> Item:
        lines = list(_document_lines(row, order, wanted, _LINE_COPIED))
        subtotal = round(sum(number_of(line, "row_total") for line in lines), 2)
        shipping = number_of(order, "shipping_amount") if row and len(lines) == len(_lines(order)) else 0
        own: Item = {"grand_total": round(subtotal + shipping, 2), "shipping_amount": shipping, "subtotal": subtotal}
        own |= {"shipping_discount_tax_compensation_amount": 0, "shipping_incl_tax": shipping, "shipping_tax_amount": 0}
        own["subtotal_incl_tax"] = subtotal
        both = own | {f"base_{name}": value for name, value in own.items()}
        both["base_shipping_discount_tax_compensation_amnt"] = both.pop(
            "base_shipping_discount_tax_compensation_amount"
        )
        copied: Item = {name: order[name] for name in _COPIED if name in order}
        return copied | self._document(row, order, wanted) | both | {"items": list[Json](lines)}

    def _shipment(self, row: int, order: Item, wanted: dict[int, float]) -> Item:
        lines: list[Json] = list(_document_lines(row, order, wanted, _SHIPPED_LINE))
        own: Item = {"billing_address_id": order.get("billing_address_id"), "store_id": order.get("store_id", 1)}
        own |= {"packages": [], "items": lines, "tracks": [], "comments": []}
        return self._document(row, order, wanted) | own | {"extension_attributes": {"source_code": "default"}}

    def _transaction(self, row: int) -> Item:
        """A transaction: every fourth invoice was paid through a payment provider."""
        order = self._invoiced[4 * row - 1]
        own: Item = {"transaction_id": row, "order_id": order, "payment_id": order, "txn_id": f"TXN-{row:08d}"}
        own |= {"txn_type": "capture", "is_closed": 1, "additional_information": []}
        at = (self.orders.get(order) or {}).get("created_at")
        return own | {"created_at": at, "child_transactions": []}

    def _document(self, row: int, order: Item, wanted: dict[int, float]) -> Item:
        at = order.get("updated_at") if _row(order) <= self.orders.made else stamp(self._now())
        own: Item = {"created_at": at, "updated_at": at, "entity_id": row, "increment_id": f"{row:09d}"}
        own |= {"order_id": _row(order), "total_qty": sum(wanted.values())}
        return own | {"shipping_address_id": 2 * _row(order) - 1}


def _one(rows: Records) -> Callable[[Call], Json]:
    def one(call: Call) -> Json:
        item = rows.get(call.number("id"))
        if item is None:
            raise no_such_sales_entity()
        return item

    return one


def _comments(rows: Records) -> Callable[[Call], Json]:
    """The comments of an order or document, in a search response as in Magento."""

    def comments(call: Call) -> Json:
        row = call.number("id")
        item = rows.get(row) or {}
        found = as_list(item.get("status_histories")) or as_list(item.get("comments"))
        criteria: Json = {"field": "parent_id", "value": str(row), "condition_type": "eq"}
        groups: Json = [{"filters": [criteria]}]
        return {"items": found, "search_criteria": {"filter_groups": groups}, "total_count": len(found)}

    return comments


def _row(order: Item) -> int:
    return int(number_of(order, "entity_id"))


def _lines(order: Item) -> list[Item]:
    return objects_in(order.get("items"))


def _wanted(body: Item, order: Item, of: str, done: str) -> dict[int, float]:
    """Quantity by item ID; empty if one exceeds what is left. Without items in the body: everything left."""
    left = {int(number_of(line, "item_id")): number_of(line, of) - number_of(line, done) for line in _lines(order)}
    payload = objects_in(body.get("items"))
    if not payload:
        return {item: quantity for item, quantity in left.items() if quantity > 0}
    wanted = {int(number_of(each, "order_item_id")): number_of(each, "qty") for each in payload}
    possible = all(0 < quantity <= left.get(item, 0) for item, quantity in wanted.items())
    return wanted if possible else {}


def _document_lines(row: int, order: Item, wanted: dict[int, float], names: Sequence[str]) -> Iterator[Item]:
    for line in _lines(order):
        item = int(number_of(line, "item_id"))
        if item in wanted:
            copied: Item = {name: line[name] for name in names if name in line}
            yield copied | {"entity_id": item, "parent_id": row, "order_item_id": item, "qty": wanted[item]}


def _invalid(document: str, problems: Sequence[str]) -> Refusal:
    return Refusal(400, "\n".join((f"{document} Document Validation Error(s):", *problems)))
