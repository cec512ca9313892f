//! The day: its times follow each other.

use toml::Spanned;

use crate::config::error::Problems;
use crate::config::number::{TimeOfDay, time_of_day};
use crate::config::{Day, file};

const DAY_SECONDS: u32 = 86_400;

/// Each time must be later than the one before, counted from `pre_open` and past midnight.
pub(super) fn day(section: &file::Day, problems: &mut Problems<'_>) -> Option<Day> {
    let times: [(&str, &Spanned<TimeOfDay>); 6] = [
        ("pre_open", &section.pre_open),
        ("opening_auction", &section.opening_auction),
        ("open", &section.open),
        ("closing_auction", &section.closing_auction),
        ("close", &section.close),
        ("roll", &section.roll),
    ];
    let [pre_open, opening_auction, open, closing_auction, close, roll] =
        times.map(|(_, time)| time.get_ref().0);
    let since_pre_open = |time: u32| (time + DAY_SECONDS - pre_open) % DAY_SECONDS;
    for pair in times.windows(2) {
        let [(before_key, before), (key, time)] = pair else {
            continue;
        };
        let (before, seconds) = (before.get_ref().0, time.get_ref().0);
        if since_pre_open(seconds) > since_pre_open(before) {
            continue;
        }
        problems.add(
            time.span(),
            format!("day.{key}"),
            format!(
                "{} is not later than {before_key} at {}, counted from pre_open at {}",
                time_of_day(seconds),
                time_of_day(before),
                time_of_day(pre_open)
            ),
            "let pre_open, opening_auction, open, closing_auction, close and roll follow each other within 24 hours; \
             they may pass midnight",
        );
        return None;
    }
    Some(Day {
        pre_open,
        opening_auction,
        open,
        closing_auction,
        close,
        roll,
    })
}
