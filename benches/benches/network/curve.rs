//! Latency against rate, as a table and as a drawing: how much the exchange carries before its queue grows.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use benches::document::Table;
use client_sim::latency::{Nanoseconds, Percentiles};
use engine::config::Durability;

use crate::load::{self, Load};

const RATES: [u64; 8] = [
    10_000, 50_000, 100_000, 200_000, 400_000, 600_000, 800_000, 1_000_000,
];

/// Size of the drawing, and of the field within it.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 100.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 50.0;
/// The field shows latencies of so many decimal places, from 10 us on.
const LEAST_NS: f64 = 1e4;
const MOST_NS: f64 = 1e9;

/// Goes up until the exchange does not keep up.
pub(crate) fn measure(duration: Duration, write: bool) -> Result<String, String> {
    let mut text = "### Latency against rate\n".to_owned();
    for (durability, name) in [(Durability::None, "none"), (Durability::Sync, "sync")] {
        let mut points = Vec::new();
        let mut table = Table::new(&[
            "orders/s offered",
            "not sent in the time",
            "answered in the time, a second",
            "never applied",
            "p50",
            "p99",
            "p99.9",
            "max",
            "all right",
        ]);
        for rate in RATES {
            let outcome = load::run(&Load {
                durability,
                orders_per_datagram: 28,
                rate,
                duration,
            })?;
            eprintln!("{name}, {rate}: {}", outcome.latency);
            table.row([
                rate.to_string(),
                outcome
                    .at_stop
                    .offered
                    .map_or(0, |offered| offered.saturating_sub(outcome.at_stop.sent))
                    .to_string(),
                format!("{:.0}", outcome.orders_per_second),
                outcome.never_applied.to_string(),
                Nanoseconds(outcome.latency.p50).to_string(),
                Nanoseconds(outcome.latency.p99).to_string(),
                Nanoseconds(outcome.latency.p999).to_string(),
                Nanoseconds(outcome.latency.max).to_string(),
                outcome.verdict(),
            ]);
            if outcome.orders_per_second < 0.95 * rate as f64 {
                break;
            }
            points.push((rate, outcome.latency));
        }
        let _ = write!(
            text,
            "\nDurability {name}, up to 28 orders a datagram:\n\n{table}"
        );
        if write {
            let file = format!("latency-{name}.svg");
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(&file);
            std::fs::write(&path, draw(&points)).map_err(|error| format!("{}: {error}", path.display()))?;
            let _ = write!(text, "\n![latency against rate, durability {name}]({file})\n");
        }
    }
    Ok(text)
}

/// Draws p50, p99 and p99.9 over the rate; the latency's scale is logarithmic.
pub(crate) fn draw(points: &[(u64, Percentiles)]) -> String {
    let most_rate = points.iter().map(|(rate, _)| *rate).max().unwrap_or(1).max(1) as f64;
    let x = |rate: u64| LEFT + (WIDTH - LEFT - RIGHT) * rate as f64 / most_rate;
    let y = |ns: f64| {
        let share = (ns.clamp(LEAST_NS, MOST_NS) / LEAST_NS).log10() / (MOST_NS / LEAST_NS).log10();
        HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share
    };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n"
    );
    let mut put = |element: String| {
        svg.push_str(&element);
        svg.push('\n');
    };
    let mut ns = LEAST_NS;
    while ns <= MOST_NS {
        put(format!(
            "<line x1=\"{LEFT}\" y1=\"{0:.1}\" x2=\"{1:.1}\" y2=\"{0:.1}\" stroke=\"#ddd\"/><text x=\"{2}\" y=\"{3:.1}\" text-anchor=\"end\">{4}</text>",
            y(ns),
            WIDTH - RIGHT,
            LEFT - 8.0,
            y(ns) + 4.0,
            Nanoseconds(ns as u64)
        ));
        ns *= 10.0;
    }
    for (rate, _) in points {
        put(format!(
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}k</text>",
            x(*rate),
            HEIGHT - BOTTOM + 18.0,
            rate / 1_000
        ));
    }
    put(format!(
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">orders a second</text>",
        (LEFT + WIDTH - RIGHT) / 2.0,
        HEIGHT - 8.0
    ));
    type Percentile = fn(&Percentiles) -> u64;
    let p50: Percentile = |percentiles| percentiles.p50;
    let p99: Percentile = |percentiles| percentiles.p99;
    let p999: Percentile = |percentiles| percentiles.p999;
    for (name, color, of) in [
        ("p50", "#1b7837", p50),
        ("p99", "#d9870b", p99),
        ("p99.9", "#b2182b", p999),
    ] {
        let places: Vec<String> = points
            .iter()
            .map(|(rate, percentiles)| format!("{:.1},{:.1}", x(*rate), y(of(percentiles) as f64)))
            .collect();
        put(format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>",
            places.join(" ")
        ));
        if let Some((rate, percentiles)) = points.last() {
            put(format!(
                "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{color}\">{name}</text>",
                x(*rate) + 6.0,
                y(of(percentiles) as f64) + 4.0
            ));
        }
    }
    svg.push_str("</svg>\n");
    svg
}
