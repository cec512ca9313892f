//! The images that are there: which one a newcomer gets, when the next one is made, which one has to go.

use super::image::{IMAGES_MAX, Image};
use crate::recovery::replica::Replica;

/// An image is shared by all who ask within this time of its beginning.
const SHARED_NS: u64 = 1_000_000_000;
/// The same while there is no room for another one.
const SHARED_LONGER_NS: u64 = 10_000_000_000;
/// Messages made in one turn of the stage: few, as the journal's turns may be on the same thread.
const MESSAGES_PER_TURN: usize = 256;

/// All images, the oldest first, and the one being made.
#[derive(Debug, Default)]
pub(super) struct Images {
    whole: Vec<Image>,
    making: Option<Image>,
    /// Somebody waits for another one.
    is_wanted: bool,
    made: u64,
}

impl Images {
    pub(super) fn is_making(&self) -> bool {
        self.making.is_some()
    }

    pub(super) fn made(&self) -> u64 {
        self.made
    }

    /// The number of an image of `day` that is new enough, with a reader more; `None`: there will be one, ask again.
    pub(super) fn take(&mut self, day: u32, now_ns: u64) -> Option<u64> {
        let limit_ns = if self.whole.len() < IMAGES_MAX {
            SHARED_NS
        } else {
            SHARED_LONGER_NS
        };
        let newest = self.whole.last_mut();
        let fresh =
            newest.filter(|image| image.day == day && now_ns.saturating_sub(image.begun_ns) < limit_ns);
        // Who waits for the one being made does not want a further one.
        self.is_wanted |= fresh.is_none() && self.making.is_none();
        fresh.map(|image| {
            image.readers += 1;
            image.number
        })
    }

    /// The image of this number, if it is still there.
    pub(super) fn get(&self, number: u64) -> Option<&Image> {
        self.whole.iter().find(|image| image.number == number)
    }

    /// A reader has everything, or is gone.
    pub(super) fn leave(&mut self, number: u64) {
        let image = self.whole.iter_mut().find(|image| image.number == number);
        if let Some(image) = image {
            image.readers -= 1;
        }
    }

    /// Goes on with the image that is being made, or begins the one that is wanted; returns the work done.
    pub(super) fn make(&mut self, replica: &Replica, now_ns: u64) -> usize {
        self.forget(now_ns);
        if self.making.is_none() {
            if !self.is_wanted || !replica.is_between_commands() {
                return 0;
            }
            if self.whole.len() == IMAGES_MAX {
                // Its readers had their time.
                self.whole.remove(0);
            }
            self.is_wanted = false;
            self.made += 1;
            self.making = Some(Image::begin(self.made, replica, now_ns));
        }
        if let Some(mut image) = self.making.take() {
            if image.go_on(replica.exchange(), MESSAGES_PER_TURN) {
                self.whole.push(image);
            } else {
                self.making = Some(image);
            }
        }
        1
    }

    /// Gives back the memory of what nobody reads and nobody will get.
    fn forget(&mut self, now_ns: u64) {
        self.whole
            .retain(|image| image.readers > 0 || now_ns.saturating_sub(image.begun_ns) < SHARED_NS);
    }
}
