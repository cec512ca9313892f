//! When a snapshot is taken: the replica is lent to the keeper.

use super::replica::Replica;
use super::store::Store;
use crate::snapshot::Keeper;

/// A place that the replica has left when it is lent.
type Place = Option<Box<Replica>>;

/// When the next snapshot is taken, and by whom.
pub(super) struct Lending {
    /// `None`: none are taken.
    keeper: Option<Keeper>,
    interval_ns: u64,
    commands_min: u64,
    /// Not before this time; `None` before the first turn.
    due_ns: Option<u64>,
    /// The last command that the newest one knows.
    newest: u64,
}

impl Lending {
    /// Without a keeper none are taken. `interval_ns` lies between two, and `commands_min` commands; `newest` is the last one
    /// that the newest knows.
    pub(super) fn new(interval_ns: u64, commands_min: u64, newest: u64) -> Self {
        Self {
            keeper: None,
            interval_ns,
            commands_min,
            due_ns: None,
            newest,
        }
    }

    /// From now on snapshots are taken, by `keeper`.
    pub(super) fn set_keeper(&mut self, keeper: Keeper) {
        self.keeper = Some(keeper);
    }

    /// The last command that the newest snapshot knows; `None` where none are taken.
    pub(super) fn newest(&self) -> Option<u64> {
        self.keeper.is_some().then_some(self.newest)
    }

    /// Lends the replica when a snapshot is due, or asked for; true when it did.
    pub(super) fn lend(&mut self, place: &mut Place, store: &Store, now_ns: u64, is_asked: bool) -> bool {
        let Some(keeper) = &mut self.keeper else {
            return false;
        };
        let due_ns = *self.due_ns.get_or_insert(now_ns + self.interval_ns);
        if (now_ns < due_ns && !is_asked) || !keeper.is_idle() {
            return false;
        }
        let wanted = self.newest + if is_asked { 1 } else { self.commands_min };
        let lent = place.take_if(|replica| replica.is_between_commands() && replica.applied() >= wanted);
        let Some(mut replica) = lent else {
            return false;
        };
        replica.note_newest(store);
        self.due_ns = Some(now_ns + self.interval_ns);
        self.newest = replica.applied();
        keeper.lend(replica, false);
        true
    }

    /// Takes the replica back when it was copied; true when it did.
    pub(super) fn take_back(&mut self, place: &mut Place) -> bool {
        if place.is_some() {
            return false;
        }
        *place = self.keeper.as_mut().and_then(Keeper::give_back);
        place.is_some()
    }

    /// The keeper gives it back as soon as it is copied.
    pub(super) fn wait_for(&mut self, place: &mut Place) {
        while !self.take_back(place) && place.is_none() {
            std::thread::yield_now();
        }
    }

    /// The last snapshot, if the replica has applied all commands up to `last`.
    pub(super) fn take_last(&mut self, place: &mut Place, store: &Store, last: u64) {
        self.wait_for(place);
        let is_last = |replica: &Replica| replica.applied() == last && replica.is_between_commands();
        if let Some(keeper) = &mut self.keeper
            && let Some(mut replica) = place.take_if(|replica| is_last(replica))
        {
            replica.note_newest(store);
            keeper.lend(replica, true);
            self.wait_for(place);
        }
    }
}
