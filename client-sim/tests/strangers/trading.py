"""Order entry and gap recovery as strangers use them: two customers who trade, and a subscriber who watches over TCP."""

from clients import Client, refused
from processes import check, expect

PRICE = 600_000_000  # 60,000.0000, the reference price
POST_ONLY = [2, 12, ord("P")]


def order(ouch, user_ref, side, quantity, **different):
    """Enter Order for BTC-USD."""
    message = ouch.EnterOrder()
    fields = {
        "userrefnum": user_ref, "side": side, "quantity": quantity, "symbol": "BTC-USD", "price": PRICE,
        "time_in_force": "0", "display": "Y", "capacity": "A", "intermarket_sweep_eligibility": "N", "crosstype": "N",
        "clordid": f"stranger {user_ref}", "appendage": [],
    } | different
    for field, value in fields.items():
        setattr(message, field, value)
    return message


def request(kind, **fields):
    message = kind()
    for field, value in fields.items():
        setattr(message, field, value)
    return message


async def watch(itch, addresses):
    """A subscriber at the gap-recovery door who sees the day begin, and stays."""
    feed = await Client.connect("gap recovery, live", itch, addresses.recovery)
    await feed.expect("SystemEvent", event_code="O")
    state = ""
    while state != "T":
        message = await feed.next()
        if type(message).__name__ == "StockTradingAction" and message.stock == "KSHIBUSD":
            state = message.trading_state
    return feed


async def trade(ouch, addresses, feed):
    """Two strangers trade in an exchange that nobody else uses yet, and `feed` sees it. Gives the number of responses."""
    seller = await Client.connect("seller", ouch, addresses.order_entry, user="A", password="demo")
    buyer = await Client.connect("buyer", ouch, addresses.order_entry, user="B", password="demo")
    for customer in (seller, buyer):
        await customer.expect("SystemEvent", event_code="S")

    # An order rests, with an option.
    seller.send(order(ouch, 1, "S", 5, appendage=POST_ONLY))
    accepted = await seller.expect(
        "OrderAccepted", userrefnum=1, side="S", quantity=5, symbol="BTC-USD", price=PRICE, time_in_force="0",
        display="Y", capacity="A", crosstype="N", order_state="L", clordid="stranger 1", appendage=POST_ONLY,
    )
    number = accepted.order_reference_number
    await feed.expect(
        "AddOrderNoMPIDAttribution", stock_locate=1, order_reference_number=number, buy_sell_indicator="S", shares=5,
        stock="BTC-USD", price=PRICE,
    )

    # Another one takes a part of it.
    buyer.send(order(ouch, 1, "B", 2, time_in_force="3"))
    await buyer.expect("OrderAccepted", userrefnum=1, side="B", quantity=2, time_in_force="3")
    taken = await buyer.expect("OrderExecuted", userrefnum=1, quantity=2, price=PRICE, liquidity_flag="R")
    await seller.expect(
        "OrderExecuted", userrefnum=1, quantity=2, price=PRICE, liquidity_flag="A", match_number=taken.match_number
    )
    await feed.expect(
        "OrderExecuted", order_reference_number=number, executed_shares=2, match_number=taken.match_number
    )

    # What is left is replaced by a larger one, reduced, canceled.
    seller.send(request(
        ouch.ReplaceOrderRequest, origuserrefnum=1, userrefnum=2, quantity=10, price=PRICE + 10_000, time_in_force="0",
        display="Y", intermarket_sweep_eligibility="N", clordid="stranger 2", appendage=[],
    ))
    replaced = await seller.expect("OrderReplaced", origuserrefnum=1, userrefnum=2, quantity=8, price=PRICE + 10_000)
    await feed.expect(
        "OrderReplace", original_order_reference_number=number,
        new_order_reference_number=replaced.order_reference_number, shares=8, price=PRICE + 10_000,
    )
    seller.send(request(ouch.CancelOrderRequest, userrefnum=2, quantity=6))
    await seller.expect("OrderCanceled", userrefnum=2, quantity=4, reason="U")
    await feed.expect("OrderCancel", order_reference_number=replaced.order_reference_number, cancelled_shares=4)
    seller.send(request(ouch.CancelOrderRequest, userrefnum=2, quantity=0))
    await seller.expect("OrderCanceled", userrefnum=2, quantity=4, reason="U")
    await feed.expect("OrderDelete", order_reference_number=replaced.order_reference_number)

    # A refusal, a repeated number without a second answer, and a question.
    seller.send(order(ouch, 3, "S", 1, symbol="NOTHING"))
    await seller.expect("Rejected", userrefnum=3, reason=0x0017, clordid="stranger 3")
    seller.send(order(ouch, 3, "S", 1))
    seller.send(request(ouch.AccountQueryRequest, appendage=[]))
    await seller.expect("AccountQueryResponse", nextuserrefnum=4)

    for customer in (seller, buyer):
        await customer.logout()
    await recover_by_number(ouch, addresses, seller)
    return len(seller.received) + len(buyer.received)


async def recover_by_number(ouch, addresses, seller):
    """What a session was told comes again from any number on, byte for byte."""
    everything = seller.received
    door = {"module": ouch, "port": addresses.order_entry}
    for session, first in (("", 1), (seller.session_name, 4), ("", len(everything)), ("", 0)):
        again = await Client.connect(
            f"recovery from {first}", user="A", password="demo", session=session, sequence=first, **door
        )
        expected = everything[(first or len(everything)) - 1:]
        expect(f"session name at recovery from {first}", again.session_name, seller.session_name)
        expect(f"messages from {first} on", await again.until(len(expected)), expected)
        await again.logout()
    check("the session name has ten characters", len(seller.session_name) == 10)
    await refused("wrong password", "A", user="A", password="wrong", **door)
    await refused("unknown user", "A", user="NOBODY", password="demo", **door)
    await refused("unknown session", "S", user="A", password="demo", session="O999990001", **door)
    await refused("number beyond the end", "S", user="A", password="demo", sequence=1_000_000, **door)
