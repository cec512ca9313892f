"""nasdaq-protocols as a customer: its SoupBinTCP sessions, its OUCH and ITCH messages."""

import asyncio
import importlib
import sys

from nasdaq_protocols import common
from nasdaq_protocols.soup import LoginRejectReason

import specification
from processes import Failed, check, expect, run


async def generate(stack, repository, directory, programs):
    """Lets the library write its message classes from our documents; gives the modules for OUCH and ITCH."""
    modules = []
    sys.path.insert(0, str(directory))
    for protocol, document, sections in (
        ("ouch", "order-entry.md", ("Requests", "Responses")),
        ("itch", "market-data.md", ("Messages", "GLIMPSE 5.0")),
    ):
        xml = directory / f"{protocol}50.xml"
        specification.write(repository / "docs/protocol" / document, sections, xml)
        package = directory / f"generated_{protocol}"
        package.mkdir()
        await run(
            stack, f"{protocol} generator", programs / f"nasdaq-{protocol}-codegen",
            "--spec-file", xml, "--app-name", f"{protocol}50", "--op-dir", package,
        )
        modules.append(importlib.import_module(package.name))
    return modules


class Client:
    """A connection to one of the TCP doors. Every message is decoded by the library and encoded again: the bytes
    must be those that came."""

    # Of all clients, the refused ones too.
    logins = 0

    def __init__(self, what):
        self.what = what
        self.received = []
        self._closed = asyncio.Event()
        self._problem = None
        self._session = None

    @classmethod
    async def connect(cls, what, module, port, user="", password="", session="", sequence=1):
        client = cls(what)
        cls.logins += 1

        class Session(module.ClientSession):
            def decode(self, bytes_):
                return client._decode(module, bytes_)

        async def closed():
            client._closed.set()

        client._session = await module.connect_async(
            ("127.0.0.1", port), user, password, session, sequence,
            session_factory=lambda soup: Session(soup, on_close_coro=closed),
            # Ours come after 1 s of silence; the exchange gives up after 15.
            client_heartbeat_interval=1, server_heartbeat_interval=5,
        )
        return client

    @property
    def port(self):
        """Of this end."""
        return self._session.soup_session._transport.get_extra_info("sockname")[1]

    @property
    def session_name(self):
        return self._session.soup_session.session_id.session

    def _decode(self, module, received):
        try:
            length, message = module.Message.from_bytes(received)
            expect(f"{self.what}: bytes that the library reads of {type(message).__name__}", length, len(received))
            expect(f"{self.what}: {type(message).__name__} encoded again", message.to_bytes()[1], received)
        except Exception as problem:  # the library would drop the connection without a word
            self._problem = self._problem or f"{received.hex()}: {problem!r}"
            raise
        return length, message

    async def next(self, seconds=15):
        """The next sequenced message."""
        try:
            async with asyncio.timeout(seconds):
                message = await self._session.receive_message()
        except (TimeoutError, common.EndOfQueue) as problem:
            raise Failed(
                f"{self.what}: after {len(self.received)} messages none came: {self._problem or repr(problem)}"
            ) from None
        self.received.append(message.to_bytes()[1])
        return message

    async def expect(self, name, **fields):
        """The next message, which must be of this class with these values."""
        message = await self.next()
        expect(f"{self.what}: message {len(self.received)}", type(message).__name__, name)
        for field, value in fields.items():
            expect(f"{self.what}: {name}.{field}", getattr(message, field), value)
        return message

    async def until(self, count):
        """All messages up to this number of them."""
        while len(self.received) < count:
            await self.next()
        return self.received

    def send(self, message):
        self._session.send_message(message)

    async def logout(self):
        self._session.soup_session.logout()
        async with asyncio.timeout(15):
            await self._closed.wait()
        check(f"{self.what}: {self._problem}", self._problem is None)


async def refused(what, reason, module, port, **login):
    """A login that must be refused with this reason."""
    try:
        client = await Client.connect(what, module, port, **login)
    except ConnectionRefusedError as refusal:
        check(f"{what}: refused with {refusal}", LoginRejectReason(reason).name in str(refusal))
    else:
        await client.logout()
        raise Failed(f"{what}: the login was accepted")
