"""A smoke test by strangers: public programs as customers of the real exchange, over real sockets.

Usage: run.py REPOSITORY BINARIES DIRECTORY. What it does and what comes out: docs/interoperability.md.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from importlib.metadata import version as version_of
from pathlib import Path

import capture
import clients
import glimpse
import recorded
import retransmission
import trading
from processes import Addresses, Failed, check, expect, run, silence, start

LOAD_SESSIONS = ("MAKER1", "TRADE1", "INVST1", "MAKER2", "TRADE2", "INVST2")


def done(program, what):
    print(f"ok    {program}: {what}", flush=True)


def skipped(program, reason):
    if os.environ.get("STRANGERS") == "required":
        raise Failed(f"{program} is required: {reason}")
    print(f"skip  {program}: {reason}", flush=True)


class Run:
    """One exchange and its strangers."""

    def __init__(self, stack, repository, binaries, directory):
        self.stack = stack
        self.repository = repository
        self.binaries = binaries
        self.directory = directory
        self.programs = Path(sys.executable).parent
        self.addresses = Addresses()
        self.recording = directory / "recorded.itch"

    def ours(self, name):
        return self.binaries / name

    async def begin(self):
        """Capture, exchange, recorder: in this order, so that the first packet is seen."""
        try:
            self.capture = await capture.Capture.begin(self.stack, self.directory, self.addresses)
        except capture.Skipped as reason:
            self.capture = None
            skipped("tshark", reason)
        text = await run(self.stack, "exchange check", self.ours("exchange"), "check", "--print-default")
        configuration = self.directory / "exchange.toml"
        configuration.write_text(self.addresses.configuration(text))
        self.exchange = await start(
            self.stack, "exchange", self.ours("exchange"), "run", "--config", configuration, "--data",
            self.directory / "data",
        )
        await self.exchange.said(r"^ready ", 30)
        self.recorder = await start(
            self.stack, "feed-handler record", self.ours("feed-handler"), "record",
            "--a", self.addresses.line(0), "--b", self.addresses.line(1),
            "--recovery", f"127.0.0.1:{self.addresses.recovery}", self.recording,
        )

    async def strangers_trade(self):
        self.ouch, self.itch = await clients.generate(self.stack, self.repository, self.directory, self.programs)
        self.live = await trading.watch(self.itch, self.addresses)
        responses = await trading.trade(self.ouch, self.addresses, self.live)
        done(f"nasdaq-protocols {version_of('nasdaq-protocols')}", (
            "OUCH 5.0 over SoupBinTCP: logins, orders, executions, replace, cancels, refusals; "
            f"{responses} responses, again from any number on"
        ))

    async def our_customers_trade(self):
        """The load generator over UDP, then over TCP; an order by hand."""
        for door in ([], ["--tcp"]):
            logins = [word for name in LOAD_SESSIONS for word in ("--login", f"{name}:demo")]
            said = await run(
                self.stack, "client-sim load", self.ours("client-sim"), "load", *logins, *door, "--json",
                "--server", f"127.0.0.1:{self.addresses.order_entry}", "--rate", "1500", "--for", "2s",
                # The feed has its readers here. One more would have all of it again over TCP, and tshark's dissector fails where
                # one frame of the capture has more than a thousand packets of SoupBinTCP.
                "--no-feed",
            )
            report = json.loads(next(line for line in said.splitlines() if line.startswith("{")))
            check(f"client-sim load: {report}", report["executions"] > 0 and all(report["checks"].values()))
        await run(
            self.stack, "client-sim trade", self.ours("client-sim"), "trade", "--account", "A", "--server",
            f"127.0.0.1:{self.addresses.order_entry}", "buy", "BTC-USD", "0.01", "--limit", "59000",
        )
        await glimpse.fill(self.ouch, self.addresses)

    async def end(self):
        """Everything that was published is known to everybody; then all end in order."""
        self.count = await silence(self.addresses, len(self.live.received) + 1) - 1
        self.feed = list(await self.live.until(self.count))
        # tshark does not see these: see docs/interoperability.md.
        self.replays = [await self.replay(1), await self.replay(self.count // 2)]
        for reason, login in (("S", {"session": "ITCH999999"}), ("S", {"sequence": self.count + 1_000})):
            await clients.refused(f"gap recovery with {login}", reason, self.itch, self.addresses.recovery, **login)
        done(f"nasdaq-protocols {version_of('nasdaq-protocols')}", (
            f"gap recovery: {self.count} ITCH messages live, again from number 1 and from the middle on, each encoded again"
        ))
        self.again, packets = await retransmission.take(self.addresses, self.live.session_name, self.feed)
        done("MoldUDP64 1.00 by hand", f"requests over UDP: {packets} packets with the feed's messages, and nothing else")
        before = clients.Client.logins
        orders = await glimpse.take(self.itch, self.addresses, self.feed, self.count)
        # Nobody captures that door.
        self.snapshots = clients.Client.logins - before
        quote = json.loads(await run(
            self.stack, "feed-handler quote", self.ours("feed-handler"), "quote", "BTC-USD", "--json",
            "--a", self.addresses.line(0), "--b", self.addresses.line(1),
            "--recovery", f"127.0.0.1:{self.addresses.recovery}", "--snapshot", f"127.0.0.1:{self.addresses.snapshot}",
        ))
        for side, ours in (("B", quote["bid"]), ("S", quote["ask"])):
            price, prices = glimpse.best(orders, "BTC-USD", side)
            check(f"{side}: {ours} in our books, {price} in the snapshot", (ours is None) == (price is None))
            if ours is not None:
                expect(f"best {side}", float(ours["price"]), price / 10_000)
        done(f"nasdaq-protocols {version_of('nasdaq-protocols')}", (
            f"GLIMPSE: {len(orders)} orders rest by the snapshot, as by the {self.count} messages of the day, and as in our books"
        ))
        await self.live.logout()
        said = await self.recorder.ended(interrupt=True)
        check(f"the recorder: {said}", f": {self.count} messages from 1 on" in said)
        await self.exchange.ended(interrupt=True)

    async def replay(self, first):
        """All messages from a number on, from a connection that begins now; gives its port."""
        client = await clients.Client.connect(
            f"gap recovery from {first}", self.itch, self.addresses.recovery, session=self.live.session_name, sequence=first
        )
        check(f"gap recovery from {first} differs", await client.until(self.count - first + 1) == self.feed[first - 1:])
        await client.logout()
        return client.port

    async def read_recording(self):
        said = await run(self.stack, "feed-handler replay", self.ours("feed-handler"), "replay", "--json", self.recording)
        self.counted = json.loads(said)
        messages = recorded.itchfeed(self.recording, self.directory / "itchfeed.itch")
        expect("messages that itchfeed reads", len(messages), self.count)
        expect("kinds that itchfeed reads", recorded.by_type(messages), self.counted["by_type"])
        check("recorded and recovered messages differ", messages == self.feed)
        for kind in "SRHAEXDU":
            check(f"no message {kind} was published", kind in self.counted["by_type"])
        again = await run(
            self.stack, "feed-handler replay", self.ours("feed-handler"), "replay", "--json", self.directory / "itchfeed.itch"
        )
        expect("what we read of itchfeed's file", json.loads(again)["by_type"], self.counted["by_type"])
        done(f"itchfeed {version_of('itchfeed')}", (
            f"{len(messages)} recorded messages, none unknown; the file it writes is the same and read by us"
        ))
        live = await recorded.itch_book(
            self.stack, self.programs, self.recording, self.directory / "closed.itch", messages
        )
        expect("orders that rest at the end", live, self.counted["resting_orders"])
        done(f"itch-book {version_of('itch-book')}", f"books rebuilt, PASS; {live} orders rest, as in ours")
        await self.itchcpp(self.recording, messages, "the recorded file")

    async def itchcpp(self, file, messages, what):
        """Its best bid and offer are ours behind every message."""
        tables = self.directory / f"tables of {file.name}"
        await run(self.stack, "feed-handler export", self.ours("feed-handler"), "export", file, "--to", tables, "--format", "csv")
        changes = recorded.itchcpp(messages, tables / "quotes.csv")
        done(f"itchcpp {version_of('itchcpp')}", f"books rebuilt of {what}; best bid and offer as ours at each of {changes} changes")

    async def read_day(self):
        """A whole day that a test of ours recorded: every message that the exchange may send."""
        day = self.directory / "day.itch"
        said = await run(self.stack, "feed-handler replay", self.ours("feed-handler"), "replay", "--json", day)
        counted = json.loads(said)
        messages = recorded.itchfeed(day, self.directory / "itchfeed-day.itch")
        expect("kinds that itchfeed reads of the day", recorded.by_type(messages), counted["by_type"])
        expect("kinds of messages on the day", "".join(sorted(counted["by_type"])), "ACDEFHIPQRSUX")
        live = await recorded.itch_book(self.stack, self.programs, day, self.directory / "whole.itch", messages)
        expect("orders that rest at the end of the day", live, counted["resting_orders"])
        await self.itchcpp(day, messages, "the day")
        done("itchfeed and itch-book", f"a whole day with auctions, pauses and unseen orders: {len(messages)} messages, PASS")
        events = 0
        for by in ("price", "order"):
            to = self.directory / f"events-by-{by}"
            await run(
                self.stack, "feed-handler export", self.ours("feed-handler"), "export", day, "--to", to,
                "--format", "hftbacktest", "--by", by,
            )
            events += recorded.exported(to, counted["trades"])
        done(f"numpy {version_of('numpy')}", f"{events} events exported of the day, by price and by order, all its trades among them")

    async def read_capture(self):
        if self.capture is None:
            return
        packets = await self.capture.end()
        self.capture.leave_out(self.replays)
        await self.capture.no_problems(self.stack, clients.Client.logins - len(self.replays) - self.snapshots)
        feed_name = None
        for index, name in enumerate("AB"):
            line = await self.capture.line(self.stack, index)
            expect(f"sessions on line {name}", len(line), 1)
            feed_name, stream = line.popitem()
            check(f"line {name} differs from the recording", capture.whole(f"line {name}", stream) == self.feed)
        recovery, replayed = await self.capture.connections(self.stack, self.addresses.recovery)
        expect("sessions at gap recovery", list(recovery), [feed_name])
        check("gap recovery differs from the recording", capture.whole("gap recovery", recovery[feed_name]) == self.feed)
        again = await self.capture.packets(self.stack, f"udp.srcport == {self.addresses.recovery}")
        expect("sessions at retransmission", list(again), [feed_name])
        for first, end in self.again:
            for number in range(first, end):
                check(f"message {number} differs over UDP", again[feed_name].pop(number, self.feed[number - 1]) == self.feed[number - 1])
        check("retransmission sent what was not asked for", not again[feed_name])
        sessions, sequenced = await self.capture.connections(self.stack, self.addresses.order_entry)
        for name, stream in (await self.capture.responses(self.stack)).items():
            self.check_responses(name, stream, sessions[name])
        done(f"tshark {await capture.version(self.stack)}", (
            f"{packets} packets, none malformed; lines A and B {self.count} messages each, as our feed handler counted; "
            f"SoupBinTCP {replayed} sequenced messages at gap recovery, {sequenced} at order entry"
        ))

        await self.read_orders()
        if dissector := os.environ.get("STRANGERS_ITCH_DISSECTOR"):
            types = await self.capture.itch(self.stack, dissector)
            expect("kinds of ITCH messages on line A", types, self.counted["by_type"])
            done(Path(dissector).name, f"{sum(types.values())} ITCH messages on line A, of the kinds our feed handler counted")

    async def read_orders(self):
        """With our dissector tshark reads what is ours, too."""
        dissector = self.repository / "docs/protocol/exchange.lua"
        found = await self.capture.orders(self.stack, dissector)
        expected = await self.capture.order_types(self.stack)
        for direction, types in expected.items():
            expect(f"kinds of {direction} by our dissector", found[direction], types)
        for kinds, direction in (("OUXuit", "requests"), ("SAECUJui", "responses")):
            for kind in kinds:
                check(f"no {kind} among the {direction}", kind in found[direction])
        harm = await self.capture.harmed_orders(self.stack, dissector, self.directory)
        done(dissector.name, (
            f"{sum(found['requests'].values())} requests and {sum(found['responses'].values())} responses over UDP and TCP, "
            f"none malformed, of the kinds that crossed; {harm} harmed datagrams are all called malformed"
        ))

    def check_responses(self, name, datagrams, connections):
        """What went over UDP is part of the numbered stream."""
        both = connections | datagrams
        for number in datagrams.keys() & connections.keys():
            expect(f"{name}: message {number} over UDP and TCP", datagrams[number], connections[number])
        capture.whole(f"{name} over UDP and TCP", both)


async def main(repository, binaries, directory):
    task = asyncio.current_task()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, task.cancel)
    async with contextlib.AsyncExitStack() as stack:
        one = Run(stack, repository, binaries, directory)
        await one.begin()
        await one.strangers_trade()
        await one.our_customers_trade()
        await one.end()
        await one.read_recording()
        await one.read_day()
        await one.read_capture()


if __name__ == "__main__":
    # The libraries tell each refusal that is provoked here; what goes wrong is raised.
    logging.disable(logging.CRITICAL)
    try:
        asyncio.run(main(*(Path(argument).resolve() for argument in sys.argv[1:4])))
    except Failed as failure:
        sys.exit(f"FAIL  {failure}")
    except asyncio.CancelledError:
        sys.exit("FAIL  ended from outside, or out of time")
