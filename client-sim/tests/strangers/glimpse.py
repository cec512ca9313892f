"""The books as a snapshot tells them, and as the whole feed makes them: orders by number."""

import trading
from clients import Client, refused
from processes import check, expect


# Behind all numbers that the customer has used before.
_FIRST_NUMBER = 1_000


async def fill(ouch, addresses, orders=60):
    """Lets orders of both sides rest at a few prices, some of them attributed, so that a snapshot has something to tell."""
    customer = await Client.connect("resting orders", ouch, addresses.order_entry, user="B", password="demo", sequence=0)
    await customer.next()
    for index in range(orders):
        side, away = ("B", -1) if index % 2 else ("S", 1)
        price = trading.PRICE + away * 1_000_000 * (1 + index % 7)
        more = {"display": "A" if index % 5 == 0 else "Y", "price": price}
        customer.send(trading.order(ouch, _FIRST_NUMBER + index, side, 1 + index % 3, **more))
        await customer.expect("OrderAccepted", userrefnum=_FIRST_NUMBER + index, order_state="L")
    await customer.logout()


def rest(messages):
    """The orders that rest behind these ITCH messages: {number: [instrument, side, shares, price]}, in order of priority."""
    orders = {}
    for message in messages:
        kind, number = message[:1], int.from_bytes(message[11:19], "big")
        if kind in b"AF":
            shares, price = int.from_bytes(message[20:24], "big"), int.from_bytes(message[32:36], "big")
            orders[number] = [message[24:32].decode(), message[19:20].decode(), shares, price]
        elif kind in b"ECX":
            orders[number][2] -= int.from_bytes(message[19:23], "big")
            if orders[number][2] == 0:
                del orders[number]
        elif kind == b"D":
            del orders[number]
        elif kind == b"U":
            instrument, side, _, _ = orders.pop(number)
            shares, price = int.from_bytes(message[27:31], "big"), int.from_bytes(message[31:35], "big")
            orders[int.from_bytes(message[19:27], "big")] = [instrument, side, shares, price]
    return orders


def best(orders, instrument, side):
    """The best price of one side and the shares there."""
    prices = {}
    for name, whose, shares, price in orders.values():
        if (name.strip(), whose) == (instrument, side):
            prices[price] = prices.get(price, 0) + shares
    return (max(prices) if side == "B" else min(prices), prices) if prices else (None, prices)


def by_line(orders):
    """Who stands in which line: {(instrument, side, price): [number, shares, ...]}."""
    lines = {}
    for number, (instrument, side, shares, price) in orders.items():
        lines.setdefault((instrument, side, price), []).extend((number, shares))
    return lines


async def take(itch, addresses, feed, count):
    """Takes a snapshot when nothing trades; it must be the books of the `count` messages of `feed`. Gives its orders."""
    client = await Client.connect("snapshot", itch, addresses.snapshot)
    expect("session name of the snapshot", client.session_name[:4], "ITCH")
    kinds = []
    while True:
        message = await client.next()
        kinds.append(client.received[-1][:1].decode())
        if kinds[-1] == "G":
            number = "".join(getattr(message, f"sequence_number_{index}") for index in range(20))
            expect("number behind the snapshot", int(number), count + 1)
            break
    await client.logout()
    told = "".join(kinds)
    check(f"a snapshot begins with states: {told:.40}", told.startswith("SRHRHRHRH"))
    check(f"a snapshot has orders and an end behind them: {told:.80}", set(told[9:-1]) == set("AF") and len(told) > 60)
    orders = rest(client.received)
    expect("orders that rest by the snapshot, in their lines", by_line(orders), by_line(rest(feed)))
    await refused("a snapshot from the middle", "S", itch, addresses.snapshot, sequence=5)
    await refused("a snapshot of another session", "S", itch, addresses.snapshot, session="ITCH999999")
    return orders
