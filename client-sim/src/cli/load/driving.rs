//! The loop that drives a fleet: polls it, rests while there is nothing to do, and asks at the end how the books stand.

use std::time::Duration;

use feed_handler::clock::Clock;
use protocol::order_entry::own::Ticker;
use protocol::units::Symbol;

use crate::fleet::{Fleet, Stage, TICKERS_MAX};

/// How long the customers may take to join, and to come to an end.
const PATIENCE: Duration = Duration::from_secs(60);
/// The same where somebody who was let in reads what it has missed, since anybody got the last of it. What is too old for the
/// exchange's memory is made again from the journal, at leisure.
const CATCH_UP_PATIENCE: Duration = Duration::from_secs(600);
/// Nanoseconds of a second.
const SECOND_NS: u64 = 1_000_000_000;

/// Polls a fleet from its first login to its last balance; it is measured for `duration`, or until `is_asked` to end.
/// `each_second` is called after each second of trading (with the nanoseconds that were, exactly), and once more when the
/// last answer has come.
///
/// # Errors
/// A customer's connection has ended for good.
pub fn drive(
    fleet: &mut Fleet,
    clock: &Clock,
    duration: Duration,
    mut is_asked: impl FnMut() -> bool,
    mut each_second: impl FnMut(&mut Fleet, u64),
) -> Result<(), String> {
    let duration_ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let (mut stage, mut since_ns, mut patience) = (fleet.stage(), clock.now_ns(), PATIENCE);
    let (mut reported_ns, mut heard) = (0, fleet.heard());
    loop {
        let now_ns = clock.now_ns();
        let work = fleet.poll(now_ns).map_err(|error| error.to_string())?;
        fleet.refresh_market(now_ns);
        if stage != fleet.stage() {
            (stage, since_ns, patience) = (fleet.stage(), now_ns, PATIENCE);
            // What comes after the trading belongs to its last second.
            if stage == Stage::Running {
                reported_ns = now_ns;
            }
        }
        if stage != Stage::Running && fleet.is_catching_up() {
            patience = CATCH_UP_PATIENCE;
            let now_heard = fleet.heard();
            if heard != now_heard {
                (heard, since_ns) = (now_heard, now_ns);
            }
        }
        match fleet.stage() {
            Stage::Done => {
                each_second(fleet, now_ns - reported_ns);
                return Ok(());
            }
            Stage::Running => {
                if fleet.running_ns() >= duration_ns || is_asked() {
                    fleet.stop(now_ns);
                }
                if now_ns - reported_ns >= SECOND_NS {
                    each_second(fleet, now_ns - reported_ns);
                    reported_ns = now_ns;
                }
            }
            Stage::Joining | Stage::Clearing | Stage::Counting if is_asked() => fleet.stop(now_ns),
            // What did not come to its end is reported by the checker.
            _ if u128::from(now_ns - since_ns) > patience.as_nanos() => {
                each_second(fleet, now_ns - reported_ns);
                return Ok(());
            }
            _ => {}
        }
        if work == 0 {
            match fleet.is_paced() {
                true => rest(
                    fleet.next_due_ns(now_ns).saturating_sub(now_ns),
                    fleet.is_waiting(),
                ),
                // As many are under way as may be: the exchange needs the core more, and what is answered meanwhile comes
                // in larger pieces.
                false => rest(u64::MAX, false),
            }
        }
    }
}

/// The longest sleep, and what a sleep may take longer than it was asked for.
const SLEEP_NS_MAX: u64 = 50_000;
const OVERSLEEP_NS: u64 = 100_000;

/// Gives the core to others while there is nothing to do, but never longer than until `until_due_ns` from now. Who waits for
/// answers does not sleep: the sleep would be measured as the exchange's latency.
pub(crate) fn rest(until_due_ns: u64, is_waiting: bool) {
    if is_waiting || until_due_ns < SLEEP_NS_MAX + OVERSLEEP_NS {
        std::thread::yield_now();
    } else {
        std::thread::sleep(Duration::from_nanos(SLEEP_NS_MAX));
    }
}

/// The best prices and the number of the newest message of the feed, as the exchange says now. To be asked when the fleet
/// is done.
///
/// # Errors
/// No answer comes.
pub fn last_tickers(fleet: &mut Fleet, clock: &Clock) -> Result<Vec<Ticker>, String> {
    let symbols: Vec<Symbol> = fleet
        .shared()
        .instruments
        .iter()
        .map(|instrument| instrument.symbol)
        .take(TICKERS_MAX)
        .collect();
    // All that were asked before are answered, or the fleet would not be done.
    fleet.shared_mut().tickers.clear();
    let patience_ns = u64::try_from(PATIENCE.as_nanos()).unwrap_or(u64::MAX);
    let began_ns = clock.now_ns();
    let mut asked = 0;
    while fleet.shared().tickers.len() < symbols.len() {
        let now_ns = clock.now_ns();
        if now_ns - began_ns > patience_ns {
            return Err("the exchange does not say how its books stand".to_owned());
        }
        // Not connected for a moment: asked again soon.
        if asked < symbols.len() && fleet.ask_ticker(symbols[asked]).is_ok() {
            asked += 1;
        }
        if fleet.poll(now_ns).map_err(|error| error.to_string())? == 0 {
            rest(u64::MAX, false);
        }
    }
    Ok(std::mem::take(&mut fleet.shared_mut().tickers))
}
