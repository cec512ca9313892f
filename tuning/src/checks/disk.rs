//! What the journal is written to: `--data DIR`.

use std::path::{Path, PathBuf};

use super::{Context, good_if};
use crate::finding::{Finding, Verdict};

/// Above these a sync is slow for an exchange, in ms at the 99th percentile.
const SLOW_MS: f64 = 2.0;
const BAD_MS: f64 = 20.0;

/// Where a directory lies: a line of `/proc/self/mountinfo`.
struct Mount {
    /// `major:minor`.
    device: String,
    /// `ext4` ...
    kind: String,
    point: PathBuf,
    /// Of this mount, and of the file system.
    options: String,
    all_options: String,
}

fn not_named(wanted: &str) -> Finding {
    Finding::not_applicable("no directory is named (--data DIR)", wanted)
}

/// The mount that holds `path`: the one with the longest way in common; of equals the last, which covers the others.
fn mount(context: &Context<'_>, path: &Path) -> Option<Mount> {
    let text = context.host.text("/proc/self/mountinfo")?;
    let parse = |line: &str| {
        let (left, right) = line.split_once(" - ")?;
        let left: Vec<_> = left.split_whitespace().collect();
        let right: Vec<_> = right.split_whitespace().collect();
        Some(Mount {
            device: (*left.get(2)?).to_owned(),
            kind: (*right.first()?).to_owned(),
            // Spaces are written as octal numbers.
            point: PathBuf::from(left.get(4)?.replace("\\040", " ")),
            options: (*left.get(5)?).to_owned(),
            all_options: format!("{},{}", left.get(5)?, right.get(2)?),
        })
    };
    text.lines()
        .filter_map(parse)
        .filter(|mount| path.starts_with(&mount.point))
        .max_by_key(|mount| mount.point.components().count())
}

/// The directory of a device's queue; a partition has that of its disk.
fn queue(context: &Context<'_>, device: &str) -> Option<String> {
    let own = format!("/sys/dev/block/{device}/queue");
    let of_disk = format!("/sys/dev/block/{device}/../queue");
    [own, of_disk].into_iter().find(|path| context.host.has(path))
}

/// The kind of file system.
pub fn file_system(context: &Context<'_>) -> Finding {
    let wanted = "ext4 or xfs on a disk of this machine";
    let Some(data) = &context.wishes.data else {
        return not_named(wanted);
    };
    let Some(mount) = mount(context, data) else {
        return Finding::unseen("/proc/self/mountinfo", wanted);
    };
    let found = format!("{} at {} ({})", mount.kind, mount.point.display(), mount.options);
    let (verdict, command) = match mount.kind.as_str() {
        "ext4" | "xfs" if mount.all_options.split(',').any(|option| option == "sync") => (
            Verdict::CouldBeBetter,
            format!("mount -o remount,async {}", mount.point.display()),
        ),
        "ext4" | "xfs" => (Verdict::Good, String::new()),
        "tmpfs" | "ramfs" => (
            Verdict::Bad,
            "a directory on a disk: this one forgets everything with the machine".to_owned(),
        ),
        "nfs" | "nfs4" | "cifs" | "9p" | "fuse" | "fuseblk" => (
            Verdict::Bad,
            "a directory on a disk of this machine: a sync goes over a network, or through another program"
                .to_owned(),
        ),
        // Copy on write: what was filled beforehand is not written in place.
        _ => (
            Verdict::CouldBeBetter,
            "a directory on ext4 or xfs (in a container: a volume)".to_owned(),
        ),
    };
    Finding::new(verdict, found, wanted).change(command)
}

/// Whether the drive keeps what it says it has.
pub fn write_cache(context: &Context<'_>) -> Finding {
    let wanted = "write through: no cache, or one that survives a loss of power";
    let Some(data) = &context.wishes.data else {
        return not_named(wanted);
    };
    let queue = mount(context, data).and_then(|mount| queue(context, &mount.device));
    let Some(queue) = queue else {
        return Finding::unseen("the queue of the disk below it", wanted);
    };
    let Some(cache) = context.host.text(&format!("{queue}/write_cache")) else {
        return Finding::unseen(format!("{queue}/write_cache"), wanted);
    };
    let kind = match context.host.number::<u64>(&format!("{queue}/rotational")) {
        Some(0) => ", no moving parts",
        Some(_) if context.is_guest() => ", said to rotate (a guest's disk often is)",
        Some(_) => ", rotating",
        None => "",
    };
    Finding::new(
        good_if(cache == "write through", Verdict::CouldBeBetter),
        format!("{cache}{kind}"),
        wanted,
    )
    .change(
        "a drive with protection against loss of power. Do not write `write through` to this file: the kernel would stop \
         emptying a cache that forgets",
    )
}

/// Who orders requests.
pub fn scheduler(context: &Context<'_>) -> Finding {
    let wanted = "none (or mq-deadline where the drive rotates)";
    let Some(data) = &context.wishes.data else {
        return not_named(wanted);
    };
    let queue = mount(context, data).and_then(|mount| queue(context, &mount.device));
    let Some(queue) = queue else {
        return Finding::unseen("the queue of the disk below it", wanted);
    };
    let Some(text) = context.host.text(&format!("{queue}/scheduler")) else {
        return Finding::unseen(format!("{queue}/scheduler"), wanted);
    };
    let chosen = text
        .split_once('[')
        .and_then(|(_, rest)| rest.split_once(']'))
        .map_or(text.as_str(), |(chosen, _)| chosen);
    let rotates = context.host.number(&format!("{queue}/rotational")) == Some(1_u8);
    let is_good = chosen == "none" || (chosen == "mq-deadline" && rotates);
    Finding::new(good_if(is_good, Verdict::CouldBeBetter), chosen, wanted).change(format!(
        "echo none > {queue}/scheduler (apply.sh --data DIR; undo: echo {chosen})"
    ))
}

/// How long a write takes to be on disk.
pub fn sync_latency(context: &Context<'_>) -> Finding {
    let wanted = format!("p99 below {SLOW_MS} ms");
    if context.wishes.data.is_none() {
        return not_named(&wanted);
    }
    let sync = match &context.measured.sync {
        Some(Ok(sync)) => sync,
        Some(Err(error)) => {
            return Finding::new(Verdict::Bad, error.clone(), wanted)
                .change("a directory that this user can write to");
        }
        None => return Finding::new(Verdict::CanNotBeSeen, "it was not measured", wanted),
    };
    let verdict = match sync.filled.p99_ms {
        p99 if p99 > BAD_MS => Verdict::Bad,
        p99 if p99 > SLOW_MS => Verdict::CouldBeBetter,
        _ => Verdict::Good,
    };
    let found = format!(
        "p50 {:.2} ms, p99 {:.2} ms ({} writes of 4 KiB with fdatasync, in place as the journal does)",
        sync.filled.p50_ms, sync.filled.p99_ms, sync.filled.count
    );
    let appended = format!(
        "at the end of a growing file: p50 {:.2} ms, p99 {:.2} ms",
        sync.appended.p50_ms, sync.appended.p99_ms
    );
    Finding::new(verdict, found, wanted)
        .measured(Some(appended))
        .change("a faster disk, or one that nobody else uses; `durability = \"async\"` gives up the promise instead")
}
