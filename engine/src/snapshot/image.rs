//! A snapshot in memory: made of a replica, and taken apart again.

use zerocopy::{FromBytes, FromZeros, IntoBytes};

use super::header::{FLAG_CLEAN, HEADER_BYTES, Header};
use crate::exchange::snapshot::{Broken, Input};
use crate::exchange::{Exchange, Limits};
use crate::ingress::EventsHash;
use crate::output::Encoder;
use crate::recovery::replica::Replica;

/// What a process knows that its replica does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Hash of its configuration.
    pub configuration_hash: u64,
    /// The midnight that its commands' times count from.
    pub day_ns: u64,
}

/// Writes a snapshot of `replica`, which is between two commands, over `into`; returns the last command that it knows.
/// The checksums are missing: [`seal`] adds them, when the replica is needed no more.
pub fn build(replica: &Replica, origin: Origin, is_clean: bool, into: &mut Vec<u8>) -> u64 {
    into.clear();
    into.resize(HEADER_BYTES, 0);
    let mut part = |save: &dyn Fn(&mut Vec<u8>)| {
        let before = into.len();
        save(into);
        (into.len() - before) as u64
    };
    let core_bytes = part(&|into| replica.exchange().save(into));
    let streams_bytes = part(&|into| replica.encoder().save(into));
    let history_bytes = part(&|into| replica.save_history(into));
    let header = Header {
        flags: if is_clean { FLAG_CLEAN } else { 0 },
        sequence: replica.exchange().sequence(),
        time: replica.exchange().now(),
        day_ns: origin.day_ns,
        configuration_hash: origin.configuration_hash,
        matching_hash: super::matching_hash(),
        state_hash: replica.exchange().state_hash(),
        events_hash: replica.events_hash().value(),
        feed_next: replica.encoder().feed_next(),
        core_bytes,
        streams_bytes,
        history_bytes,
        trading_day: replica.exchange().day(),
        ..Header::new_zeroed()
    };
    into[..HEADER_BYTES].copy_from_slice(header.as_bytes());
    header.sequence
}

/// Adds the checksums to what [`build`] wrote.
///
/// # Panics
/// When it is something else.
pub fn seal(snapshot: &mut [u8]) {
    let (head, body) = snapshot.split_at_mut(HEADER_BYTES);
    let header = Header::read_from_bytes(head).expect("as long as a header");
    head.copy_from_slice(header.seal(body).as_bytes());
}

/// A snapshot whose checksums are right.
#[derive(Debug, Clone, Copy)]
pub struct Image<'a> {
    /// What it is of.
    pub header: Header,
    core: &'a [u8],
    streams: &'a [u8],
    history: &'a [u8],
}

/// Takes `bytes` apart.
///
/// # Errors
/// When they are not what was written.
pub fn open(bytes: &[u8]) -> Result<Image<'_>, Broken> {
    let (header, body) = Header::read(bytes)?;
    // The lengths were checked: their sum is the body's.
    let (core, rest) = body.split_at(header.core_bytes as usize);
    let (streams, history) = rest.split_at(header.streams_bytes as usize);
    Ok(Image {
        header,
        core,
        streams,
        history,
    })
}

impl Image<'_> {
    /// The exchange, compared with the hash that it had.
    ///
    /// # Errors
    /// When it is not the one that was saved.
    pub fn exchange(&self, limits: Limits, hash_seed: u64) -> Result<Exchange, Broken> {
        let exchange = whole(self.core, |input| Exchange::load(limits, hash_seed, input))?;
        if exchange.state_hash() != self.header.state_hash || exchange.sequence() != self.header.sequence {
            return Err(Broken("it gives another state than it was taken of"));
        }
        Ok(exchange)
    }

    /// The numbers of all streams.
    ///
    /// # Errors
    /// When they are not for `limits`.
    pub fn encoder(&self, limits: Limits) -> Result<Encoder, Broken> {
        whole(self.streams, |input| {
            Encoder::load(limits.instruments, limits.sessions, input)
        })
    }

    /// The whole replica; it remembers the last `finished_orders` of each account.
    ///
    /// # Errors
    /// As [`Image::exchange`].
    pub fn replica(&self, limits: Limits, hash_seed: u64, finished_orders: usize) -> Result<Replica, Broken> {
        let exchange = self.exchange(limits, hash_seed)?;
        let encoder = self.encoder(limits)?;
        let mut replica = Replica::resume(exchange, encoder, self.events_hash(), finished_orders);
        whole(self.history, |input| replica.load_history(input))?;
        Ok(replica)
    }

    /// Over all events up to its last command.
    pub fn events_hash(&self) -> EventsHash {
        EventsHash::resume(self.header.events_hash)
    }
}

/// Reads a part to its end.
fn whole<T>(part: &[u8], load: impl FnOnce(&mut Input<'_>) -> Result<T, Broken>) -> Result<T, Broken> {
    let mut input = Input(part);
    let loaded = load(&mut input)?;
    if input.0.is_empty() {
        Ok(loaded)
    } else {
        Err(Broken("a part of it is longer than what it says"))
    }
}
