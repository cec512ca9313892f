//! The live view in a terminal.

use std::io;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Paragraph, Row, Table};

use super::REFRESH;
use super::snapshot::{InstrumentView, LEVELS, Snapshot};
use crate::latency::{Nanoseconds, Percentiles};
use feed_handler::interrupt::Interrupt;

/// Rates over the last second.
#[derive(Debug, Clone, Copy, Default)]
struct Rates {
    orders: f64,
    acks: f64,
    feed: f64,
    executions: f64,
}

/// What the view remembers between two frames.
struct View {
    about: String,
    chosen: usize,
    before: (Instant, Snapshot),
    rates: Rates,
}

/// Shows the floor until `is_over`; `q`, escape and Ctrl-C ask it to end.
pub(super) fn show(
    snapshot: &Mutex<Snapshot>,
    interrupt: &Interrupt,
    about: &str,
    is_over: impl Fn() -> bool,
) -> io::Result<()> {
    let mut terminal = ratatui::try_init()?;
    let mut view = View {
        about: about.to_owned(),
        chosen: 0,
        before: (Instant::now(), Snapshot::read(snapshot)),
        rates: Rates::default(),
    };
    let result = (|| {
        while !is_over() {
            let now = Snapshot::read(snapshot);
            view.measure(&now);
            terminal.draw(|frame| view.draw(frame, &now))?;
            view.keys(interrupt, now.instruments.len())?;
        }
        Ok(())
    })();
    ratatui::try_restore()?;
    result
}

impl View {
    fn measure(&mut self, now: &Snapshot) {
        let passed = self.before.0.elapsed();
        if passed < Duration::from_secs(1) {
            return;
        }
        let before = &self.before.1;
        let per_second = |now: u64, before: u64| now.saturating_sub(before) as f64 / passed.as_secs_f64();
        self.rates = Rates {
            orders: per_second(now.sent(), before.sent()),
            acks: per_second(now.totals.messages, before.totals.messages),
            feed: per_second(now.feed_messages, before.feed_messages),
            executions: per_second(now.totals.executions, before.totals.executions),
        };
        self.before = (Instant::now(), now.clone());
    }

    fn keys(&mut self, interrupt: &Interrupt, instruments: usize) -> io::Result<()> {
        if !event::poll(REFRESH)? {
            return Ok(());
        }
        let Event::Key(key) = event::read()? else {
            return Ok(());
        };
        if key.kind == KeyEventKind::Release {
            return Ok(());
        }
        let count = instruments.max(1);
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => interrupt.ask(),
            // In this mode the terminal sends no signal.
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => interrupt.ask(),
            KeyCode::Right | KeyCode::Down | KeyCode::Tab => self.chosen = (self.chosen + 1) % count,
            KeyCode::Left | KeyCode::Up => self.chosen = (self.chosen + count - 1) % count,
            _ => {}
        }
        Ok(())
    }

    fn draw(&self, frame: &mut Frame<'_>, now: &Snapshot) {
        let [title, top, bottom, keys] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Min(LEVELS as u16 + 4),
            Constraint::Length(11),
            Constraint::Length(1),
        ])
        .areas(frame.area());
        let [left, right] =
            Layout::horizontal([Constraint::Percentage(60), Constraint::Percentage(40)]).areas(top);
        let [flow, health] =
            Layout::horizontal([Constraint::Percentage(50), Constraint::Percentage(50)]).areas(bottom);
        let heading = format!(
            " exchange demo   {:.1} s   {}   {}",
            now.running_ns as f64 / 1e9,
            now.stage,
            self.about
        );
        frame.render_widget(Line::from(heading).bold().reversed(), title);
        self.instruments(frame, left, now);
        if let Some(instrument) = now.instruments.get(self.chosen) {
            ladder(frame, right, instrument);
        }
        self.flow(frame, flow, now);
        health_of(frame, health, now);
        frame.render_widget(Line::from(" arrows: another instrument   q: end").dim(), keys);
    }

    fn instruments(&self, frame: &mut Frame<'_>, area: Rect, now: &Snapshot) {
        let rows = now.instruments.iter().enumerate().map(|(index, instrument)| {
            let text =
                |side: Option<&(String, String)>| side.map_or("-".to_owned(), |(price, _)| price.clone());
            let style = if index == self.chosen {
                Style::new().add_modifier(Modifier::REVERSED)
            } else {
                Style::new()
            };
            Row::new([
                Cell::from(instrument.symbol.clone()),
                Cell::from(text(instrument.last.as_ref())),
                Cell::from(text(instrument.bids.first())).green(),
                Cell::from(text(instrument.asks.first())).red(),
                Cell::from(instrument.trades.to_string()),
            ])
            .style(style)
        });
        let widths = [
            Constraint::Length(9),
            Constraint::Length(13),
            Constraint::Length(13),
            Constraint::Length(13),
            Constraint::Min(8),
        ];
        let table = Table::new(rows, widths)
            .header(Row::new(["symbol", "last", "bid", "ask", "trades"]).bold())
            .block(Block::bordered().title(" instruments "));
        frame.render_widget(table, area);
    }

    fn flow(&self, frame: &mut Frame<'_>, area: Rect, now: &Snapshot) {
        let lines = vec![
            pair("orders/s", format!("{:.0}", self.rates.orders)),
            pair("acknowledgements/s", format!("{:.0}", self.rates.acks)),
            pair("market data/s", format!("{:.0}", self.rates.feed)),
            pair("executions/s", format!("{:.0}", self.rates.executions)),
            pair("order to ack, last second", percentiles(&now.ack_recent)),
            pair("order to ack, whole run", percentiles(&now.ack)),
            pair("order to market data", percentiles(&now.feed)),
            pair(
                "orders sent / answered / refused",
                format!(
                    "{} / {} / {}",
                    now.sent(),
                    now.totals.answered,
                    now.totals.rejected
                ),
            ),
            pair("orders in the book", now.totals.live.to_string()),
        ];
        frame.render_widget(
            Paragraph::new(lines).block(Block::bordered().title(" flow ")),
            area,
        );
    }
}

fn pair(name: &str, value: String) -> Line<'static> {
    Line::from(vec![Span::from(format!(" {name}: ")).dim(), Span::from(value)])
}

fn percentiles(percentiles: &Percentiles) -> String {
    format!(
        "p50 {} p99 {} max {}",
        Nanoseconds(percentiles.p50),
        Nanoseconds(percentiles.p99),
        Nanoseconds(percentiles.max)
    )
}

fn ladder(frame: &mut Frame<'_>, area: Rect, instrument: &InstrumentView) {
    let row = |(price, quantity): &(String, String), color: Color| {
        Row::new([
            Cell::from(price.clone()).style(Style::new().fg(color)),
            Cell::from(quantity.clone()),
        ])
    };
    // As many of each side as fit, the best next to each other.
    let room = usize::from(area.height.saturating_sub(4)) / 2;
    let mut rows: Vec<Row<'_>> = instrument
        .asks
        .iter()
        .take(room)
        .rev()
        .map(|level| row(level, Color::Red))
        .collect();
    rows.push(Row::new(["--------", ""]).dim());
    rows.extend(
        instrument
            .bids
            .iter()
            .take(room)
            .map(|level| row(level, Color::Green)),
    );
    let table = Table::new(rows, [Constraint::Length(14), Constraint::Min(8)])
        .header(Row::new(["price", "quantity"]).bold())
        .block(Block::bordered().title(format!(" {} ", instrument.symbol)));
    frame.render_widget(table, area);
}

fn health_of(frame: &mut Frame<'_>, area: Rect, now: &Snapshot) {
    let verdict = |good: bool, text: String| {
        let style = if good {
            Style::new().fg(Color::Green)
        } else {
            Style::new().fg(Color::Red).bold()
        };
        Line::from(Span::styled(format!(" {text}"), style))
    };
    let lines = vec![
        verdict(
            now.feed_state != "STALE",
            format!("feed handler: {}", now.feed_state),
        ),
        pair("feed packets dropped on purpose", now.feed_dropped.to_string()),
        pair("filled by the other line", now.feed_arbitrated.to_string()),
        pair(
            "gaps / messages recovered",
            format!("{} / {}", now.feed_gaps, now.feed_recovered),
        ),
        pair(
            "order datagrams dropped / sent again",
            format!("{} / {}", now.totals.dropped, now.totals.resends),
        ),
        pair(
            "late subscriber, messages over TCP",
            now.late_messages.to_string(),
        ),
        verdict(
            now.tickers.1 == 0,
            format!(
                "feed book equals engine book: {} of {} looks",
                now.tickers.0,
                now.tickers.0 + now.tickers.1
            ),
        ),
        verdict(
            now.faults == 0,
            format!("answers that contradict each other: {}", now.faults),
        ),
        Line::from(" money is added up at the end").dim(),
    ];
    frame.render_widget(
        Paragraph::new(lines).block(Block::bordered().title(" recovery and checks ")),
        area,
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    /// What a terminal of that size shows.
    fn shown(snapshot: &Snapshot, width: u16, height: u16) -> String {
        let view = View {
            about: "durability sync, rate 5000/s".to_owned(),
            chosen: 1,
            before: (Instant::now(), Snapshot::default()),
            rates: Rates {
                orders: 4_999.6,
                ..Rates::default()
            },
        };
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal in memory");
        terminal
            .draw(|frame| view.draw(frame, snapshot))
            .expect("drawn in memory");
        terminal.backend().to_string()
    }

    fn instrument(symbol: &str, bid: &str) -> InstrumentView {
        let level = |price: &str| (price.to_owned(), "0.5".to_owned());
        InstrumentView {
            symbol: symbol.to_owned(),
            last: Some(level("60000.01")),
            bids: vec![level(bid), level("11111.11")],
            asks: vec![level("60001.5")],
            trades: 77,
        }
    }

    #[test]
    fn the_view_shows_market_flow_and_checks() {
        let snapshot = Snapshot {
            stage: "trading",
            feed_state: "live",
            feed_gaps: 3,
            feed_recovered: 42,
            tickers: (8, 1),
            instruments: vec![instrument("BTC-USD", "59999.5"), instrument("ETH-USD", "2999.25")],
            ..Snapshot::default()
        };
        let shown = shown(&snapshot, 130, 45);
        for text in [
            "BTC-USD",
            "59999.5",
            "ETH-USD",
            "2999.25",
            "durability sync, rate 5000/s",
            "orders/s: 5000",
            "feed handler: live",
            "3 / 42",
            "8 of 9 looks",
            // Only the ladder of the chosen instrument shows the second level.
            "11111.11",
        ] {
            assert!(shown.contains(text), "{text} is missing:\n{shown}");
        }
        assert_eq!(shown.matches("11111.11").count(), 1);
    }

    #[test]
    fn a_small_terminal_and_an_empty_floor_do_no_harm() {
        for (width, height) in [(1, 1), (20, 5), (300, 100)] {
            shown(&Snapshot::default(), width, height);
        }
    }
}
