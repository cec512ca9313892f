"""Requests over UDP, made by hand as MoldUDP64 1.00 has them: twenty bytes ask, one packet answers."""

import asyncio
import socket
import struct

from processes import Failed, check, expect

# Of the feed, at its beginning and at its end.
MESSAGES = 1_000


def _messages(packet, session, sequence):
    """The messages of a packet, which begins where it was asked to."""
    name, number, count = struct.unpack_from(">10sQH", packet)
    expect("session and number of an answer", (name.decode(), number), (session, sequence))
    messages, at = [], 20
    for _ in range(count):
        (length,) = struct.unpack_from(">H", packet, at)
        messages.append(packet[at + 2:at + 2 + length])
        at += 2 + length
    expect("bytes of an answer", len(packet), at)
    return messages


async def take(addresses, session, feed):
    """Asks for a part of the feed, packet by packet; gives the ranges of numbers that came, and how many packets it took."""
    loop = asyncio.get_running_loop()
    last = len(feed)
    ranges = [(1, min(MESSAGES, last) + 1), (max(1, last - MESSAGES), last + 1)]
    packets = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.setblocking(False)
        asker.connect(("127.0.0.1", addresses.recovery))
        # Nothing of these is answered: what comes next is the answer to the first good request.
        for name, sequence, count in (("ITCH999999", 1, 1), (session, last + 1, 1), (session, 0, 1), (session, 1, 0)):
            asker.send(struct.pack(">10sQH", name.encode(), sequence, count))
        asker.send(b"no request")
        for first, end in ranges:
            sequence = first
            while sequence < end:
                asker.send(struct.pack(">10sQH", session.encode(), sequence, end - sequence))
                try:
                    async with asyncio.timeout(5):
                        packet = await loop.sock_recv(asker, 2048)
                except TimeoutError:
                    raise Failed(f"no answer to a request for message {sequence} over UDP") from None
                messages = _messages(packet, session, sequence)
                check("an answer without messages", messages)
                expected = feed[sequence - 1:sequence - 1 + len(messages)]
                check(f"messages from {sequence} on differ over UDP", messages == expected)
                sequence += len(messages)
                packets += 1
    return ranges, packets
