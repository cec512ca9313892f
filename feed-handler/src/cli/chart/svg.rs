//! A chart as SVG: a picture for browsers and documents, without scripts and fonts of its own.

use super::view::{View, needs_seconds, price, price_ticks, time, time_ticks};
use std::fmt::Write;

const WIDTH: f64 = 1_200.0;
const HEIGHT: f64 = 680.0;
const LEFT: f64 = 20.0;
/// Prices are told on the right, where the newest candle is.
const RIGHT: f64 = 1_100.0;
const PRICES_TOP: f64 = 84.0;
const PRICES_BOTTOM: f64 = 490.0;
const VOLUME_TOP: f64 = 520.0;
const VOLUME_BOTTOM: f64 = 636.0;
/// A few candles do not become barn doors.
const CANDLE_WIDTH_MAX: f64 = 26.0;

const UP: &str = "#12805c";
const DOWN: &str = "#c4314b";
const VWAP: &str = "#8a5a00";
const GRID: &str = "#e3e6ea";
const TEXT: &str = "#4a5058";

/// The whole file.
pub(crate) fn draw(view: &View) -> String {
    let mut svg = String::new();
    // Writing to a string does not fail.
    let _infallible = write(&mut svg, view);
    svg
}

fn write(svg: &mut String, view: &View) -> std::fmt::Result {
    let symbol = escape(&view.symbol);
    writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" font-family="system-ui, 'DejaVu Sans', 'Liberation Sans', Arial, sans-serif" font-size="14" fill="{TEXT}">"#
    )?;
    writeln!(svg, "<title>{symbol}, candles of {}</title>", view.interval)?;
    writeln!(
        svg,
        r##"<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>"##
    )?;
    head(svg, view, &symbol)?;
    let scale = Scale::new(view);
    grid(svg, view, &scale)?;
    candles(svg, view, &scale)?;
    average(svg, view, &scale)?;
    last(svg, view, &scale)?;
    writeln!(svg, "</svg>")
}

fn head(svg: &mut String, view: &View, symbol: &str) -> std::fmt::Result {
    let bar = &view.session;
    let color = if bar.close < bar.open { DOWN } else { UP };
    writeln!(
        svg,
        r##"<text x="{LEFT}" y="34" font-size="22" font-weight="bold" fill="#1b1f24">{symbol} <tspan font-size="15" font-weight="normal" fill="{TEXT}">{} candles, UTC</tspan> <tspan dx="14" fill="{color}">{}</tspan> <tspan font-size="15" font-weight="normal" fill="{color}">{}%</tspan></text>"##,
        view.interval,
        price(bar.close, view.places()),
        crate::cli::stats::change(bar),
    )?;
    write!(svg, r#"<text x="{LEFT}" y="60">day: "#)?;
    for (name, value) in view.summary() {
        let color = if name == "vwap" { VWAP } else { "#1b1f24" };
        write!(svg, r#" {name} <tspan fill="{color}">{value}</tspan> "#)?;
    }
    writeln!(svg, "</text>")
}

/// Prices, volumes and times to places.
struct Scale {
    low: f64,
    high: f64,
    volume_max: f64,
    slot: f64,
    begin_ns: f64,
    slot_ns: f64,
}

impl Scale {
    fn new(view: &View) -> Self {
        let (low, high) = view.prices();
        // Few candles stand at the left with room for more.
        let slots = view.slots().max(24) as f64;
        Self {
            low: f64::from(low),
            high: f64::from(high),
            volume_max: view.volume_max() as f64,
            slot: (RIGHT - LEFT) / slots,
            begin_ns: view.begin_ns() as f64,
            slot_ns: view.interval.ns() as f64,
        }
    }

    fn price(&self, price: u32) -> f64 {
        let share = (f64::from(price) - self.low) / (self.high - self.low);
        PRICES_BOTTOM - share * (PRICES_BOTTOM - PRICES_TOP)
    }

    fn volume(&self, volume: u64) -> f64 {
        VOLUME_BOTTOM - volume as f64 / self.volume_max * (VOLUME_BOTTOM - VOLUME_TOP)
    }

    /// The middle of the interval that begins there.
    fn middle(&self, start_ns: u64) -> f64 {
        LEFT + ((start_ns as f64 - self.begin_ns) / self.slot_ns + 0.5) * self.slot
    }
}

fn grid(svg: &mut String, view: &View, scale: &Scale) -> std::fmt::Result {
    let (low, high) = view.prices();
    let (ticks, places) = price_ticks(low, high, 7);
    writeln!(svg, r#"<g stroke="{GRID}" stroke-width="1">"#)?;
    for tick in &ticks {
        let y = scale.price(*tick);
        writeln!(svg, r#"<line x1="{LEFT}" y1="{y:.1}" x2="{RIGHT}" y2="{y:.1}"/>"#)?;
    }
    let end_ns = view.begin_ns() + (((RIGHT - LEFT) / scale.slot) as u64 - 1) * view.interval.ns();
    let times: Vec<_> = time_ticks(view.begin_ns(), end_ns, 9)
        .into_iter()
        .filter(|tick| (tick - view.begin_ns()).is_multiple_of(view.interval.ns()))
        .collect();
    for tick in &times {
        let x = scale.middle(*tick);
        writeln!(
            svg,
            r#"<line x1="{x:.1}" y1="{PRICES_TOP}" x2="{x:.1}" y2="{VOLUME_BOTTOM}"/>"#
        )?;
    }
    for y in [PRICES_BOTTOM, VOLUME_BOTTOM] {
        writeln!(
            svg,
            r##"<line x1="{LEFT}" y1="{y}" x2="{RIGHT}" y2="{y}" stroke="#b5bac1"/>"##
        )?;
    }
    writeln!(svg, "</g>")?;
    for tick in &ticks {
        let y = scale.price(*tick) + 5.0;
        writeln!(
            svg,
            r#"<text x="{:.1}" y="{y:.1}">{}</text>"#,
            RIGHT + 8.0,
            price(*tick, places)
        )?;
    }
    let seconds = needs_seconds(&times);
    for tick in &times {
        writeln!(
            svg,
            r#"<text x="{:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
            scale.middle(*tick).clamp(LEFT + 28.0, RIGHT - 28.0),
            VOLUME_BOTTOM + 22.0,
            time(*tick, seconds)
        )?;
    }
    writeln!(
        svg,
        r#"<text x="{:.1}" y="{:.1}">{}</text>"#,
        RIGHT + 8.0,
        VOLUME_TOP + 5.0,
        view.quantity(view.volume_max())
    )?;
    writeln!(
        svg,
        r#"<text x="{:.1}" y="{:.1}" font-size="12">volume</text>"#,
        LEFT,
        VOLUME_TOP - 8.0
    )
}

fn candles(svg: &mut String, view: &View, scale: &Scale) -> std::fmt::Result {
    let width = (scale.slot * 0.7).clamp(1.0, CANDLE_WIDTH_MAX);
    let places = view.places();
    for (candle, average) in &view.candles {
        let bar = &candle.bar;
        let color = if bar.close < bar.open { DOWN } else { UP };
        let x = scale.middle(candle.start_ns);
        let (top, bottom) = (
            scale.price(bar.open.max(bar.close)),
            scale.price(bar.open.min(bar.close)),
        );
        writeln!(
            svg,
            r#"<g fill="{color}" stroke="{color}"><title>{} open {} high {} low {} close {} volume {} trades {} day's vwap {}</title>"#,
            time(candle.start_ns, true),
            price(bar.open, places),
            price(bar.high, places),
            price(bar.low, places),
            price(bar.close, places),
            view.quantity(bar.volume),
            bar.trades,
            price(*average, places),
        )?;
        writeln!(
            svg,
            r#"<line x1="{x:.1}" y1="{:.1}" x2="{x:.1}" y2="{:.1}" stroke-width="1.2"/>"#,
            scale.price(bar.high),
            scale.price(bar.low)
        )?;
        let left = x - width / 2.0;
        // Open and close at one price are still seen.
        let height = (bottom - top).max(1.0);
        writeln!(
            svg,
            r#"<rect x="{left:.1}" y="{top:.1}" width="{width:.1}" height="{height:.1}" stroke="none"/>"#
        )?;
        let y = scale.volume(bar.volume);
        writeln!(
            svg,
            r#"<rect x="{left:.1}" y="{y:.1}" width="{width:.1}" height="{:.1}" stroke="none" fill-opacity="0.55"/></g>"#,
            VOLUME_BOTTOM - y
        )?;
    }
    Ok(())
}

fn average(svg: &mut String, view: &View, scale: &Scale) -> std::fmt::Result {
    write!(
        svg,
        r#"<polyline fill="none" stroke="{VWAP}" stroke-width="1.8" stroke-linejoin="round" points=""#
    )?;
    for (candle, average) in &view.candles {
        write!(
            svg,
            "{:.1},{:.1} ",
            scale.middle(candle.start_ns),
            scale.price(*average)
        )?;
    }
    writeln!(svg, r#""/>"#)
}

/// The newest price, marked on the axis.
fn last(svg: &mut String, view: &View, scale: &Scale) -> std::fmt::Result {
    let bar = &view.last().bar;
    let color = if bar.close < bar.open { DOWN } else { UP };
    let y = scale.price(bar.close);
    writeln!(
        svg,
        r#"<line x1="{LEFT}" y1="{y:.1}" x2="{RIGHT}" y2="{y:.1}" stroke="{color}" stroke-dasharray="3 4" stroke-opacity="0.7"/>"#
    )?;
    writeln!(
        svg,
        r##"<rect x="{:.1}" y="{:.1}" width="96" height="22" rx="3" fill="{color}"/><text x="{:.1}" y="{:.1}" fill="#ffffff">{}</text>"##,
        RIGHT + 2.0,
        y - 11.0,
        RIGHT + 8.0,
        y + 5.0,
        price(bar.close, view.places())
    )
}

/// A symbol may hold any printable character.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::view;
    use super::*;

    /// Opening and closing tags of elements that are not closed at once.
    fn is_balanced(svg: &str) -> bool {
        let mut open = Vec::new();
        for tag in svg.split('<').skip(1) {
            let (name, _) = tag.split_once('>').unwrap_or((tag, ""));
            if let Some(closed) = name.strip_prefix('/') {
                if open.pop() != Some(closed) {
                    return false;
                }
            } else if !name.ends_with('/') {
                open.push(name.split(' ').next().unwrap_or(name));
            }
        }
        open.is_empty()
    }

    #[test]
    fn everything_is_drawn_within_the_picture() {
        let view = view(60);
        let svg = draw(&view);
        assert!(is_balanced(&svg), "{svg}");
        // Sixty minutes, one without a trade.
        assert_eq!(svg.matches("<g fill=").count(), 59);
        assert_eq!(svg.matches("<polyline").count(), 1);
        for text in ["BTC-USD", "1m candles, UTC", "08:10", "vwap", "volume"] {
            assert!(svg.contains(text), "{text} is missing");
        }
        let scale = Scale::new(&view);
        for (candle, average) in &view.candles {
            for price in [candle.bar.high, candle.bar.low, *average] {
                assert!((PRICES_TOP..=PRICES_BOTTOM).contains(&scale.price(price)));
            }
            assert!((LEFT..=RIGHT).contains(&scale.middle(candle.start_ns)));
        }
    }

    #[test]
    fn one_candle_of_one_price_and_a_strange_symbol_do_no_harm() {
        let mut view = view(1);
        view.symbol = "A<&>\"B".to_owned();
        let bar = &mut view.candles[0].0.bar;
        (bar.high, bar.low, bar.close) = (bar.open, bar.open, bar.open);
        view.candles[0].1 = bar.open;
        let svg = draw(&view);
        assert!(
            is_balanced(&svg) && svg.contains("A&lt;&amp;&gt;&quot;B"),
            "{svg}"
        );
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
