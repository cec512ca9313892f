//! What each pane shows.

use super::health::{Report, duration};
use super::tape::Tape;
use crate::cli::chart::text::{Cell as Character, Row as Characters, Tone};
use crate::cli::chart::view::{places, price, time};
use crate::cli::output::{imbalance_text, nature_text};
use crate::cli::stats::change;
use feed_handler::book::PriceLevel;
use feed_handler::ticker::Instrument;
use feed_handler::{Charts, Market, Side, State, decimal};
use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, Cell, Paragraph, Row, Table};

const BUY: Color = Color::Green;
const SELL: Color = Color::Red;
/// Longest word for what a trade was.
const NATURE: u16 = 7;
const BARS: [&str; 9] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"];

fn state(state: State) -> (&'static str, Color) {
    match state {
        State::Live => ("LIVE", Color::Green),
        State::Recovering => ("GAP", Color::Yellow),
        State::Ended => ("ENDED", Color::Yellow),
        State::Stale => ("STALE", Color::Red),
    }
}

/// With two places at least.
fn short(value: u32) -> String {
    price(value, places(value).max(2))
}

fn right(text: String) -> Cell<'static> {
    Cell::from(Text::from(text).alignment(Alignment::Right))
}

pub(super) fn title(frame: &mut Frame<'_>, area: Rect, report: &Report, charts: &Charts) {
    let (name, color) = state(report.state);
    let line = Line::from(vec![
        Span::from(format!(" {}   ", report.session)).bold(),
        Span::styled(
            format!(" {name} "),
            Style::new()
                .fg(color)
                .add_modifier(Modifier::REVERSED | Modifier::BOLD),
        ),
        Span::from(format!(
            "   {} messages/s   exchange time {} UTC",
            report.messages_per_second,
            time(charts.now_ns(), true)
        )),
    ]);
    frame.render_widget(line, area);
}

/// Columns of the list of instruments, and which of them go first where there is no room: a price is never cut.
const COLUMNS: [&str; 7] = ["symbol", "state", "last", "change", "bid", "ask", "volume"];
const DISPENSABLE: [usize; 3] = [6, 1, 3];

pub(super) fn instruments(
    frame: &mut Frame<'_>,
    area: Rect,
    market: &Market,
    charts: &Charts,
    instruments: &[&Instrument],
    chosen: usize,
) {
    let room = usize::from(area.height.saturating_sub(3)).max(1);
    // The chosen one is always seen.
    let first = (chosen + 1).saturating_sub(room);
    let rows: Vec<([String; 7], Color)> = instruments
        .iter()
        .skip(first)
        .take(room)
        .map(|instrument| {
            let book = market.book(instrument.locate);
            let best = |side| book.best(side).map_or("-".to_owned(), |level| short(level.price));
            let day = charts.day(instrument.locate).filter(|day| !day.is_empty());
            let color = day.map_or(Color::Reset, |day| if day.close < day.open { SELL } else { BUY });
            let texts = [
                instrument.symbol().to_owned(),
                instrument.state_name().to_owned(),
                day.map_or("-".to_owned(), |day| short(day.close)),
                day.map_or(String::new(), |day| format!("{}%", change(day))),
                best(Side::Buy),
                best(Side::Sell),
                decimal::quantity(instrument.volume, instrument.lots_per_unit).to_string(),
            ];
            (texts, color)
        })
        .collect();
    let width = |column: usize| {
        let widths = rows.iter().map(|(texts, _)| texts[column].len());
        widths.max().unwrap_or(0).max(COLUMNS[column].len())
    };
    let mut columns: Vec<usize> = (0..COLUMNS.len()).collect();
    for column in DISPENSABLE {
        let needed: usize = columns.iter().map(|column| width(*column) + 2).sum();
        if needed > usize::from(area.width) {
            columns.retain(|other| *other != column);
        }
    }
    let cell = |column: usize, text: &str| match column {
        0 | 1 => Cell::from(text.to_owned()),
        _ => right(text.to_owned()),
    };
    let shown = rows.iter().enumerate().map(|(index, (texts, color))| {
        let row = Row::new(columns.iter().map(|column| {
            let cell = cell(*column, &texts[*column]);
            match column {
                2 | 3 => cell.fg(*color),
                4 => cell.fg(BUY),
                5 => cell.fg(SELL),
                _ => cell,
            }
        }));
        match first + index == chosen {
            true => row.style(Style::new().add_modifier(Modifier::REVERSED)),
            false => row,
        }
    });
    let title = match instruments.len() {
        count if count > room => format!(" instruments {} of {count} ", chosen + 1),
        _ => " instruments ".to_owned(),
    };
    let head = columns.iter().map(|column| cell(*column, COLUMNS[*column]));
    let widths = columns
        .iter()
        .map(|column| Constraint::Length(width(*column) as u16));
    let table = Table::new(shown, widths)
        .column_spacing(2)
        .header(Row::new(head).bold())
        .block(Block::bordered().title(title));
    frame.render_widget(table, area);
}

/// A level with the sum of all levels up to it.
struct Rung {
    level: PriceLevel,
    total: u64,
}

fn rungs(market: &Market, locate: u16, side: Side, count: usize) -> Vec<Rung> {
    let mut total = 0;
    market
        .book(locate)
        .levels(side)
        .take(count)
        .map(|level| {
            total += level.quantity;
            Rung { level, total }
        })
        .collect()
}

pub(super) fn ladder(frame: &mut Frame<'_>, area: Rect, market: &Market, instrument: &Instrument) {
    let lots = instrument.lots_per_unit;
    let block = Block::bordered().title(format!(" {} ({}) ", instrument.symbol(), instrument.state_name()));
    let inside = block.inner(area);
    // Head, the spread between the sides, and what an auction says.
    let auction = instrument.imbalance.as_ref();
    let room = usize::from(inside.height.saturating_sub(2 + u16::from(auction.is_some()))) / 2;
    let (bids, asks) = (
        rungs(market, instrument.locate, Side::Buy, room),
        rungs(market, instrument.locate, Side::Sell, room),
    );
    let all = || bids.iter().chain(&asks);
    let most = all().map(|rung| rung.level.quantity).max().unwrap_or(1).max(1);
    let digits = all()
        .map(|rung| places(rung.level.price))
        .max()
        .unwrap_or(0)
        .max(2);
    let texts = |rung: &Rung| {
        [
            price(rung.level.price, digits),
            rung.level.orders.to_string(),
            decimal::quantity(rung.level.quantity, lots).to_string(),
            decimal::quantity(rung.total, lots).to_string(),
        ]
    };
    const HEAD: [&str; 4] = ["price", "orders", "quantity", "total"];
    // As wide as what is in them: what is left is for the bars.
    let mut widths = [13, 6, 8, 5];
    for text in all().map(texts) {
        for (width, text) in widths.iter_mut().zip(text) {
            *width = (*width).max(text.len() as u16);
        }
    }
    let bars =
        usize::from(inside.width).saturating_sub(usize::from(widths.iter().sum::<u16>()) + widths.len());
    let row = |rung: &Rung, color: Color| {
        let [price, orders, quantity, total] = texts(rung).map(right);
        Row::new([
            price.fg(color),
            orders.dim(),
            quantity,
            total.dim(),
            Cell::from(bar(rung.level.quantity, most, bars)).fg(color),
        ])
    };
    let spread = match (bids.first(), asks.first()) {
        (Some(bid), Some(ask)) if ask.level.price >= bid.level.price => {
            format!("spread {}", price(ask.level.price - bid.level.price, digits))
        }
        (Some(_), Some(_)) => "crossed".to_owned(),
        _ => "one-sided".to_owned(),
    };
    let mut rows = Vec::with_capacity(2 * room + 2);
    // The best prices stand next to each other in the middle, however many there are.
    rows.extend((asks.len()..room).map(|_| Row::new([""])));
    rows.extend(asks.iter().rev().map(|rung| row(rung, SELL)));
    rows.push(Row::new([right(spread)]).dim());
    rows.extend(bids.iter().map(|rung| row(rung, BUY)));
    let widths = widths
        .map(Constraint::Length)
        .into_iter()
        .chain([Constraint::Min(0)]);
    let head = HEAD.map(|name| right(name.to_owned()));
    frame.render_widget(block, area);
    let table = Table::new(rows, widths).header(Row::new(head).bold());
    frame.render_widget(table, inside);
    if let Some(auction) = auction {
        let line = Rect {
            y: inside.bottom().saturating_sub(1),
            height: inside.height.min(1),
            ..inside
        };
        frame.render_widget(Line::from(imbalance_text(auction, lots)).yellow(), line);
    }
}

/// A bar of up to `width` characters, in eighths.
fn bar(quantity: u64, most: u64, width: usize) -> String {
    let eighths = (u128::from(quantity) * 8 * width as u128).div_ceil(u128::from(most)) as usize;
    BARS[8].repeat(eighths / 8) + BARS[eighths % 8]
}

pub(super) fn trades(frame: &mut Frame<'_>, area: Rect, market: &Market, tape: &Tape, locate: Option<u16>) {
    let room = usize::from(area.height.saturating_sub(2));
    let trades: Vec<_> = tape
        .trades(locate)
        .take(room)
        .map(|trade| {
            let instrument = market.instrument(trade.locate).unwrap_or(&Instrument::UNNAMED);
            let texts = [
                instrument.symbol().to_owned(),
                short(trade.price),
                decimal::quantity(trade.quantity, instrument.lots_per_unit).to_string(),
            ];
            (trade, texts)
        })
        .collect();
    let width = |column: usize| {
        let widths = trades.iter().map(|(_, texts)| texts[column].len() as u16);
        widths.max().unwrap_or(0)
    };
    let symbols = if locate.is_none() { width(0) } else { 0 };
    let others = symbols + width(1) + width(2) + NATURE + 6;
    // Milliseconds where there is room for them.
    let digits = if others + 12 <= area.width { 12 } else { 8 };
    let rows = trades.iter().map(|(trade, [symbol, price, quantity])| {
        let color = match trade.aggressor {
            Some(Side::Buy) => BUY,
            Some(Side::Sell) => SELL,
            None => Color::Yellow,
        };
        Row::new([
            Cell::from(decimal::time_of_day(trade.timestamp)[..digits].to_owned()).dim(),
            Cell::from(symbol.clone()),
            right(price.clone()).fg(color),
            right(quantity.clone()),
            Cell::from(nature_text(trade)).fg(color),
        ])
    });
    let widths = [
        Constraint::Length(digits as u16),
        Constraint::Length(symbols),
        Constraint::Length(width(1)),
        Constraint::Length(width(2)),
        Constraint::Min(NATURE),
    ];
    let whose = locate
        .and_then(|locate| market.instrument(locate))
        .map_or("all", |instrument| instrument.symbol());
    let table = Table::new(rows, widths).block(Block::bordered().title(format!(" trades of {whose} ")));
    frame.render_widget(table, area);
}

pub(super) fn health(frame: &mut Frame<'_>, area: Rect, report: &Report) {
    let dim = |text: &str| Span::from(text.to_owned()).dim();
    let told = |text: String| Span::from(text);
    let (name, color) = state(report.state);
    let means = match report.state {
        State::Live => "whole, and the lines are alive".to_owned(),
        State::Recovering => format!("{} messages behind, being recovered", report.behind),
        State::Ended => "the session has ended; waiting for the next".to_owned(),
        State::Stale if report.overflows => {
            "NOT to be trusted: the books are full; give more --max-orders or --max-levels".to_owned()
        }
        State::Stale if report.behind == 0 => "NOT to be trusted: the lines are silent".to_owned(),
        State::Stale => format!("NOT to be trusted: {} messages behind", report.behind),
    };
    let latency = |latency: Option<[u64; 3]>| match latency {
        Some([p50, p99, most]) => format!(
            "p50 {}  p99 {}  max {}",
            duration(p50),
            duration(p99),
            duration(most)
        ),
        None => "-".to_owned(),
    };
    let packets = report.leads[0].0 + report.leads[1].0;
    let share = |leads: u64| (leads * 100 + packets / 2).checked_div(packets).unwrap_or(0);
    let lead = |line: usize| {
        format!(
            "{}% by {}",
            share(report.leads[line].0),
            duration(report.leads[line].1)
        )
    };
    let mut second = vec![
        dim(" gaps "),
        told(report.gaps.to_string()),
        dim("  recovered "),
        told(report.recovered.to_string()),
        dim("  replayed at the start "),
        told(report.replayed.to_string()),
        dim("  lost on A "),
        told(report.lost[0].to_string()),
        dim("  on B "),
        told(report.lost[1].to_string()),
    ];
    if report.malformed + report.book_errors > 0 {
        second.push(
            Span::from(format!(
                "  malformed {}  did not fit {}",
                report.malformed, report.book_errors
            ))
            .red(),
        );
    }
    let mut fourth = vec![
        dim(" exchange to here, 1 s: "),
        told(latency(report.latency[0])),
        dim("   all: "),
        told(latency(report.latency[1])),
    ];
    if report.from_the_future > 0 {
        fourth.push(Span::from("   clocks differ").yellow());
    }
    let lines = vec![
        Line::from(vec![
            Span::styled(format!(" {name} "), Style::new().fg(color).bold()),
            told(means),
            dim("   next message "),
            told(report.next_sequence.to_string()),
        ]),
        Line::from(second),
        Line::from(vec![
            dim(" first: A "),
            told(lead(0)),
            dim("   B "),
            told(lead(1)),
        ]),
        Line::from(fourth),
    ];
    frame.render_widget(
        Paragraph::new(lines).block(Block::bordered().title(" feed ")),
        area,
    );
}

/// Characters with their colors.
pub(super) fn grid(frame: &mut Frame<'_>, area: Rect, grid: &[Characters]) {
    let lines: Vec<Line<'_>> = grid.iter().map(|row| Line::from(spans(row))).collect();
    frame.render_widget(Paragraph::new(lines), area);
}

fn spans(row: &[Character]) -> Vec<Span<'static>> {
    row.chunk_by(|left, right| left.tone == right.tone)
        .map(|run| {
            let text: String = run.iter().map(|cell| cell.symbol).collect();
            let style = match run[0].tone {
                Tone::Plain => Style::new(),
                Tone::Dim => Style::new().add_modifier(Modifier::DIM),
                Tone::Up => Style::new().fg(BUY),
                Tone::Down => Style::new().fg(SELL),
                Tone::Average => Style::new().fg(Color::Yellow),
            };
            Span::styled(text, style)
        })
        .collect()
}
