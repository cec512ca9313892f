//! What a seed draws before anything happens: which faults there are and how often, how fast time goes, how small things
//! are, what customers ask for.
//!
//! Each feature is on or off by itself. A run with few of them goes deeper into what is left than one that has all of
//! them: with every fault on, nobody ever gets far enough for the rare ones.

use std::fmt;

use engine::config::AccountPermissions;
use engine::runtime::sim_net::{Faults, TcpSettings};
use protocol::testing::Random;

use crate::customer::Wishes;

/// Turns in which customers trade.
const TURNS: (u64, u64) = (150, 1_200);

#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) network: Faults,
    /// The way between two machines is cut for a while, in one direction or both.
    pub(crate) has_cuts: bool,
    /// Customers fall silent for longer than anybody waits for them.
    pub(crate) has_deaths: bool,
    /// The exchange's clock jumps forward; at restarts also back.
    pub(crate) has_clock_steps: bool,
    /// Writes that take many times longer.
    pub(crate) has_stalls: bool,
    /// Writes and syncs that fail.
    pub(crate) has_disk_failures: bool,
    pub(crate) has_full_disk: bool,
    /// Crashes lose what was not synced; else the kernel keeps it.
    pub(crate) has_power_losses: bool,
    /// Crashes before the exchange is ready.
    pub(crate) has_crashes_at_start: bool,
    /// Stages are not equally fast.
    pub(crate) is_uneven: bool,
    /// Somebody halts instruments, switches accounts off, and lets trading pause when prices move.
    pub(crate) has_operator: bool,
    /// The day has times: it opens, closes and rolls by itself.
    pub(crate) has_schedule: bool,
    /// Somebody lets the day roll.
    pub(crate) has_rolls: bool,
    /// Somebody pays money in and out.
    pub(crate) has_transfers: bool,
    /// Somebody changes fees and limits while all run.
    pub(crate) has_changes: bool,
    /// Accounts, and other fees, come with the file at a restart: so many accounts are not there at first.
    pub(crate) late: u8,
    /// Customers whose datagrams have tags, a bit for each.
    pub(crate) sealed: u8,
    /// What each customer may do at first, where somebody changes that: see [`crate::permits`].
    pub(crate) permissions: Vec<AccountPermissions>,
    /// Strangers send garbage, and copies of other people's datagrams.
    pub(crate) has_noise: bool,
    /// One of the customers is none: it breaks every rule. Not drawn with the rest, see [`crate::attacker::is_in`].
    pub(crate) has_attacker: bool,
    /// Mean time of a turn.
    pub(crate) pace_ns: u64,
    pub(crate) turns: u64,
    pub(crate) crashes: u64,
    pub(crate) customers: u8,
    pub(crate) handlers: u8,
    pub(crate) disk_polls_max: u64,
    pub(crate) segment_bytes: u64,
    pub(crate) batch_bytes: u64,
    pub(crate) tcp: TcpSettings,
    /// A snapshot after so many commands; 0: none is taken.
    pub(crate) snapshot_commands: u32,
    /// Snapshots are damaged at rest, or can not be written.
    pub(crate) has_bad_snapshots: bool,
    pub(crate) wishes: Wishes,
}

impl Setting {
    pub(crate) fn draw(random: &mut Random) -> Self {
        let mut rate = |most: u64| {
            if random.chance(1, 2) {
                // As likely between 1 and 2 % as between 10 and 20 %.
                (most >> random.below(7)) as u32
            } else {
                0
            }
        };
        let network = Faults {
            loss_ppm: rate(300_000),
            duplicate_ppm: rate(200_000),
            reorder_ppm: rate(300_000),
            damage_ppm: rate(50_000),
            truncate_ppm: rate(50_000),
            delay_ppm: rate(200_000),
            reorder_depth: 30,
            delay_ns_max: 0,
            is_checked: true,
        };
        let mut is = |of: u64| random.chance(of, 4);
        let has_schedule = is(1);
        let has_rolls = is(1);
        let has_late = is(1);
        let mut setting = Self {
            has_schedule,
            has_rolls,
            has_transfers: is(1),
            has_changes: is(1),
            late: 0,
            sealed: 0,
            permissions: Vec::new(),
            network,
            has_cuts: is(1),
            has_deaths: is(2),
            has_clock_steps: is(1),
            has_stalls: is(2),
            has_disk_failures: is(2),
            has_full_disk: is(1),
            has_power_losses: is(2),
            has_crashes_at_start: is(1),
            is_uneven: is(2),
            has_operator: is(1),
            has_noise: is(1),
            has_attacker: false,
            pace_ns: *random.pick(&[20_000, 100_000, 500_000, 3_000_000]),
            turns: random.between(TURNS.0, TURNS.1),
            crashes: random.below(4),
            customers: random.between(2, 5) as u8,
            handlers: random.between(1, 2) as u8,
            disk_polls_max: 1 + random.below(12),
            segment_bytes: random.between(12, 80) * 4_096,
            batch_bytes: *random.pick(&[4_096, 8_192, 32_768]),
            tcp: TcpSettings {
                buffer_bytes: *random.pick(&[1 << 10, 8 << 10, 64 << 10]),
                piece_bytes: 4 + random.below(1_400) as usize,
            },
            snapshot_commands: if random.chance(3, 4) {
                random.between(10, 400) as u32
            } else {
                0
            },
            has_bad_snapshots: random.chance(1, 3),
            wishes: Wishes::draw(has_schedule || has_rolls, random),
        };
        if has_late {
            setting.late = random.between(1, u64::from(setting.customers) - 1) as u8;
        }
        // Drawn beside the others: what they are does not depend on it.
        let mut apart = Random::new(random.clone().next_u64());
        if apart.chance(1, 2) {
            setting.sealed = apart.below(1 << setting.customers) as u8;
        }
        setting.network.delay_ns_max = setting.pace_ns * (1 + random.below(50));
        setting
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}
