//! GLIMPSE: the books as they are now, over SoupBinTCP, and the number with which the feed goes on from there.
//!
//! What is told is an image: made once from the replica, shared by all who ask within the same second, and sent to each at
//! its own pace. Making it takes many turns of the stage, and while it lasts the replica applies nothing: an image is as of
//! one command. Answers to questions go on meanwhile, as of the same command.
//!
//! Bounded: at most [`image::IMAGES_MAX`] images are there at once. While they all have readers, who comes next shares the
//! newest for longer; then the oldest goes, and who still reads it is closed.

mod image;
mod images;

use protocol::soup::Login;

use super::connection::Connection;
use super::credentials::{Checked, MarketDataLogins};
use super::days::{Wanted, wanted_day};
use super::door::DoorCounters;
use super::market_data_name;
use super::replica::Replica;
use super::service::{Caller, Close, Service, Verdict, View};
use crate::runtime::seams::Stream;
pub use image::{IMAGES_MAX, PACKET_BYTES_MAX};
use images::Images;

/// How long a connection stays after the end of its snapshot has arrived, unless the client leaves.
const END_NS: u64 = 5_000_000_000;
/// The first message of every snapshot. There is nothing behind it to go on from: another one is another state.
const FIRST: u64 = 1;

/// What is behind the snapshot door.
#[derive(Debug)]
pub(super) struct Glimpse {
    logins: MarketDataLogins,
    images: Images,
}

/// Who reads an image.
#[derive(Debug)]
pub(super) struct Reader {
    /// Which one; `None` when it was read to its end.
    image: Option<u64>,
    /// The chunk at hand, and how much of it is queued.
    chunk: usize,
    queued: usize,
    /// When everything had arrived.
    ended_ns: Option<u64>,
}

impl Glimpse {
    pub(super) fn new(logins: MarketDataLogins) -> Self {
        Self {
            logins,
            images: Images::default(),
        }
    }

    /// True while an image is made: the replica must not change.
    pub(super) fn is_making(&self) -> bool {
        self.images.is_making()
    }

    /// Goes on with the image that somebody waits for; returns the work done.
    pub(super) fn make(&mut self, replica: &Replica, now_ns: u64) -> usize {
        self.images.make(replica, now_ns)
    }

    /// Images made.
    pub(super) fn made(&self) -> u64 {
        self.images.made()
    }
}

impl Service for Glimpse {
    type Open = Reader;

    fn login(&mut self, login: &Login<'_>, _caller: Caller, view: View<'_>) -> Verdict<Reader> {
        match self.logins.check(login.username, login.password) {
            Checked::Session(_) | Checked::DropCopy(_) => {}
            Checked::Wrong => return Verdict::NotAuthorized,
            Checked::Later => return Verdict::Busy,
        }
        let (day, name) = match wanted_day(login, view.store, market_data_name) {
            Wanted::Day(day, name) if day == view.store.day() => (day, name),
            Wanted::Tomorrow => return Verdict::NotYet,
            Wanted::Day(..) | Wanted::Nothing => return Verdict::SessionNotAvailable,
        };
        if login.requested_sequence > FIRST {
            return Verdict::SessionNotAvailable;
        }
        let Some(image) = self.images.take(day, view.now_ns) else {
            return Verdict::Busy;
        };
        let reader = Reader {
            image: Some(image),
            chunk: 0,
            queued: 0,
            ended_ns: None,
        };
        Verdict::Accept(name, FIRST, reader)
    }

    fn is_ready(&self, _open: &Reader) -> bool {
        true
    }

    fn message(&mut self, _open: &mut Reader, _caller: Caller, _bytes: &[u8], counters: &DoorCounters) {
        counters.ignored.increment();
    }

    fn turn<S: Stream>(
        &mut self,
        open: &mut Reader,
        _caller: Caller,
        connection: &mut Connection<S>,
        budget: usize,
        view: View<'_>,
    ) -> Result<usize, Close> {
        let mut work = 0;
        if let Some(number) = open.image {
            let image = self.images.get(number).ok_or(Close::FellOff)?;
            while work < budget
                && let Some(chunk) = image.chunk(open.chunk)
            {
                let queued = connection.put_packets(view.now_ns, &chunk[open.queued..]);
                if queued == 0 {
                    return Ok(work);
                }
                work += queued;
                open.queued += queued;
                if open.queued == chunk.len() {
                    (open.chunk, open.queued) = (open.chunk + 1, 0);
                }
            }
            if image.chunk(open.chunk).is_none() {
                self.images.leave(number);
                open.image = None;
            }
        } else if open.ended_ns.is_none() {
            open.ended_ns = connection.has_arrived(view.now_ns).then_some(view.now_ns);
        }
        if open
            .ended_ns
            .is_some_and(|ended_ns| view.now_ns.saturating_sub(ended_ns) >= END_NS)
        {
            return Err(Close::Ended);
        }
        Ok(work)
    }

    fn silence(
        &mut self,
        _open: &mut Reader,
        _caller: Caller,
        _limit_ns: u64,
        _now_ns: u64,
    ) -> Result<(), Close> {
        Err(Close::Silent)
    }

    fn end(&mut self, open: &Reader, _caller: Caller, _close: Close) -> bool {
        if let Some(number) = open.image {
            self.images.leave(number);
        }
        true
    }
}
