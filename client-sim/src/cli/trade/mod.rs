//! `client-sim trade`: orders by hand, one on the command line or many at a prompt.

mod desk;
mod explain;
mod show;
pub mod verb;

use std::io::{self, BufRead, IsTerminal, Write};
use std::net::SocketAddrV4;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use clap::Args;
use protocol::units::Symbol;
use tls::TlsArguments;

use super::arguments::MacArguments;
use crate::connection::{ClientConfig, Door};
use crate::orders::{Change, Update};
use desk::Desk;
use show::Shown;
use verb::{LineVerb, Verb, Which};

/// Enters orders by hand and asks about them; without an instruction there is a prompt.
#[derive(Debug, Args)]
pub struct TradeArguments {
    /// The exchange's order-entry door.
    #[arg(long, default_value = "127.0.0.1:26400")]
    pub server: SocketAddrV4,
    /// Login name of the account's session.
    #[arg(long)]
    pub account: String,
    /// Its password; the default is that of the built-in demonstration accounts.
    #[arg(long, default_value = super::arguments::DEMO_PASSWORD)]
    pub password: String,
    /// Orders over TCP instead of UDP.
    #[arg(long)]
    pub tcp: bool,
    /// The account's secret.
    #[command(flatten)]
    pub authentication: MacArguments,
    /// Whom to believe.
    #[command(flatten)]
    pub tls: TlsArguments,
    /// One JSON value a line instead of text.
    #[arg(long)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

/// Orders that one person may have open at once.
const ORDERS: usize = 4_096;

/// Does what was said. True when it happened.
pub fn run(arguments: &TradeArguments) -> Result<bool, String> {
    let config = ClientConfig {
        door: if arguments.tcp { Door::Tcp } else { Door::Udp },
        mac: arguments.authentication.secret()?,
        trust: arguments.tls.trust()?,
        orders: ORDERS,
        ..ClientConfig::new(arguments.server, &arguments.account, &arguments.password)
    };
    let mut desk = Desk::open(config)?;
    let result = match &arguments.verb {
        Some(verb) => perform(&mut desk, verb).and_then(|shown| {
            print(&shown, arguments.json)?;
            Ok(shown.is_good)
        }),
        None => prompt(&mut desk, arguments.json).map(|()| true),
    };
    desk.close();
    result
}

/// Carries out one instruction.
fn perform(desk: &mut Desk, verb: &Verb) -> Result<Shown, String> {
    match verb {
        Verb::Buy(order) | Verb::Sell(order) => {
            let side = if matches!(verb, Verb::Buy(_)) { b'B' } else { b'S' };
            let (instrument, outcome) = desk.enter(side, order)?;
            let mut shown = show::outcome(Some(&instrument), &outcome);
            if let (Some(stop), desk::Outcome::Taken(status, _)) = (order.stop, &outcome)
                && status.state == b'L'
                && status.executed.get() == 0
            {
                let beyond = if side == b'B' { "above" } else { "below" };
                shown.text += &format!("; it waits for a trade at {stop} or {beyond}");
            }
            Ok(shown)
        }
        Verb::Replace {
            user_ref,
            quantity,
            price,
            seen,
            stop,
            gtc,
        } => {
            let terms = verb::ReplaceTerms {
                seen: *seen,
                stop: *stop,
                gtc: *gtc,
            };
            let outcome = desk.replace(*user_ref, *quantity, *price, &terms)?;
            let instrument = match &outcome {
                desk::Outcome::Taken(status, _) => desk.instruments().find(Symbol(status.symbol)).copied(),
                desk::Outcome::Refused { .. } => None,
            };
            Ok(show::outcome(instrument.as_ref(), &outcome))
        }
        Verb::Cancel {
            user_ref: Which::One(user_ref),
        } => {
            let status = desk.cancel(*user_ref)?;
            let instrument = desk.instruments().find(Symbol(status.symbol)).copied();
            let mut shown = show::status(instrument.as_ref(), &status, None);
            // An order that had already been filled was not canceled.
            shown.is_good &= status.state == b'C';
            if matches!(status.state, b'F' | b'R') {
                shown.text += "; there is nothing left to cancel";
            }
            Ok(shown)
        }
        Verb::Cancel { user_ref: Which::All } => {
            let count = desk.cancel_all()?;
            Ok(Shown {
                text: format!("{count} {} canceled", if count == 1 { "order" } else { "orders" }),
                json: serde_json::json!({ "canceled": count }),
                is_good: true,
            })
        }
        Verb::Status { user_ref } => {
            let status = desk.status(*user_ref)?;
            let instrument = desk.instruments().find(Symbol(status.symbol)).copied();
            Ok(show::status(instrument.as_ref(), &status, None))
        }
        Verb::Orders => {
            let orders = desk.open_orders()?;
            Ok(show::orders(desk.instruments(), &orders))
        }
        Verb::Balance { asset } => {
            let balances = desk.balances(asset.as_deref())?;
            Ok(show::balances(desk.instruments(), &balances))
        }
        Verb::Ticker { symbol } => {
            let (instrument, ticker) = desk.ticker(symbol)?;
            Ok(show::ticker(&instrument, &ticker))
        }
        Verb::Instruments => Ok(show::instruments(desk.instruments())),
    }
}

fn print(shown: &Shown, json: bool) -> Result<(), String> {
    let mut out = io::stdout().lock();
    let written = if json {
        writeln!(out, "{}", shown.json)
    } else {
        writeln!(out, "{}", shown.text)
    };
    written
        .and_then(|()| out.flush())
        .map_err(|error| format!("cannot write: {error}"))
}

/// Reads instructions until the end of the input; executions are told as they come.
fn prompt(desk: &mut Desk, json: bool) -> Result<(), String> {
    let (sender, lines) = mpsc::channel();
    // Reading a line waits; the exchange must hear from us meanwhile. The thread ends with its input or the program.
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    let ask = || {
        if io::stdin().is_terminal() && !json {
            eprint!("> ");
        }
    };
    if io::stdin().is_terminal() {
        eprintln!("connected; `help` lists the instructions, `quit` leaves");
    }
    ask();
    loop {
        desk.poll()?;
        if std::mem::take(&mut desk.told.day_ended) {
            eprintln!("the trading day has ended; numbers begin again, `orders` lists what is left");
        }
        while let Some(update) = desk.told.updates.pop_front() {
            if let Some(text) = news(desk, &update) {
                eprintln!("{text}");
            }
        }
        let line = match lines.recv_timeout(Duration::from_millis(5)) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        if !line.trim().is_empty() {
            match verb::parse_line(&line) {
                Ok(LineVerb::Quit) => return Ok(()),
                Ok(LineVerb::Verb(verb)) => match perform(desk, &verb) {
                    Ok(shown) => print(&shown, json)?,
                    Err(complaint) => eprintln!("{complaint}"),
                },
                Err(complaint) => eprintln!("{complaint}"),
            }
        }
        ask();
    }
}

/// What happened to a resting order without being asked.
fn news(desk: &Desk, update: &Update) -> Option<String> {
    let order = &update.order;
    let instrument = desk.instruments().find(order.symbol)?;
    let amount = |lots: u32| instrument.quantity_decimal(u64::from(lots));
    match update.change {
        Change::Executed { quantity, price, .. } => Some(format!(
            "order {}: {} {} executed at {}, {} open",
            order.user_ref,
            amount(quantity),
            order.symbol,
            instrument.price_decimal(protocol::units::Price(price)),
            amount(order.open)
        )),
        Change::Canceled { quantity, reason } => Some(format!(
            "order {}: {} {} canceled: {}",
            order.user_ref,
            amount(quantity),
            order.symbol,
            crate::reason::canceled(reason)
        )),
        Change::Carried { before } => Some(format!(
            "order {before} of the day before is order {} now, {} {} open",
            order.user_ref,
            amount(order.open),
            order.symbol
        )),
        Change::Renumbered => Some(format!(
            "order {}: its stop was reached, it is in the market now",
            order.user_ref
        )),
        _ => None,
    }
}
