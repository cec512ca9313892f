//! `watch`: the market in a terminal, until `q`.
//!
//! One thread: the feed is polled, and ten times a second the keys are asked and the screen is drawn. What comes meanwhile
//! waits in the sockets.

mod health;
mod panes;
mod screen;
mod tape;

use super::Failure;
use super::feed::Feed;
use super::options::{Common, WatchOptions};
use super::output::symbol_field;
use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use feed_handler::arbiter::Start;
use feed_handler::candle::Interval;
use feed_handler::charts::ChartsConfig;
use feed_handler::{Charts, Market, Observer};
use health::Health;
use protocol::text::SessionName;
use screen::Screen;
use std::io::{self, IsTerminal, stdin, stdout};
use std::time::Duration;
use tape::Tape;

/// Time between two frames.
const FRAME_NS: u64 = 100_000_000;
/// Candles kept of each instrument and interval; more than a terminal is wide.
const CANDLES: usize = 240;
/// Trades remembered in case they are broken.
const REMEMBERED: usize = 1 << 12;

/// All that is watched in the stream.
struct Watched {
    charts: Charts,
    tape: Tape,
    health: Health,
}

impl Observer for Watched {
    fn session(&mut self, session: SessionName) {
        self.charts.session(session);
        self.tape.clear();
    }

    fn message(&mut self, sequence: u64, message: &[u8], market: &Market) {
        self.charts.message(sequence, message, market);
        self.tape.message(market);
        self.health.message(message);
    }
}

pub(crate) fn run(common: &Common, options: &WatchOptions) -> Result<(), Failure> {
    if !stdout().is_terminal() || !stdin().is_terminal() {
        return Err(Failure::Usage(
            "`watch` draws on a terminal and reads keys from it; here input or output is none. For pipes and \
             scripts there are `quote SYMBOL`, `trades`, `book SYMBOL --follow`, `candles SYMBOL` and `stats`, \
             each with --json, and `chart SYMBOL` as text"
                .to_owned(),
        ));
    }
    let only = options
        .symbols
        .iter()
        .map(|symbol| symbol_field(symbol))
        .collect::<Result<Vec<_>, _>>()?;
    let mut intervals = vec![Interval::SECOND, Interval::MINUTE, Interval::HOUR];
    if !intervals.contains(&options.interval) {
        intervals.push(options.interval);
        intervals.sort();
    }
    let mut watched = Watched {
        charts: Charts::new(ChartsConfig {
            intervals: intervals.clone(),
            candles: CANDLES,
            remembered: REMEMBERED,
            symbols: only.clone(),
        }),
        tape: Tape::new(),
        health: Health::new(),
    };
    let mut feed = Feed::open(common, Start::At(1))?;
    eprintln!("feed-handler: joining; the day so far is read first");
    feed.join(&mut watched)?;
    for symbol in &options.symbols {
        feed.find(symbol)?;
    }
    watched.health.live();
    let mut screen = Screen::new(only, intervals, options.interval);
    let mut terminal = ratatui::try_init()?;
    let result = show(&mut terminal, &mut feed, &mut watched, &mut screen);
    ratatui::try_restore()?;
    result?;
    feed.check_trust()
}

fn show(
    terminal: &mut ratatui::DefaultTerminal,
    feed: &mut Feed<'_>,
    watched: &mut Watched,
    screen: &mut Screen,
) -> io::Result<()> {
    let mut drawn_ns = None;
    while !feed.is_interrupted() {
        feed.turn(watched);
        let now_ns = feed.now_ns();
        if drawn_ns.is_some_and(|drawn_ns| now_ns - drawn_ns < FRAME_NS) {
            continue;
        }
        drawn_ns = Some(now_ns);
        watched.health.look(&feed.subscriber, now_ns);
        while event::poll(Duration::ZERO)? {
            if pressed(&event::read()?, screen) {
                return Ok(());
            }
        }
        let market = feed.subscriber.market();
        terminal.draw(|frame| {
            screen.draw(
                frame,
                market,
                &watched.charts,
                &watched.tape,
                watched.health.report(),
            );
        })?;
    }
    Ok(())
}

/// Answers whether to end.
fn pressed(event: &Event, screen: &mut Screen) -> bool {
    let Event::Key(key) = event else { return false };
    if key.kind == KeyEventKind::Release {
        return false;
    }
    match key.code {
        KeyCode::Char('q') | KeyCode::Esc => return true,
        // In this mode the terminal sends no signal.
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return true,
        KeyCode::Down | KeyCode::Right | KeyCode::Tab | KeyCode::Char('j') => screen.choose(1),
        KeyCode::Up | KeyCode::Left | KeyCode::BackTab | KeyCode::Char('k') => screen.choose(-1),
        KeyCode::Char('i') => screen.next_interval(),
        KeyCode::Char('t') => screen.all_trades ^= true,
        _ => {}
    }
    false
}
