//! Whatever happens, what was released is there after a restart. From seeds.

use super::*;

#[derive(Default, Debug)]
struct Coverage {
    lives: u64,
    commands: u64,
    torn_frames: u64,
    torn_headers: u64,
    unreleased_recovered: u64,
    segments: u64,
    faults: u64,
    power_losses: u64,
    failed_stages: u64,
}

/// Several lives of one journal; says what was promised and not kept.
fn lives(seed: u64, durability: Durability, settle: bool, coverage: &mut Coverage) -> Result<(), String> {
    let mut random = Random(seed ^ 0x5EED);
    let segment_bytes = 4096 * (2 + padded(4096) as u64 / 4096 + random.below(6));
    let disk = SimDisk::new(seed, segment_bytes, ROOMY, random.below(4));
    if !settle {
        disk.skip_settle();
    }
    let mut promised = 0;
    let mut day_ns = DAY;
    for life in 0..6 {
        coverage.lives += 1;
        let end =
            recovered(&mut disk.clone()).map_err(|error| format!("seed {seed}, life {life}: {error}"))?;
        if end.last_sequence < promised {
            return Err(format!(
                "seed {seed}, life {life}: {promised} was released, {} recovered",
                end.last_sequence
            ));
        }
        coverage.unreleased_recovered += u64::from(end.last_sequence > promised);
        if let Some(torn) = &end.torn {
            *(if torn.offset == 0 {
                &mut coverage.torn_headers
            } else {
                &mut coverage.torn_frames
            }) += 1;
        }
        if random.below(8) == 0 {
            day_ns += 1;
        }
        let settings = Settings {
            durability,
            configuration_hash: CONFIGURATION,
            day_ns,
            frame_payload_bytes_max: usize::try_from(128 + random.below(4096 - 128)).expect("small"),
        };
        let mut rig = Rig::new(settings, Some(disk.clone()), &end, 4_096);
        if random.below(3) == 0 {
            let fault = match random.below(4) {
                0 => Fault::WriteError,
                1 => Fault::ShortWrite,
                2 => Fault::NoSpace,
                _ => Fault::SyncError,
            };
            disk.fail(1 + random.below(30), fault);
            coverage.faults += 1;
        }
        let polls = [150, 150, 150, 5][usize::try_from(random.below(4)).expect("small")];
        for _ in 0..random.below(polls) {
            if rig.next < rig.released() + 1000 {
                rig.push(random.below(30));
            }
            let (failed, released, writes) = (rig.shutdown.is_requested(), rig.released(), disk.writes());
            rig.stage.poll();
            if failed && (rig.released() != released || disk.writes() != writes) {
                return Err(format!("seed {seed}: went on after a failure"));
            }
            rig.take_forwarded(usize::try_from(random.below(40)).expect("small"));
            if rig.next_forwarded > rig.released() + 1 {
                return Err(format!("seed {seed}: forwarded before it was released"));
            }
        }
        coverage.failed_stages += u64::from(rig.shutdown.is_requested());
        promised = rig.released();
        drop(rig);
        if random.below(2) == 0 {
            disk.crash(Crash::Kill);
        } else {
            coverage.power_losses += 1;
            disk.crash(Crash::PowerLoss);
        }
    }
    coverage.commands += promised;
    coverage.segments += disk.clone().list().expect("list").len() as u64;
    Ok(())
}

#[test]
fn what_was_released_is_recovered() {
    let mut coverage = Coverage::default();
    for seed in 0..1000 {
        lives(seed, Durability::Sync, true, &mut coverage).unwrap_or_else(|lost| panic!("{lost}"));
    }
    // A blind generator proves nothing.
    let Coverage {
        lives,
        commands,
        torn_frames,
        torn_headers,
        unreleased_recovered,
        segments,
        faults,
        power_losses,
        failed_stages,
    } = coverage;
    assert!(
        lives == 6000 && commands > 500_000 && segments > 5000,
        "{coverage:?}"
    );
    assert!(
        torn_frames > 500 && torn_headers > 20 && unreleased_recovered > 500,
        "{coverage:?}"
    );
    assert!(
        faults > 1000 && power_losses > 1000 && failed_stages > 500,
        "{coverage:?}"
    );
}

/// The checker is checked: a journal that releases before the sync is caught ...
#[test]
fn releasing_before_the_sync_is_caught() {
    let lost =
        (0..100).filter_map(|seed| lives(seed, Durability::Async, true, &mut Coverage::default()).err());
    let lost = lost.count();
    assert!(lost > 10, "{lost}");
}

/// ... and so is one that believes the kernel's cache after a restart.
#[test]
fn believing_the_cache_at_start_is_caught() {
    let lost =
        (0..300).filter_map(|seed| lives(seed, Durability::Sync, false, &mut Coverage::default()).err());
    let lost = lost.count();
    assert!(lost > 5, "{lost}");
}

#[test]
fn the_same_seed_gives_the_same_journal() {
    let run = |seed| {
        let mut coverage = Coverage::default();
        lives(seed, Durability::Sync, true, &mut coverage).expect("nothing is lost");
        format!("{coverage:?}")
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}
