//! The configuration of a simulated exchange: two instruments, an account and session for each customer, and capacities
//! small enough to be reached by rings.

use engine::config::Config;

use crate::setting::Setting;
use crate::statement::Terms;

/// The instruments as customers know them.
pub(super) const TERMS: [Terms; 2] = [
    Terms {
        symbol: *b"BTC-USD ",
        tick_value: 1,
        lot: 10_000,
        maker_ppm: -100,
        taker_ppm: 300,
    },
    Terms {
        symbol: *b"ETH-USD ",
        tick_value: 10,
        lot: 1_000_000_000_000_000,
        maker_ppm: 0,
        taker_ppm: 500,
    },
];

/// Whole coins of each asset: the first customer runs out of money now and then.
const DEPOSITS: [[u128; 3]; 2] = [[5_000, 1, 20], [10_000_000, 100, 1_000]];
const DECIMALS: [u32; 3] = [8, 8, 18];

/// What a customer was given, in smallest units: USD, BTC, ETH.
pub(super) fn deposits(customer: usize) -> [u128; 3] {
    let coins = DEPOSITS[customer.min(1)];
    std::array::from_fn(|asset| coins[asset] * 10_u128.pow(DECIMALS[asset]))
}

pub(super) fn of(setting: &Setting) -> Config {
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
maker_fee = "-0.01%"
taker_fee = "0.03%"

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
maker_fee = "0%"
taker_fee = "0.05%"

[capacities]
assets = 4
instruments = 4
accounts = 8
sessions = 8
orders = 4096
levels = 1024
connections = 16
finished_orders = 16
journal_ring = 1024
output_ring = "64 KiB"
replica_ring = 1024
window = "64 KiB"
store = "4 MiB"

[journal]
batch_size = "{} KiB"
"#,
        setting.batch_bytes / 1_024
    );
    for customer in 0..usize::from(setting.customers) {
        let [usd, btc, eth] = DEPOSITS[customer.min(1)];
        // One may hold few orders at once and few lots in each, one may not ask often.
        let limits = match customer {
            1 => "max_open_orders = 12\nmax_quantity = 1000",
            2 => "max_rate = 200\nmax_burst = 20",
            _ => "",
        };
        text += &format!(
            r#"
[[accounts]]
name = "T{customer}"
firm = "FRM{customer}"
cancel_on_disconnect = {}
{limits}
sessions = [{{ username = "T{customer}", password = "secret" }}]
deposits = {{ USD = "{usd}", BTC = "{btc}", ETH = "{eth}" }}
"#,
            customer % 2 == 1,
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
