//! The roll of the day: the old day's stream is read to its end, then the client logs in to the new day's.
//!
//! The end is told on the connection, and once over UDP. While acknowledgements went over UDP the last of them may be
//! missing when it is told: the client logs in to the old day once more, which the exchange keeps for some minutes, and
//! reads what is left. Only then numbers begin again.

use super::event::{Handler, Phase};
use super::{CL_ORD_ID_BLANK, OpenCancel, OrderEntryClient};

impl OrderEntryClient {
    /// Acts on the end of a day, and on a login that came before the next. True when the connection was given up for it.
    pub(super) fn go_over(&mut self, now_ns: u64, handler: &mut impl Handler) -> bool {
        if !self.core.has_said_end && !self.core.came_too_early {
            return false;
        }
        if self.core.has_said_end && self.core.is_read_to_its_end() {
            self.core.end_day(now_ns, handler);
            self.cancels.clear();
        }
        self.core.has_said_end = false;
        self.core.came_too_early = false;
        self.tcp = None;
        self.replay = None;
        if self.core.phase == Phase::Ready {
            self.down_since_ns = now_ns;
        }
        self.set_phase(Phase::Waiting, now_ns, handler);
        true
    }

    /// What was to be canceled, and was carried into the new day instead, is canceled there.
    pub(super) fn cancel_what_was_carried(&mut self) {
        if self.core.counters.days == 0 || !self.cancels.is_empty() {
            return;
        }
        let wanted = self.core.orders.iter().filter(|order| order.cancel_is_open());
        // There is room for one of each order.
        self.cancels.extend(wanted.map(|order| OpenCancel {
            user_ref: order.user_ref,
            sent_ns: 0,
            sendings: 0,
        }));
    }

    /// The ClOrdID of order `user_ref`: the one given, else one that no order of another number or day has. The last four
    /// characters of the session's name are the day's.
    pub(super) fn name_of(&self, user_ref: u32, given: [u8; 14]) -> [u8; 14] {
        let Some(session) = self.core.session.filter(|_| given == CL_ORD_ID_BLANK) else {
            return given;
        };
        let mut name = [b'0'; 14];
        name[..4].copy_from_slice(&session[6..]);
        let mut rest = user_ref;
        for digit in name[4..].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        name
    }
}
