//! What a client needs to know before it connects.

use std::net::SocketAddrV4;

use protocol::authentication::MacSecret;
use tls::Trust;

use super::throttle::Limit;
use crate::faults::Faults;

/// Most orders in one datagram: what fits into 1,472 bytes.
pub const ORDERS_PER_DATAGRAM_MAX: u16 = 28;

/// Which door orders go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Orders and acknowledgements over UDP, everything else over TCP.
    Udp,
    /// Everything over TCP.
    Tcp,
}

/// Where in the session's stream to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With its first message of the day: everything done with the session is learned.
    Beginning,
    /// With the most recent one.
    Latest,
}

/// How patient the client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// A heartbeat goes out on each door after this much silence of ours.
    pub heartbeat_ns: u64,
    /// The connection is given up after this much silence of the exchange on both doors.
    pub silence_ns: u64,
    /// UDP is bound again when nothing came over it for this long, though TCP lives.
    pub udp_silence_ns: u64,
    /// A request without an answer is sent again after this; each further time takes twice as long.
    pub resend_ns: u64,
    /// A gap is asked for again after this.
    pub gap_retry_ns: u64,
    /// A gap of which nothing came for this long is fetched over TCP.
    pub gap_fetch_ns: u64,
    /// A gap of more missing messages than this is fetched over TCP at once.
    pub gap_messages_max: u64,
    /// Time between attempts to connect.
    pub reconnect_ns: u64,
    /// The client gives up when it could not log in for this long.
    pub patience_ns: u64,
}

/// Nanoseconds of a millisecond.
const MILLISECOND: u64 = 1_000_000;

impl Default for Timing {
    fn default() -> Self {
        Self {
            heartbeat_ns: 1_000 * MILLISECOND,
            silence_ns: 15_000 * MILLISECOND,
            udp_silence_ns: 5_000 * MILLISECOND,
            resend_ns: 50 * MILLISECOND,
            gap_retry_ns: 5 * MILLISECOND,
            gap_fetch_ns: 100 * MILLISECOND,
            gap_messages_max: 5_000,
            reconnect_ns: 250 * MILLISECOND,
            patience_ns: 30_000 * MILLISECOND,
        }
    }
}

/// Settings of one client.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// The order-entry door, TCP. Where orders go over UDP the exchange says itself.
    pub server: SocketAddrV4,
    /// Login name, up to 6 characters.
    pub username: String,
    /// Password, up to 10 characters.
    pub password: String,
    /// Whom the client believes, where the exchange's TCP doors are under TLS; `None`: TCP is plain.
    pub trust: Option<Trust>,
    /// Which door orders go through.
    pub door: Door,
    /// What datagrams are authenticated with, in both directions, where the account is configured so; `None`: the token is
    /// enough.
    pub mac: Option<MacSecret>,
    /// Where to begin in the stream.
    pub start: Start,
    /// Messages put into one datagram, 1 to [`ORDERS_PER_DATAGRAM_MAX`].
    pub orders_per_datagram: u16,
    /// Pads every datagram of orders to this many bytes, so that a burst has one size.
    pub pad_to: Option<usize>,
    /// Unfinished orders at most; the memory for them is taken at once.
    pub orders: usize,
    /// Orders and replacements that are sent at most; more are an error here ([`super::SendError::Throttled`]) and do not
    /// reach the exchange. What takes orders back is not limited, here as there.
    pub limit: Option<Limit>,
    /// The UDP socket's receive buffer.
    pub receive_buffer_bytes: usize,
    /// Outgoing datagrams lost on purpose.
    pub outgoing: Faults,
    /// Incoming datagrams lost on purpose.
    pub incoming: Faults,
    /// Patience.
    pub timing: Timing,
}

impl ClientConfig {
    /// The usual settings: UDP, from the latest message, 28 orders a datagram, room for 16,384 orders.
    pub fn new(server: SocketAddrV4, username: &str, password: &str) -> Self {
        Self {
            server,
            username: username.to_owned(),
            password: password.to_owned(),
            trust: None,
            door: Door::Udp,
            mac: None,
            start: Start::Latest,
            orders_per_datagram: ORDERS_PER_DATAGRAM_MAX,
            pad_to: None,
            orders: 16_384,
            limit: None,
            receive_buffer_bytes: 1 << 20,
            outgoing: Faults::none(),
            incoming: Faults::none(),
            timing: Timing::default(),
        }
    }
}
