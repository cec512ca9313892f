//! What happens in a run, told line by line when one seed is run alone.

use std::cell::Cell;
use std::fmt;

thread_local! {
    static IS_ON: Cell<bool> = const { Cell::new(false) };
}

/// From now on, on this thread.
pub(crate) fn switch(is_on: bool) {
    IS_ON.set(is_on);
}

/// Tells what happened at `now_ns`; the arguments are only put together when somebody listens.
pub(crate) fn tell(now_ns: u64, who: &dyn fmt::Display, what: fmt::Arguments<'_>) {
    if IS_ON.get() {
        let micros = (now_ns % 86_400_000_000_000) / 1_000;
        println!(
            "{:>8}.{:06} {who}: {what}",
            micros / 1_000_000,
            micros % 1_000_000
        );
    }
}
