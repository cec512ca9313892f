//! The whole screen: where each pane is, and what is chosen.

use super::health::Report;
use super::panes;
use super::tape::Tape;
use crate::cli::chart::text;
use crate::cli::chart::view::View;
use feed_handler::candle::Interval;
use feed_handler::ticker::Instrument;
use feed_handler::{Charts, Market};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Stylize;
use ratatui::text::Line;
use ratatui::widgets::Block;

/// Most rows that the list of instruments takes; it scrolls.
const INSTRUMENTS_MAX: u16 = 10;
/// Rows of the health pane, with its border.
const HEALTH_ROWS: u16 = 6;

/// What the keys have chosen.
#[derive(Debug)]
pub(super) struct Screen {
    /// Empty: all instruments.
    only: Vec<[u8; 8]>,
    chosen: usize,
    intervals: Vec<Interval>,
    interval: usize,
    /// The tape shows all instruments.
    pub(super) all_trades: bool,
    /// Instruments shown in the last frame.
    shown: usize,
}

impl Screen {
    pub(super) fn new(only: Vec<[u8; 8]>, intervals: Vec<Interval>, interval: Interval) -> Self {
        let interval = intervals.iter().position(|other| *other == interval);
        Self {
            only,
            chosen: 0,
            intervals,
            interval: interval.unwrap_or(0),
            all_trades: false,
            shown: 0,
        }
    }

    /// The next instrument, or the one before; around the ends.
    pub(super) fn choose(&mut self, step: isize) {
        let count = self.shown.max(1);
        self.chosen = (self.chosen + count).saturating_add_signed(step) % count;
    }

    pub(super) fn next_interval(&mut self) {
        self.interval = (self.interval + 1) % self.intervals.len().max(1);
    }

    pub(super) fn draw(
        &mut self,
        frame: &mut Frame<'_>,
        market: &Market,
        charts: &Charts,
        tape: &Tape,
        report: &Report,
    ) {
        let instruments: Vec<&Instrument> = market
            .instruments()
            .filter(|instrument| self.only.is_empty() || self.only.contains(&instrument.symbol))
            .collect();
        self.shown = instruments.len();
        self.chosen = self.chosen.min(self.shown.saturating_sub(1));
        let rows = (instruments.len() as u16).min(INSTRUMENTS_MAX) + 3;
        let [title, body, health, help] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Min(8),
            Constraint::Length(HEALTH_ROWS),
            Constraint::Length(1),
        ])
        .areas(frame.area());
        let [left, right] =
            Layout::horizontal([Constraint::Percentage(60), Constraint::Percentage(40)]).areas(body);
        let [list, chart] = Layout::vertical([Constraint::Length(rows), Constraint::Min(3)]).areas(left);
        let [ladder, trades] =
            Layout::vertical([Constraint::Percentage(60), Constraint::Percentage(40)]).areas(right);
        panes::title(frame, title, report, charts);
        panes::instruments(frame, list, market, charts, &instruments, self.chosen);
        if let Some(instrument) = instruments.get(self.chosen) {
            self.chart(frame, chart, market, charts, instrument.locate);
            panes::ladder(frame, ladder, market, instrument);
            let locate = (!self.all_trades).then_some(instrument.locate);
            panes::trades(frame, trades, market, tape, locate);
        }
        panes::health(frame, health, report);
        let keys =
            " up down j k: instrument   i: candles of another interval   t: trades of all or one   q: quit";
        frame.render_widget(Line::from(keys).dim(), help);
    }

    fn chart(&self, frame: &mut Frame<'_>, area: Rect, market: &Market, charts: &Charts, locate: u16) {
        let block = Block::bordered().title(format!(" candles of {} ", self.intervals[self.interval]));
        let inside = block.inner(area);
        frame.render_widget(block, area);
        let slots = usize::from(text::candles_that_fit(inside.width));
        match View::new(market, charts, locate, self.intervals[self.interval], slots) {
            Some(view) => panes::grid(frame, inside, &text::draw(&view, inside.width, inside.height)),
            None => frame.render_widget(Line::from(" nothing has traded yet").dim(), inside),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::watch::Watched;
    use crate::cli::watch::health::Health;
    use feed_handler::book::Capacity;
    use feed_handler::charts::ChartsConfig;
    use feed_handler::{Observer, State};
    use protocol::layout::WireMessage;
    use protocol::market_data::messages::{
        AddOrder, Noii, OrderExecuted, StockDirectory, StockTradingAction, SystemEvent,
    };
    use protocol::units::{Symbol, U48};
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    struct Room {
        market: Market,
        watched: Watched,
        screen: Screen,
        sequence: u64,
    }

    impl Room {
        fn new(only: Vec<[u8; 8]>) -> Self {
            let intervals = vec![Interval::SECOND, Interval::MINUTE];
            Self {
                market: Market::new(Capacity {
                    instruments: 8,
                    orders: 4_096,
                    levels: 1_024,
                }),
                watched: Watched {
                    charts: Charts::new(ChartsConfig {
                        intervals: intervals.clone(),
                        candles: 240,
                        remembered: 16,
                        symbols: Vec::new(),
                    }),
                    tape: Tape::new(),
                    health: Health::new(),
                },
                screen: Screen::new(only, intervals, Interval::MINUTE),
                sequence: 0,
            }
        }

        fn apply(&mut self, message: &impl WireMessage) {
            let mut buffer = [0; 64];
            let length = message.write(&mut buffer).unwrap();
            self.sequence += 1;
            self.market.apply(&buffer[..length]).unwrap();
            self.watched
                .message(self.sequence, &buffer[..length], &self.market);
        }

        /// Three instruments; the second trades for an hour.
        fn day(mut self) -> Self {
            self.apply(&SystemEvent {
                message_type: b'S',
                stock_locate: 0.into(),
                tracking_number: 0.into(),
                timestamp: U48::new(0),
                event_code: b'O',
            });
            for (locate, name) in (1..).zip(["ETH-USD", "BTC-USD", "SOL-USD"]) {
                self.name(locate, name);
            }
            let minute = 60_000_000_000;
            let mut number = 0;
            for index in 0..60_u32 {
                let time = (9 * 60 + u64::from(index)) * minute;
                // Up and down again, with a wave.
                let price = 600_000_000 + (30 - index.abs_diff(30)) * 50_000 + index * index % 7 * 20_000;
                for (step, price) in [price, price + 100_000, price - 60_000, price + 20_000]
                    .into_iter()
                    .enumerate()
                {
                    number += 1;
                    let quantity = 1_000 + index * 311 % 5_000;
                    let side = if index % 3 == 0 { b'B' } else { b'S' };
                    self.add(2, number, side, quantity, price, time);
                    let time = time + 1_000_000_000 * (step as u64 + 1) + u64::from(index) * 7_000_000;
                    self.execute(2, number, quantity, time);
                }
            }
            for level in 0..9_u32 {
                for order in 0..=level % 3 {
                    number += 2;
                    let quantity = 4_000 + 2_500 * level + 300 * order;
                    self.add(
                        2,
                        number,
                        b'B',
                        quantity,
                        600_400_000 - level * 10_000,
                        36_000 * 1_000_000_000,
                    );
                    self.add(
                        2,
                        number + 1,
                        b'S',
                        quantity / 2,
                        600_410_000 + level * 10_000,
                        36_000 * 1_000_000_000,
                    );
                }
            }
            self.add(1, 9_001, b'B', 12_500, 29_992_500, 36_000 * 1_000_000_000);
            self
        }

        fn name(&mut self, locate: u16, name: &str) {
            let stock = Symbol::new(name).unwrap().0;
            self.apply(&StockDirectory {
                message_type: b'R',
                stock_locate: locate.into(),
                tracking_number: 0.into(),
                timestamp: U48::new(0),
                stock,
                market_category: b' ',
                financial_status_indicator: b' ',
                round_lot_size: 10_000.into(),
                round_lots_only: b'N',
                issue_classification: b'C',
                issue_sub_type: *b"Z ",
                authenticity: b'T',
                short_sale_threshold_indicator: b' ',
                ipo_flag: b' ',
                luld_reference_price_tier: b' ',
                etp_flag: b' ',
                etp_leverage_factor: 0.into(),
                inverse_indicator: b'N',
            });
            self.apply(&StockTradingAction {
                message_type: b'H',
                stock_locate: locate.into(),
                tracking_number: 0.into(),
                timestamp: U48::new(0),
                stock,
                trading_state: if locate == 3 { b'H' } else { b'T' },
                reserved: b' ',
                reason: *b"    ",
            });
        }

        fn add(&mut self, locate: u16, number: u64, side: u8, quantity: u32, price: u32, time: u64) {
            self.apply(&AddOrder {
                message_type: b'A',
                stock_locate: locate.into(),
                tracking_number: 0.into(),
                timestamp: U48::new(time),
                order_reference_number: number.into(),
                buy_sell_indicator: side,
                shares: quantity.into(),
                stock: [b' '; 8],
                price: price.into(),
            });
        }

        fn execute(&mut self, locate: u16, number: u64, quantity: u32, time: u64) {
            self.apply(&OrderExecuted {
                message_type: b'E',
                stock_locate: locate.into(),
                tracking_number: 0.into(),
                timestamp: U48::new(time),
                order_reference_number: number.into(),
                executed_shares: quantity.into(),
                match_number: (number + 1_000).into(),
            });
        }

        /// What a terminal of that size shows.
        fn shown(&mut self, width: u16, height: u16, report: &Report) -> String {
            let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
            let Self {
                market,
                watched,
                screen,
                ..
            } = self;
            terminal
                .draw(|frame| screen.draw(frame, market, &watched.charts, &watched.tape, report))
                .unwrap();
            let lines = terminal.backend().to_string();
            // Each line is in quotation marks.
            let lines = lines
                .lines()
                .map(|line| line.trim_matches('"').trim_end().to_owned() + "\n");
            lines.collect()
        }
    }

    fn report(state: State) -> Report {
        Report {
            state,
            session: "ITCH000001".to_owned(),
            next_sequence: 123_457,
            messages_per_second: 4_321,
            latency: [
                Some([12_300, 88_000, 1_900_000]),
                Some([11_100, 92_000, 40_000_000]),
            ],
            gaps: 3,
            recovered: 42,
            replayed: 99_000,
            lost: [17, 60],
            leads: [(600, 4_100), (400, 2_900)],
            ..Health::new().report().clone()
        }
    }

    #[test]
    fn the_screen_looks_like_this() {
        let mut room = Room::new(Vec::new()).day();
        room.shown(120, 44, &report(State::Live));
        room.screen.choose(1);
        let shown = room.shown(120, 44, &report(State::Live));
        crate::cli::snapshot::check("watch.txt", &shown);
    }

    #[test]
    fn keys_choose_instruments_intervals_and_trades() {
        let mut room = Room::new(Vec::new()).day();
        let live = report(State::Live);
        assert!(room.shown(120, 40, &live).contains("ETH-USD (trading)"));
        room.screen.choose(-1);
        assert!(room.shown(120, 40, &live).contains("SOL-USD (halted)"));
        room.screen.choose(1);
        room.screen.choose(1);
        let minutes = room.shown(120, 40, &live);
        assert!(minutes.contains("candles of 1m"));
        room.screen.next_interval();
        assert!(room.shown(120, 40, &live).contains("candles of 1s"));
        room.screen.choose(-1);
        assert!(room.shown(120, 40, &live).contains("nothing has traded yet"));
        room.screen.all_trades = true;
        assert!(room.shown(120, 40, &live).contains("trades of all"));
    }

    #[test]
    fn a_feed_that_cannot_be_trusted_is_seen() {
        let mut room = Room::new(vec![*b"BTC-USD "]).day();
        for (state, told) in [
            (State::Live, "LIVE"),
            (State::Recovering, "GAP"),
            (State::Stale, "STALE"),
            (State::Ended, "ENDED"),
        ] {
            let shown = room.shown(120, 40, &report(state));
            assert!(shown.lines().next().unwrap().contains(told), "{shown}");
            assert!(!shown.contains("ETH-USD"), "only BTC-USD was asked for");
        }
    }

    #[test]
    fn an_auction_says_what_it_would_come_to() {
        let mut room = Room::new(vec![*b"BTC-USD "]).day();
        room.apply(&Noii {
            message_type: b'I',
            stock_locate: 2.into(),
            tracking_number: 0.into(),
            timestamp: U48::new(0),
            paired_shares: 25_000.into(),
            imbalance_shares: 5_000.into(),
            imbalance_direction: b'S',
            stock: *b"BTC-USD ",
            far_price: 0.into(),
            near_price: 600_400_000.into(),
            current_reference_price: 600_000_000.into(),
            cross_type: b'C',
            price_variation_indicator: b'L',
        });
        let shown = room.shown(160, 40, &report(State::Live));
        assert!(
            shown.contains("closing: 2.5 paired at 60040.0000, 0.5 more to sell"),
            "{shown}"
        );
    }

    #[test]
    fn prices_are_whole_in_a_narrow_terminal() {
        let mut room = Room::new(vec![*b"BTC-USD "]).day();
        for width in [80, 90, 100, 120] {
            let shown = room.shown(width, 30, &report(State::Live));
            let row = shown.lines().find(|line| line.starts_with("│BTC-USD")).unwrap();
            for price in ["60011.00", "60040.00", "60041.00"] {
                assert!(row.contains(price), "{shown}");
            }
        }
    }

    #[test]
    fn no_size_and_no_market_do_harm() {
        for (width, height) in [(1, 1), (20, 5), (60, 20), (300, 100)] {
            Room::new(Vec::new()).shown(width, height, &report(State::Stale));
            Room::new(Vec::new())
                .day()
                .shown(width, height, &report(State::Live));
        }
    }
}
