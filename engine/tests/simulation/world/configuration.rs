//! The configuration of a simulated exchange: two instruments, an account and session for each customer, and capacities
//! small enough to be reached by rings.

use engine::config::Config;
use protocol::authentication::{MacAlgorithm, MacSecret, Secret};

use crate::attacker::NAME;
use crate::permits;
use crate::setting::Setting;
use crate::statement::Terms;

/// The instruments as customers know them.
pub(super) const TERMS: [Terms; 2] = [
    Terms {
        symbol: *b"BTC-USD ",
        tick_value: 1,
        lot: 10_000,
    },
    Terms {
        symbol: *b"ETH-USD ",
        tick_value: 10,
        lot: 1_000_000_000_000_000,
    },
];

/// Maker's and taker's, parts per million, of each instrument: as they are at first, and as they may become.
pub(super) const FEES: [[(i32, i32); 3]; 2] = [
    [(-100, 300), (0, 200), (100, 1_000)],
    [(0, 500), (-200, 200), (300, 100)],
];

/// Whole coins of each asset: the first customer runs out of money now and then.
const DEPOSITS: [[u128; 3]; 2] = [[5_000, 1, 20], [10_000_000, 100, 1_000]];

/// Second of the day at which trading begins in a simulated world, and when things happen after it: short, so that a run
/// sees all of a day.
pub(super) const BEGINS_S: u32 = 9 * 3_600;
const OPENING_AUCTION_S: u32 = 3;
const OPEN_S: u32 = 5;
const CLOSING_AUCTION_S: u32 = 15;
const CLOSE_S: u32 = 18;
const ROLL_S: u32 = 20;
/// The day has rolled so long after its beginning, with time to spare.
pub(super) const ROLLED_S: u32 = ROLL_S + 35;

/// What the file says at a start: it may be another file each time.
#[derive(Debug, Clone, Copy)]
pub(super) struct File {
    /// Accounts that are there.
    pub(super) accounts: u8,
    /// Which of [`FEES`] each instrument has.
    pub(super) fees: [usize; 2],
}

fn percent(ppm: i32) -> String {
    let sign = if ppm < 0 { "-" } else { "" };
    format!("{sign}{}.{:04}%", ppm.abs() / 10_000, ppm.abs() % 10_000)
}

fn time(since_beginning: u32) -> String {
    let seconds = BEGINS_S + since_beginning;
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// True for a customer whose requests may be dropped at the door.
pub(super) fn may_be_throttled(customer: usize) -> bool {
    customer == 2
}

/// The secret of a customer whose datagrams have tags.
pub(super) fn secret(setting: &Setting, customer: u8) -> Option<MacSecret> {
    ((setting.sealed >> customer) & 1 == 1).then(|| MacSecret {
        algorithm: MacAlgorithm::ALL[usize::from(customer) % 2],
        secret: Secret::new([customer; 32]),
    })
}

pub(super) fn of(setting: &Setting, file: File) -> Config {
    let [(btc_maker, btc_taker), (eth_maker, eth_taker)] = [0, 1].map(|place| FEES[place][file.fees[place]]);
    let mut text = format!(
        r#"
assets = [{{ name = "USD", decimals = 8 }}, {{ name = "BTC", decimals = 8 }}, {{ name = "ETH", decimals = 18 }}]

[[instruments]]
symbol = "BTC-USD"
base = "BTC"
quote = "USD"
tick_size = "0.01"
lot_size = "0.0001"
reference_price = "60000"
max_quantity = 500000
max_notional = "1000000"
fat_finger = "500000"
collar = "10%"
maker_fee = "{}"
taker_fee = "{}"

[[instruments]]
symbol = "ETH-USD"
base = "ETH"
quote = "USD"
tick_size = "0.01"
lot_size = "0.001"
reference_price = "3000"
max_quantity = 500000
max_notional = "1000000"
fat_finger = "500000"
collar = "10%"
maker_fee = "{}"
taker_fee = "{}"

[capacities]
assets = 4
instruments = 4
accounts = 8
sessions = 8
orders = 4096
levels = 1024
connections = 16
connections_per_address = {}
finished_orders = 16
journal_ring = 1024
output_ring = "64 KiB"
replica_ring = 1024
window = "64 KiB"
store = "1 MiB"
fee_schedules = 16

[journal]
batch_size = "{} KiB"
"#,
        percent(btc_maker),
        percent(btc_taker),
        percent(eth_maker),
        percent(eth_taker),
        // One that breaks the rules does not get every place.
        if setting.has_attacker { 4 } else { 16 },
        setting.batch_bytes / 1_024
    );
    if setting.has_schedule {
        text += &format!(
            r#"
[day]
pre_open = "{}"
opening_auction = "{}"
open = "{}"
closing_auction = "{}"
close = "{}"
roll = "{}"
"#,
            time(0),
            time(OPENING_AUCTION_S),
            time(OPEN_S),
            time(CLOSING_AUCTION_S),
            time(CLOSE_S),
            time(ROLL_S)
        );
    }
    for customer in 0..usize::from(file.accounts) {
        let authentication = match secret(setting, customer as u8) {
            None => String::new(),
            Some(mac) => format!(
                "authentication = \"mac\"\nmac = \"{}\"\nsecret = \"{}\"",
                mac.algorithm.name(),
                format!("{customer:02x}").repeat(32)
            ),
        };
        let [usd, btc, eth] = DEPOSITS[customer.min(1)];
        // One may hold few orders at once and few lots in each, one may not ask often.
        let limits = match customer {
            1 => "max_open_orders = 12\nmax_quantity = 1000",
            2 => "max_rate = 200\nmax_burst = 20",
            _ => "",
        };
        let permissions = setting.permissions.get(customer).copied().unwrap_or_default();
        text += &format!(
            r#"
[[accounts]]
name = "T{customer}"
firm = "FRM{customer}"
cancel_on_disconnect = {}
permissions = "{}"
{limits}
{authentication}
sessions = [{{ username = "T{customer}", password = "secret" }}]
deposits = {{ USD = "{usd}", BTC = "{btc}", ETH = "{eth}" }}
"#,
            customer % 2 == 1,
            permits::name(permissions),
        );
    }
    if setting.has_attacker {
        text += &format!(
            r#"
[[accounts]]
name = "{NAME}"
firm = "{NAME}"
sessions = [{{ username = "{NAME}", password = "secret" }}]
deposits = {{ USD = "10000000", BTC = "100", ETH = "1000" }}
"#
        );
    }
    let mut config = Config::parse("simulation.toml", &text).unwrap_or_else(|error| panic!("{error}"));
    config.journal.snapshot_interval_s = u32::from(setting.pace_ns > 1_000_000);
    config.journal.snapshot_commands = match setting.snapshot_commands {
        0 => u32::MAX,
        commands => commands,
    };
    config
}
