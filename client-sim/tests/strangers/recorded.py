"""The recorded feed as strangers read it: itchfeed, itch-book and itchcpp, which also rebuild every book, and NumPy what is
exported."""

import csv
from collections import Counter
from decimal import Decimal

import numpy
from itch.parser import MessageParser
from itchcpp.book import BookManager

from processes import check, expect, run

# What itch-book finds wrong with a file, beyond message counts.
_FAULTS = ("unknown", "malformed", "pending_bytes", "rejected", "dup_ref", "clamped", "missing_ref", "crossed_books")
_OUT_OF_BOOKS = {"adds": "AF", "executes": "EC", "cancels": "X", "deletes": "D", "replaces": "U"}


# One event of hftbacktest.
_EVENT = numpy.dtype(
    list(zip("ev exch_ts local_ts px qty order_id ival fval".split(), "u8 i8 i8 f8 f8 u8 i8 f8".split())), align=True
)
_TRADE = 2


def itchfeed(path, written):
    """Reads the whole file, encodes every message again into `written`; gives the messages' bytes."""
    messages = []
    with path.open("rb") as file, written.open("wb") as copy:
        for message in MessageParser().parse_file(file, save_file=copy):
            messages.append(message.to_bytes())
    check("itchfeed writes other bytes than it read", written.read_bytes() == path.read_bytes())
    return messages


def by_type(messages):
    return dict(Counter(chr(message[0]) for message in messages))


async def itch_book(stack, programs, path, closed, messages):
    """Rebuilds the books. The program wants a whole day; where this one has not ended, it reads a copy that ends
    with the System Event `C`."""
    types = by_type(messages)
    last = messages[-1]
    whole = last[:1] == b"S" and last[11:12] == b"C"
    end = b"" if whole else b"\x00\x0cS" + bytes(4) + last[5:11] + b"C"
    closed.write_bytes(path.read_bytes() + end)
    said = await run(stack, "itch2parquet verify", programs / "itch2parquet", "verify", "--date", "2000-01-01", closed)
    verdict = dict(line.split() for line in said.splitlines() if len(line.split()) == 2)
    expect("itch-book's verdict", said.splitlines()[-1], "PASS")
    expect("messages that itch-book read", int(verdict["messages"]), len(messages) + (not whole))
    for fault in _FAULTS:
        expect(f"itch-book's count of {fault}", int(verdict[fault]), 0)
    for name, kinds in _OUT_OF_BOOKS.items():
        expect(f"itch-book's count of {name}", int(verdict[name]), sum(types.get(kind, 0) for kind in kinds))
    return int(verdict["live_orders"])


def itchcpp(messages, quotes):
    """Rebuilds the books with itchcpp: behind every message its best bid and offer are ours, which lie in `quotes`, our
    export. Gives how often they changed."""
    books = BookManager()
    instruments, best, theirs = {}, {}, []
    for message in messages:
        books.process_stream(len(message).to_bytes(2, "big") + message)
        locate = message[1:3]
        if message[:1] == b"R":
            instruments[locate] = (message[11:19].decode().strip(), int.from_bytes(message[21:25], "big"))
        # It has a book from the first order on.
        if locate not in instruments or (book := books.book_for_symbol(instruments[locate][0])) is None:
            continue
        bbo = book.bbo()
        now = (
            (round(bbo.bid_price * 10_000), bbo.bid_shares) if bbo.has_bid else None,
            (round(bbo.ask_price * 10_000), bbo.ask_shares) if bbo.has_ask else None,
        )
        if now != best.get(locate, (None, None)):
            best[locate] = now
            theirs.append((int.from_bytes(message[5:11], "big"), instruments[locate][0], *now))
    lots_per_unit = dict(instruments.values())

    def side(row, name):
        if not row[f"{name}_price"]:
            return None
        lots = Decimal(row[f"{name}_quantity"]) * lots_per_unit[row["symbol"]]
        return int(Decimal(row[f"{name}_price"]) * 10_000), int(lots)

    with quotes.open() as file:
        ours = [
            (int(row["timestamp_ns"]), row["symbol"], side(row, "bid"), side(row, "ask")) for row in csv.DictReader(file)
        ]
    expect("changes of best bid and offer that itchcpp sees", len(theirs), len(ours))
    for their, our in zip(theirs, ours):
        expect("best bid and offer by itchcpp", their, our)
    return len(theirs)


def exported(directory, trades):
    """Events in files of NumPy, one for each instrument, with as many trades as we counted; gives their number."""
    files = [numpy.load(path) for path in directory.glob("*.npy")]
    for events in files:
        expect("what an event is", events.dtype, _EVENT)
        check("events go back in time", bool(numpy.all(numpy.diff(events["exch_ts"]) >= 0)))
        check("a price or quantity is less than nothing", bool(numpy.all((events["px"] > 0) & (events["qty"] >= 0))))
    expect("trades exported", sum(int(numpy.sum(events["ev"] & 0xFF == _TRADE)) for events in files), trades)
    return sum(len(events) for events in files)
