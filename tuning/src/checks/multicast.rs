//! Groups: by which interface they go, and whether they arrive.

use super::{Context, good_if};
use crate::finding::{Finding, Verdict};

/// Groups that the exchange's market data needs: one for each line.
const LINES: u64 = 2;

/// A route of `/proc/net/route`: interface, destination, mask.
fn routes(text: &str) -> Vec<(String, u32, u32)> {
    let hex = |word: &str| u32::from_str_radix(word, 16).ok().map(u32::swap_bytes);
    text.lines()
        .skip(1)
        .filter_map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            Some((
                (*words.first()?).to_owned(),
                hex(words.get(1)?)?,
                hex(words.get(7)?)?,
            ))
        })
        .collect()
}

/// A route with a shorter mask is not kept by the kernel for what goes to groups (`__mkroute_output` in `net/ipv4/route.c`).
const MASK_BITS_MIN: u32 = 4;

/// Where 239.192.0.1 would go.
pub fn route(context: &Context<'_>) -> Finding {
    // On loopback only what the exchange sends: all other groups go by a card.
    let (name, groups, note) = match context.wishes.interface.as_deref() {
        Some(name) => (name, "224.0.0.0/4", ""),
        None => ("lo", "239.192.0.0/16", "; --interface NAME looks at a card"),
    };
    let wanted = format!("a route of /{MASK_BITS_MIN} or longer by {name}");
    let Some(text) = context.host.text("/proc/net/route") else {
        return Finding::unseen("/proc/net/route", wanted);
    };
    let group = u32::from_be_bytes([239, 192, 0, 1]);
    // The longest mask wins.
    let routes = routes(&text);
    let best = routes
        .iter()
        .filter(|(_, destination, mask)| group & mask == destination & mask)
        .max_by_key(|(_, _, mask)| mask.count_ones());
    let (verdict, found) = match best {
        None => (Verdict::CouldBeBetter, "no route".to_owned()),
        Some((by, _, mask)) => {
            let is_kept = by == name && mask.count_ones() >= MASK_BITS_MIN;
            let found = match mask {
                0 => format!("the default route, by {by}"),
                _ => format!("a route of /{} by {by}", mask.count_ones()),
            };
            (good_if(is_kept, Verdict::CouldBeBetter), found)
        }
    };
    Finding::new(verdict, found, wanted + note).change(format!(
        "ip route add {groups} dev {name} (undo: ip route del {groups} dev {name})"
    ))
}

/// Whether groups can be joined, and whether what comes is let in.
pub fn membership(context: &Context<'_>) -> Finding {
    let wanted = "rp_filter 0 or 2, IGMP version 2 or 3 heard, room for two groups a subscriber";
    let memberships = context.sysctl::<u64>("net.ipv4.igmp_max_memberships");
    let Some(memberships) = memberships else {
        return Finding::unseen("net.ipv4.igmp_max_memberships", wanted);
    };
    let name = context.wishes.interface.as_deref().unwrap_or("lo");
    // The stricter of both counts; dots in an interface's name are no separators here.
    let filter = |name: &str| -> u64 {
        let path = format!("/proc/sys/net/ipv4/conf/{name}/rp_filter");
        context.host.number(&path).unwrap_or(0)
    };
    let strict = filter("all").max(filter(name));
    let version = context.host.text("/proc/net/igmp").and_then(|text| {
        let is_it = |line: &&str| line.split_whitespace().nth(1) == Some(name) && !line.starts_with('\t');
        text.lines()
            .find(is_it)?
            .split_whitespace()
            .last()
            .map(str::to_owned)
    });
    let found = format!(
        "{name}: rp_filter {strict}, IGMP {}, up to {memberships} groups a socket",
        version.as_deref().unwrap_or("unknown")
    );
    let (verdict, command) = if memberships < LINES {
        (
            Verdict::Bad,
            "sysctl -w net.ipv4.igmp_max_memberships=20".to_owned(),
        )
    } else if strict == 1 {
        let change = format!(
            "sysctl -w net.ipv4.conf.all.rp_filter=2 net.ipv4.conf.{name}.rp_filter=2 (apply.sh --interface {name})"
        );
        (Verdict::CouldBeBetter, change)
    } else if version.as_deref() == Some("V1") {
        (
            Verdict::CouldBeBetter,
            format!("sysctl -w net.ipv4.conf.{name}.force_igmp_version=0"),
        )
    } else {
        (Verdict::Good, String::new())
    };
    Finding::new(verdict, found, wanted).change(command)
}
