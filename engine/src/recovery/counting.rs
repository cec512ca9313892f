//! What the recovery stage and its doors count.

use std::sync::Arc;

use crossbeam_utils::CachePadded;

use super::door::DoorCounters;
use super::re_request::ReRequestCounters;
use super::retransmission::RetransmissionCounters;
use super::store::StoreCounters;
use crate::runtime::counters::{Counters, Named};

crate::counters! {
    /// What the recovery stage counts.
    pub struct RecoveryCounters: "recovery" {
        turns: "Turns of the stage.",
        idle_turns: "Turns in which there was nothing to do.",
        images: "Images of the books made for late subscribers.",
        stored: "Messages and marks taken from the output's window.",
        steps: "Steps of commands that the replica applied.",
        applied: "The last command that the replica has applied.",
        window_full_turns: "Turns that took as much from the window as one may: more was waiting.",
        lapped: "Times the output's window overtook its reader.",
        read_from_disk: "Commands that the replica read from the journal, because its ring was full.",
    }
}

/// The groups of the recovery stage.
#[derive(Debug, Clone)]
pub struct RecoveryGroups {
    /// The stage.
    pub stage: Arc<CachePadded<RecoveryCounters>>,
    /// The order-entry door.
    pub order_entry: Arc<CachePadded<DoorCounters>>,
    /// The gap-recovery door.
    pub gap_recovery: Arc<CachePadded<DoorCounters>>,
    /// The snapshot door, where there is one.
    pub glimpse: Option<Arc<CachePadded<DoorCounters>>>,
    /// Acknowledgements sent again.
    pub re_requests: Arc<CachePadded<ReRequestCounters>>,
    /// Messages of the feed sent again over UDP, where that door is open.
    pub retransmission: Option<Arc<CachePadded<RetransmissionCounters>>>,
    /// The store.
    pub store: Arc<CachePadded<StoreCounters>>,
}

impl RecoveryGroups {
    /// All of them, under their names.
    pub fn all(&self) -> Vec<Arc<dyn Counters>> {
        let mut all: Vec<Arc<dyn Counters>> = vec![
            Arc::clone(&self.stage) as Arc<dyn Counters>,
            Named::new("order_entry", &self.order_entry),
            Named::new("gap_recovery", &self.gap_recovery),
        ];
        if let Some(door) = &self.glimpse {
            all.push(Named::new("glimpse", door));
        }
        all.push(Arc::clone(&self.re_requests) as Arc<dyn Counters>);
        if let Some(retransmission) = &self.retransmission {
            all.push(Arc::clone(retransmission) as Arc<dyn Counters>);
        }
        all.push(Arc::clone(&self.store) as Arc<dyn Counters>);
        all
    }
}
