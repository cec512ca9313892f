//! What travels between stages, over bounded one-producer one-consumer rings.
//!
//! ```text
//!  recovery (TCP, admin, timers) --Inbound--> engine --EngineNote--> recovery
//!  engine --Journaled--> journal --Command (durable)--> recovery's replica
//!  engine --Cell records--> output --window--> recovery
//! ```

use std::net::SocketAddrV4;
use std::sync::{Arc, OnceLock};

use protocol::authentication::LoginKeys;
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

use crate::exchange::command::Command;
use crate::exchange::event::Event;
use crate::sys::parker::Waker;

/// By which one stage ends the rest of another's thread, where that one is not woken for ordinary work.
#[derive(Debug, Clone, Default)]
pub struct Rouse(Arc<OnceLock<Waker>>);

impl Rouse {
    /// From now on it is this thread that is roused.
    pub fn set(&self, waker: &Waker) {
        // A stage starts once.
        let _ = self.0.set(waker.clone());
    }

    /// Ends its rest; without a thread nothing rests.
    #[cold]
    pub fn rouse(&self) {
        if let Some(waker) = self.0.get() {
            waker.rouse();
        }
    }
}

/// Longest order-entry message taken at a door, appendage included. Longer ones are counted and dropped.
pub const MESSAGE_BYTES_MAX: usize = 240;

/// One order-entry message, copied once from a TCP connection.
#[derive(Debug, Clone, Copy)]
pub struct Message {
    length: u16,
    bytes: [u8; MESSAGE_BYTES_MAX],
}

impl Message {
    /// Copies `bytes`; `None` when they are longer than [`MESSAGE_BYTES_MAX`].
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mut message = Self {
            length: u16::try_from(bytes.len()).ok()?,
            bytes: [0; MESSAGE_BYTES_MAX],
        };
        message.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(message)
    }

    /// The message.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

/// Names a TCP connection for as long as the process lives; never reused.
pub type Connection = u64;

/// Recovery to engine: what came over TCP, from the operator, or from a timer.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::large_enum_variant, reason = "ring slots have one size")]
pub enum Inbound {
    /// A login was accepted: sequences a connection start, takes over from an older connection of the session.
    Login {
        /// Session index.
        session: u32,
        /// The new connection.
        connection: Connection,
        /// The day of the stream that it reads. Ignored unless the exchange is in it: the roll closes the connection.
        day: u32,
    },
    /// The connection ended by logout, loss or error. Ignored unless it is the session's current one.
    Ended {
        /// Session index.
        session: u32,
        /// The connection.
        connection: Connection,
    },
    /// Nothing came over the connection for its heartbeat limit. The engine ends it unless UDP was heard meanwhile.
    Silent {
        /// Session index.
        session: u32,
        /// The connection.
        connection: Connection,
        /// Nothing was heard since this time (the clock's nanoseconds).
        since_ns: u64,
    },
    /// Bind UDP: datagrams with `token` from `address` belong to the session from now on; older tokens die. Answered with
    /// [`EngineNote::Answerable`], the connection as its ticket: only then is the client told its token.
    Bind {
        /// Session index.
        session: u32,
        /// The connection.
        connection: Connection,
        /// From the operating system's random source.
        token: [u8; 8],
        /// The peer's address and the port it named.
        address: SocketAddrV4,
        /// What both directions are authenticated with; `None` where the token is enough.
        keys: Option<LoginKeys>,
    },
    /// One OUCH message.
    Message {
        /// Session index.
        session: u32,
        /// The connection; ignored unless it is the session's current one.
        connection: Connection,
        /// The message.
        message: Message,
    },
    /// A question was asked: tell recovery up to which command its view must be.
    Question {
        /// Recovery's name for the question.
        ticket: u64,
    },
    /// A command of the operator or of a timer; the sequencer numbers and times it.
    Command(Command),
}

/// Engine to recovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineNote {
    /// The question's answer must reflect all commands up to `sequence`.
    Answerable {
        /// From [`Inbound::Question`]; of [`Inbound::Bind`] the connection.
        ticket: u64,
        /// Command sequence number; 0 when there was none yet.
        sequence: u64,
    },
    /// The engine ended the connection (silence on both doors): close it.
    Close {
        /// The connection.
        connection: Connection,
    },
    /// A `r` Re-request came over UDP: send these messages again, to the session's bound address.
    ReRequest {
        /// Session index.
        session: u32,
        /// Where to.
        address: SocketAddrV4,
        /// First sequence number wanted.
        from: u64,
        /// Messages wanted.
        count: u16,
    },
}

/// Engine to journal: pushed when the command is taken, before its steps, so that a long command can not fill the
/// output ring while nothing of it is durable.
#[derive(Debug, Clone, Copy)]
pub struct Journaled {
    /// The command.
    pub command: Command,
    /// Running hash over all events of the commands before this one; replay compares it.
    pub events_hash_before: u64,
}

/// 32 bytes: the unit of the ring from engine to output. A record is a [`Header`], then by its kind the command
/// (4 cells) and the step's events (a cell each), or the cell of a key.
pub type Cell = [u64; 4];

/// What a record of the output ring is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum RecordKind {
    /// A step of a command: the command and events follow.
    Step = 1,
    /// Acknowledgements of `session` go to `address` from now on.
    Bind = 2,
    /// The session is no longer bound.
    Unbind = 3,
    /// As bind, and the packets are sealed: a cell with the key follows.
    BindSealed = 4,
}

/// First cell of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Header {
    /// Of the command; the record may leave once this command is released. 0 for bind and unbind: at once, in order.
    pub sequence: u64,
    /// A [`RecordKind`].
    pub kind: u32,
    /// Events that follow.
    pub events: u32,
    /// Bind, unbind: session index.
    pub session: u32,
    /// Bind: IPv4 address as a number.
    pub ip: u32,
    /// Bind: UDP port.
    pub port: u32,
    /// Step: 1 when it is the command's last.
    pub last: u32,
}

/// Cells of a command in a record.
pub const COMMAND_CELLS: usize = size_of::<Command>() / size_of::<Cell>();
/// Most events of a step.
pub const STEP_EVENTS_MAX: usize = 256;
/// Cells of the longest record.
pub const RECORD_CELLS_MAX: usize = 1 + COMMAND_CELLS + STEP_EVENTS_MAX;

const _: () = assert!(size_of::<Header>() == size_of::<Cell>() && size_of::<Event>() == size_of::<Cell>());

impl Header {
    /// A header of `kind`, everything else zero.
    pub fn new(kind: RecordKind) -> Self {
        Self {
            kind: kind as u32,
            ..Self::new_zeroed()
        }
    }
}

/// Appends a step's record to `cells`.
pub fn write_step(cells: &mut Vec<Cell>, command: &Command, last: bool, events: &[Event]) {
    let header = Header {
        sequence: command.sequence,
        events: u32::try_from(events.len()).expect("a step has at most 256 events"),
        last: u32::from(last),
        ..Header::new(RecordKind::Step)
    };
    cells.push(zerocopy::transmute!(header));
    let command: [Cell; COMMAND_CELLS] = zerocopy::transmute!(*command);
    cells.extend_from_slice(&command);
    cells.extend(
        events
            .iter()
            .map(|event| -> Cell { zerocopy::transmute!(*event) }),
    );
}
