"""tshark: everything that crossed the loopback interface, decoded as MoldUDP64 and SoupBinTCP."""

import re
import shutil
import struct
import xml.etree.ElementTree as xml
from collections import Counter, defaultdict

from processes import Failed, check, expect, run, start

# Malformed by tshark's judgement, or a part of a stream that could not be put together.
_PROBLEMS = '_ws.malformed || _ws.expert.group == "Malformed" || tcp.analysis.lost_segment || tcp.analysis.ack_lost_segment'
# nasdaq-protocols pads the number of a login on the right; tshark wants it padded on the left. (Its name of this finding
# speaks of the other packet, its text of the right one.)
_PADDED_LOGIN = "soupbintcp.packet_type == 'L' && (soupbintcp.req_seq_num.invalid || soupbintcp.next_seq_num.invalid)"
_ITCH_TYPE = "nasdaq.nsmequities.totalview.itch.v5.0.2017.messagetype"


class Skipped(Exception):
    """This machine does not offer what is needed."""


class Capture:
    """A running capture, then its file."""

    def __init__(self, process, path, addresses):
        self._process = process
        self._path = path
        self._addresses = addresses
        self._seen = "frame"

    def leave_out(self, ports):
        """Connections of these ports are not looked at."""
        self._seen = f"!(tcp.port in {{{', '.join(map(str, ports))}}})"

    @classmethod
    async def begin(cls, stack, directory, addresses):
        for program in ("dumpcap", "tshark"):
            if shutil.which(program) is None:
                raise Skipped(f"{program} is not installed, or may not be run")
        path = directory / "capture.pcapng"
        process = await start(
            stack, "dumpcap", "dumpcap", "-i", "lo", "-B", "64", "-f", addresses.capture_filter(), "-w", path
        )
        try:
            # Said once the interface and the file are open.
            await process.said(r"^File: ")
        except Failed:
            if refusal := process.find(r"(?i)you do(n't| not) have permission.*|no interfaces.*|no such device.*"):
                raise Skipped(f"capturing is not possible: {refusal[0]}") from None
            raise
        return cls(process, path, addresses)

    async def end(self):
        await self._process.ended(interrupt=True)
        dropped = self._process.find(r"received/dropped on interface '[^']*': (\d+)/(\d+)")
        check("dumpcap does not say what it dropped", dropped is not None)
        expect("packets that dumpcap dropped", int(dropped[2]), 0)
        return int(dropped[1])

    async def _tshark(self, stack, condition, *output, dissector=None, more=(), path=None):
        """What tshark says, in a file, of the packets that fit `condition`. A `dissector` in Lua finds its packets by
        itself; ours wants to be told more."""
        ports = self._addresses
        arguments = ["-r", path or self._path, "--disable-protocol", "ouch", *more]  # its OUCH ends with version 4
        if dissector is not None:
            arguments += ["-X", f"lua_script:{dissector}"]
        else:
            for door, protocol in (
                (f"udp.port=={ports.feed}", "moldudp64"),
                (f"udp.port=={ports.recovery}", "moldudp64"),
                (f"udp.port=={ports.order_entry}", "exchange" if more else "moldudp64"),
                (f"tcp.port=={ports.order_entry}", "soupbintcp"),
                (f"tcp.port=={ports.recovery}", "soupbintcp"),
            ):
                arguments += ["-d", f"{door},{protocol}"]
        path = self._path.with_suffix(".decoded")
        await run(stack, "tshark", "tshark", *arguments, "-Y", f"({condition}) && {self._seen}", *output, into=path)
        return path

    async def _rows(self, stack, condition, *fields, dissector=None, more=(), path=None):
        """Of each packet, the list of values of each field."""
        output = ["-T", "fields", "-E", "separator=|", "-E", "aggregator=,"]
        for field in fields:
            output += ["-e", field]
        path = await self._tshark(stack, condition, *output, dissector=dissector, more=more, path=path)
        return [[value.split(",") if value else [] for value in line.split("|")] for line in path.read_text().splitlines()]

    async def no_problems(self, stack, logins):
        """Nothing malformed, but for the `logins` of nasdaq-protocols, and for the order datagrams: these are not
        MoldUDP64, and show that it would be seen."""
        ours = f"udp.dstport == {self._addresses.order_entry}"
        theirs = await self._rows(stack, _PADDED_LOGIN, "frame.number", "soupbintcp.packet_type")
        expect("login numbers padded on the right", len(theirs), logins)
        problems = f"({_PROBLEMS}) && !({_PADDED_LOGIN})"
        found = await self._rows(stack, f"{problems} && !({ours})", "frame.number", "_ws.expert.message")
        expect("packets that tshark finds malformed", found, [])
        control = await self._rows(stack, f"{problems} && {ours}", "frame.number", "udp.length")
        check("tshark finds order datagrams to be good MoldUDP64 packets, so it looks at nothing", control)

    async def packets(self, stack, condition):
        """The messages of MoldUDP64 packets: {session: {sequence number: message}}."""
        streams = defaultdict(dict)
        for session, sequence, count, numbers, messages in await self._rows(
            stack, f"moldudp64 && {condition}", "moldudp64.session", "moldudp64.sequence", "moldudp64.count",
            "moldudp64.msgseq", "moldudp64.msgdata",
        ):
            expect("messages in a MoldUDP64 packet, by its header", [str(len(messages))], count)
            if messages:
                expect("numbers in a MoldUDP64 packet, by its header", numbers[0], sequence[0])
            for number, message in zip(numbers, messages, strict=True):
                _add(streams[session[0]], int(number), message)
        return streams

    async def line(self, stack, index):
        """Line A (0) or B (1)."""
        return await self.packets(stack, f"ip.dst == {self._addresses.LINES[index]}")

    async def itch(self, stack, dissector):
        """The ITCH messages of line A by type, by the dissector for TotalView-ITCH 5.0 of the Open Markets Initiative."""
        line = f"ip.dst == {self._addresses.LINES[0]}"
        bad = await self._rows(stack, f"{line} && ({_PROBLEMS})", "frame.number", dissector=dissector)
        expect("packets with malformed ITCH", bad, [])
        types = await self._rows(stack, line, _ITCH_TYPE, dissector=dissector)
        return dict(Counter(kind for packet in types for kind in packet[0]))

    async def orders(self, stack, dissector):
        """Requests and responses by type, over UDP and TCP, by our dissector, which finds nothing malformed."""
        more = ["-X", f"lua_script:{dissector}", "-o", f"exchange.port:{self._addresses.order_entry}"]
        door = f"(udp.port == {self._addresses.order_entry} || tcp.port == {self._addresses.order_entry})"
        problems = f"{door} && ({_PROBLEMS} || exchange.malformed) && !({_PADDED_LOGIN})"
        found = await self._rows(stack, problems, "frame.number", "_ws.expert.message", more=more)
        expect("order entry that our dissector finds malformed", found, [])
        rows = await self._rows(stack, door, "exchange.request", "exchange.response", more=more)
        return {
            name: dict(Counter(kind for row in rows for kind in row[index]))
            for index, name in enumerate(("requests", "responses"))
        }

    async def order_types(self, stack):
        """The same by hand: datagrams from their bytes, the rest from the messages that tshark finds in SoupBinTCP."""
        port = self._addresses.order_entry
        counts = {"requests": Counter(), "responses": Counter()}
        for name, end, header in (("requests", "dstport", 18), ("responses", "srcport", 20)):
            for (payload,) in await self._rows(stack, f"udp.{end} == {port}", "udp.payload"):
                datagram = bytes.fromhex(payload[0])
                count, at = int.from_bytes(datagram[header - 2:header], "big"), header
                for _ in range(0 if name == "responses" and count == 0xFFFF else count):
                    counts[name][chr(datagram[at + 2])] += 1
                    at += 2 + int.from_bytes(datagram[at:at + 2], "big")
            for (messages,) in await self._rows(stack, f"soupbintcp.message && tcp.{end} == {port}", "soupbintcp.message"):
                counts[name].update(chr(int(message[:2], 16)) for message in messages)
        return {name: dict(count) for name, count in counts.items()}

    async def harmed_orders(self, stack, dissector, directory):
        """Order datagrams that are cut, lengthened or inconsistent must be called malformed; how many were made."""
        port = self._addresses.order_entry
        rows = await self._rows(stack, f"udp.dstport == {port} && udp.length > 40", "udp.payload")
        whole = bytes.fromhex(rows[0][0][0])
        harmed = [
            whole[:17],
            whole[:16] + b"\x00\x40" + whole[18:],
            whole[:18] + b"\x05\xff" + whole[20:],
            whole + b"\x01",
            # A re-request of 10 bytes, an order with an option that overruns it.
            whole[:16] + b"\x00\x01\x00\x0ar" + bytes(9),
            whole[:16] + b"\x00\x01\x00\x31O" + bytes(44) + b"\x00\x02\x09\x80",
        ]
        path = directory / "harmed.pcap"
        path.write_bytes(_pcap([(40_000, port, whole)] + [(40_000, port, datagram) for datagram in harmed]))
        more = ["-X", f"lua_script:{dissector}", "-o", f"exchange.port:{port}"]
        rows = await self._rows(stack, "exchange.malformed", "frame.number", more=more, path=path)
        expect("harmed datagrams that our dissector calls malformed", [row[0][0] for row in rows], [
            str(number) for number in range(2, len(harmed) + 2)
        ])
        return len(harmed)

    async def responses(self, stack):
        """What went to customers over UDP."""
        return await self.packets(stack, f"udp.srcport == {self._addresses.order_entry}")

    async def connections(self, stack, port):
        """The sequenced messages of a TCP door, all connections together: ({session: {sequence number: message}},
        how many packets). The numbers are those that tshark counts."""
        streams, count, sessions = defaultdict(dict), 0, {}
        path = await self._tshark(stack, f"soupbintcp && tcp.srcport == {port}", "-T", "pdml", "-J", "tcp soupbintcp")
        client = None
        for _, protocol in xml.iterparse(path):
            if protocol.tag == "proto" and protocol.get("name") == "tcp":
                client = _fields(protocol)["tcp.dstport"].get("show")
            elif protocol.tag == "proto" and protocol.get("name") == "soupbintcp":
                fields = _fields(protocol)
                kind = chr(int(fields["soupbintcp.packet_type"].get("value"), 16))
                if kind == "A":
                    sessions[client] = fields["soupbintcp.session"].get("show").strip()
                elif kind == "S":
                    number = re.search(r"\d+", fields["soupbintcp.seq_num"].get("showname"))[0]
                    _add(streams[sessions[client]], int(number), fields["soupbintcp.message"].get("value"))
                    count += 1
            elif protocol.tag == "packet":
                protocol.clear()
        return streams, count


def _pcap(datagrams):
    """A capture of these UDP datagrams (source port, destination port, bytes), as raw IPv4."""
    text = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 101)
    for source, destination, payload in datagrams:
        udp = struct.pack(">HHHH", source, destination, 8 + len(payload), 0) + payload
        packet = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, b"\x7f\0\0\1", b"\x7f\0\0\1") + udp
        text += struct.pack("<IIII", 0, 0, len(packet), len(packet)) + packet
    return text


def _fields(protocol):
    return {field.get("name"): field for field in protocol.iter("field")}


async def version(stack):
    return re.search(r"TShark \D*([0-9.]+)", await run(stack, "tshark", "tshark", "--version"))[1]


def _add(stream, number, message):
    """A repeated number must bring the same bytes."""
    message = bytes.fromhex(message)
    expect(f"message {number}, the second time", stream.setdefault(number, message), message)


def whole(what, stream):
    """The messages of a stream in order; it must begin with 1 and have no hole."""
    expect(f"{what}: numbers", sorted(stream), list(range(1, len(stream) + 1)))
    return [stream[number] for number in sorted(stream)]
