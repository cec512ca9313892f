"""Our own programs, as the strangers meet them: processes, ports, a configuration."""

import asyncio
import contextlib
import random
import re
import signal
import socket


class Failed(Exception):
    """Something is not as it must be."""


def expect(what, found, expected):
    """Compares; long values are cut in the message."""
    if found != expected:
        raise Failed(f"{what}: found {found!r:.400}, expected {expected!r:.400}")


def check(what, holds):
    if not holds:
        raise Failed(what)


class Process:
    """A started program. Its output is kept line by line; `killed` ends it whatever happened."""

    def __init__(self, name, child):
        self.name = name
        self.child = child
        self.lines = []
        self._more = asyncio.Condition()
        pipes = filter(None, (child.stdout, child.stderr))
        self._readers = [asyncio.create_task(self._read(pipe)) for pipe in pipes]

    @classmethod
    async def start(cls, name, *arguments, into=None):
        """Standard output goes into the file `into`, if one is given."""
        with contextlib.ExitStack() as stack:
            child = await asyncio.create_subprocess_exec(
                *map(str, arguments),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=stack.enter_context(into.open("wb")) if into else asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=1 << 24,
            )
        return cls(name, child)

    async def _read(self, pipe):
        async for line in pipe:
            # Progress is written over itself with carriage returns.
            self.lines += line.decode(errors="replace").splitlines()
            async with self._more:
                self._more.notify_all()
        async with self._more:
            self._more.notify_all()

    def output(self):
        return "\n".join(self.lines)

    def find(self, pattern):
        for line in self.lines:
            if found := re.search(pattern, line):
                return found
        return None

    async def said(self, pattern, seconds=20):
        """The first line that matches, now or later."""

        def is_over():
            return self.find(pattern) or all(reader.done() for reader in self._readers)

        async with self._more:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    # The end of the last pipe is noticed a turn after its last notice.
                    while not is_over():
                        with contextlib.suppress(TimeoutError):
                            async with asyncio.timeout(0.2):
                                await self._more.wait()
        found = self.find(pattern)
        if found is None:
            raise Failed(f"{self.name} never said {pattern!r}:\n{self.output()}")
        return found

    async def ended(self, seconds=30, interrupt=False):
        """Waits for its end, asks for it before if wanted; gives everything it said."""
        if interrupt and self.child.returncode is None:
            self.child.send_signal(signal.SIGINT)
        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(*self._readers)
                code = await self.child.wait()
        except TimeoutError:
            raise Failed(f"{self.name} did not end within {seconds} s:\n{self.output()}") from None
        if code != 0:
            raise Failed(f"{self.name} ended with {code}:\n{self.output()}")
        return self.output()

    async def killed(self):
        if self.child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.child.kill()
        await self.child.wait()
        for reader in self._readers:
            reader.cancel()


async def run(stack, name, *arguments, into=None):
    """Runs a program to its end; gives what it said."""
    process = await start(stack, name, *arguments, into=into)
    return await process.ended(60)


async def start(stack, name, *arguments, into=None):
    """Starts a program that lives no longer than `stack`."""
    process = await Process.start(name, *arguments, into=into)
    stack.push_async_callback(process.killed)
    return process


class Addresses:
    """Ports of this run. Chosen beforehand, because the capture begins before the exchange; below the range that the
    kernel gives away, so that nobody takes them in between."""

    LINES = ("239.192.0.1", "239.192.0.2")

    def __init__(self):
        free = random.sample(list(filter(_is_free, _candidates())), 4)
        self.order_entry, self.recovery, self.snapshot, self.feed = free

    def line(self, index):
        return f"{self.LINES[index]}:{self.feed}"

    def configuration(self, text):
        """The built-in configuration with these addresses."""
        for key, value in (
            ("order_entry_udp", f"127.0.0.1:{self.order_entry}"),
            ("order_entry_tcp", f"127.0.0.1:{self.order_entry}"),
            ("recovery_tcp", f"127.0.0.1:{self.recovery}"),
            ("snapshot_tcp", f"127.0.0.1:{self.snapshot}"),
            ("retransmission_udp", f"127.0.0.1:{self.recovery}"),
            ("line_a", self.line(0)),
            ("line_b", self.line(1)),
        ):
            text, count = re.subn(rf'(?m)^{key} = "[^"]*"', f'{key} = "{value}"', text)
            expect(f"lines of {key} in the built-in configuration", count, 1)
        # A capture on loopback sees a burst of datagrams before it is cut: as one packet, which tshark cannot take apart.
        text, count = re.subn(r"(?m)^send_offload = true", "send_offload = false", text)
        expect("lines of send_offload in the built-in configuration", count, 1)
        return text

    def capture_filter(self):
        return f"port {self.order_entry} or port {self.recovery} or port {self.feed}"


def _candidates():
    return random.sample(range(20_000, 32_000), 40)


def _is_free(port):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as door:
            try:
                door.bind(("0.0.0.0", port))
            except OSError:
                return False
    return True


async def silence(addresses, sequence, seconds=15):
    """Waits for a heartbeat on line A whose next sequence number is `sequence` or above; gives that number. The
    heartbeat comes a second after the last message: whoever listens has had the time to read that one."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        line.bind((addresses.LINES[0], addresses.feed))
        membership = socket.inet_aton(addresses.LINES[0]) + socket.inet_aton("127.0.0.1")
        line.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        line.setblocking(False)
        try:
            async with asyncio.timeout(seconds):
                while True:
                    packet = await loop.sock_recv(line, 2048)
                    next_sequence, count = int.from_bytes(packet[10:18], "big"), int.from_bytes(packet[18:20], "big")
                    if count == 0 and next_sequence >= sequence:
                        return next_sequence
        except TimeoutError:
            raise Failed(f"no heartbeat on line A from number {sequence} on within {seconds} s") from None
