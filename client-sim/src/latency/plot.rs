//! A drawing of latencies: time over percentile, both on scales that give the tail its room.

use std::fmt::Write as _;

use super::{Kind, Kinds, Nanoseconds};

/// Size of the drawing, and of the field within it.
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 110.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 50.0;
/// The field ends at 99.9999 %: one of a million.
const NINES: f64 = 6.0;
const COLORS: [&str; 4] = ["#1b7837", "#2166ac", "#d9870b", "#b2182b"];

/// An SVG file with a curve for each kind that was measured.
pub fn percentiles(title: &str, kinds: &Kinds) -> String {
    let measured: Vec<(usize, Kind)> = Kind::ALL
        .into_iter()
        .enumerate()
        .filter(|(_, kind)| !kinds.of(*kind).histogram().is_empty())
        .collect();
    let histograms = || measured.iter().map(|(_, kind)| kinds.of(*kind).histogram());
    let least = histograms()
        .map(|histogram| histogram.min())
        .min()
        .unwrap_or(1)
        .max(1);
    let most = histograms()
        .map(|histogram| histogram.max())
        .max()
        .unwrap_or(10)
        .max(10);
    let (low, high) = ((least as f64).log10().floor(), (most as f64).log10().ceil());
    let high = high.max(low + 1.0);
    let x = |quantile: f64| {
        let nines = -(1.0 - quantile).max(1e-12).log10();
        LEFT + (WIDTH - LEFT - RIGHT) * nines.min(NINES) / NINES
    };
    let y = |ns: f64| HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (ns.max(1.0).log10() - low) / (high - low);
    let title = title.replace('&', "&amp;").replace('<', "&lt;");
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n<text x=\"{LEFT}\" y=\"22\">{title}</text>\n"
    );
    // Writing to a string does not fail.
    for power in low as i32..=high as i32 {
        let ns = 10_f64.powi(power);
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" y1=\"{0:.1}\" x2=\"{1}\" y2=\"{0:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{2}\" y=\"{3:.1}\" text-anchor=\"end\">{4}</text>",
            y(ns),
            WIDTH - RIGHT,
            LEFT - 8.0,
            y(ns) + 4.0,
            Nanoseconds(ns as u64)
        );
    }
    for (name, quantile) in [
        ("0%", 0.0),
        ("90%", 0.9),
        ("99%", 0.99),
        ("99.9%", 0.999),
        ("99.99%", 0.9999),
        ("99.999%", 0.99999),
    ] {
        let _ = writeln!(
            svg,
            "<line x1=\"{0:.1}\" y1=\"{TOP}\" x2=\"{0:.1}\" y2=\"{1}\" stroke=\"#eee\"/>\
             <text x=\"{0:.1}\" y=\"{2}\" text-anchor=\"middle\">{name}</text>",
            x(quantile),
            HEIGHT - BOTTOM,
            HEIGHT - BOTTOM + 18.0
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">share of the messages that took at most this long</text>",
        (LEFT + WIDTH - RIGHT) / 2.0,
        HEIGHT - 8.0
    );
    for (index, kind) in measured {
        let places: Vec<String> = kinds
            .of(kind)
            .histogram()
            .iter_quantiles(10)
            .map(|step| {
                format!(
                    "{:.1},{:.1}",
                    x(step.quantile_iterated_to()),
                    y(step.value_iterated_to() as f64)
                )
            })
            .collect();
        let color = COLORS[index];
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>",
            places.join(" ")
        );
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{:.1}\" fill=\"{color}\">{}</text>",
            WIDTH - RIGHT + 8.0,
            TOP + 16.0 * (index as f64 + 1.0),
            kind.name()
        );
    }
    svg.push_str("</svg>\n");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_measured_kind_has_its_curve_within_the_field() {
        let mut kinds = Kinds::default();
        for value in 1..=10_000 {
            kinds.of_mut(Kind::OrderAck).record(0, value * 1_000);
            kinds.of_mut(Kind::CancelAck).record(0, value * 3_000);
        }
        let svg = percentiles("a < b", &kinds);
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert!(svg.contains("a &lt; b") && svg.contains("cancel-ack") && !svg.contains("order-feed"));
        let points = svg
            .split("points=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next());
        for place in points.flat_map(|points| points.split(' ')) {
            let (x, y) = place.split_once(',').expect("a pair");
            let [x, y] = [x, y].map(|number| number.parse::<f64>().expect("a number"));
            assert!(
                (LEFT..=WIDTH - RIGHT + 0.1).contains(&x) && (TOP - 0.1..=HEIGHT - BOTTOM + 0.1).contains(&y)
            );
        }
        assert!(percentiles("nothing", &Kinds::default()).ends_with("</svg>\n"));
    }
}
