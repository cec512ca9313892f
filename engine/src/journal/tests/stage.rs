//! The writer: batches, release, failures, space.

use super::*;

fn failure(rig: &Rig<SimDisk>) -> String {
    rig.shutdown.failure().expect("the exchange was stopped")
}

#[test]
fn commands_are_released_and_forwarded_in_order() {
    let disk = disk();
    let mut rig = Rig::continued(settings(), disk.clone()).expect("an empty disk");
    rig.push(50_000);
    rig.poll_until("all is forwarded", |rig| {
        let released = rig.released();
        rig.take_forwarded(usize::MAX);
        assert!(
            rig.next_forwarded <= rig.released() + 1,
            "forwarded before it was durable"
        );
        assert!(released <= rig.released());
        rig.next_forwarded == 50_001
    });
    assert!(rig.stage.is_drained());
    assert_eq!(rig.released(), 50_000);
    let report = verify_segments(&mut disk.clone()).expect("a whole journal");
    assert_eq!((report.commands, report.end.torn.clone()), (50_000, None));
    assert_eq!(report.configurations, [CONFIGURATION]);
    // 3.8 MiB in segments of 256 KiB, of which a header and the padding take some.
    assert!(report.segments > 15, "{report:?}");
    assert!(report.end.frames > 50 && report.end.frames < 100, "{report:?}");
}

#[test]
fn one_write_at_a_time_and_what_came_meanwhile_goes_together() {
    let disk = SimDisk::new(1, SEGMENT, ROOMY, 0);
    let mut rig = Rig::continued(settings(), disk.clone()).expect("an empty disk");
    rig.write_frame(1);
    let before = disk.writes();
    rig.push(1);
    rig.stage.poll();
    assert_eq!(disk.writes(), before + 1, "a single command leaves at once");
    rig.push(300);
    assert_eq!(rig.released(), 1);
    rig.stage.poll();
    assert_eq!((disk.writes(), rig.released()), (before + 2, 2));
    rig.stage.poll();
    assert_eq!((disk.writes(), rig.released()), (before + 2, 302));
}

#[test]
fn nothing_is_released_after_a_failure_and_nothing_is_tried_again() {
    for fault in [
        Fault::WriteError,
        Fault::ShortWrite,
        Fault::NoSpace,
        Fault::SyncError,
    ] {
        // 1: the segment's header; 2: the first frame; 3: the second.
        for number in 1..=3 {
            let disk = disk();
            let mut rig = Rig::continued(settings(), disk.clone()).expect("an empty disk");
            disk.fail(number, fault);
            for _ in 0..3 {
                rig.push(10);
                for _ in 0..20 {
                    rig.stage.poll();
                }
            }
            let expected = if number == 3 { 10 } else { 0 };
            assert_eq!((rig.released(), disk.writes()), (expected, number), "{fault:?}");
            assert!(rig.shutdown.is_requested());
            let message = failure(&rig);
            let needed = match fault {
                Fault::WriteError => "simulated: write failed",
                Fault::ShortWrite => "short write",
                Fault::NoSpace => "no storage space",
                Fault::SyncError => "simulated: sync failed",
            };
            assert!(message.contains(needed), "{message}");
            assert!(message.contains("0000000001.journal"), "{message}");
            assert!(
                message.contains(&format!("nothing after command {expected} ")),
                "{message}"
            );
            assert!(!rig.stage.drain(), "{fault:?}");
            assert_eq!(rig.stage.poll(), 0);
            assert_eq!((rig.released(), disk.writes()), (expected, number), "{fault:?}");
            // A restart goes on behind what was whole.
            disk.crash(Crash::PowerLoss);
            let mut rig = Rig::continued(settings(), disk.clone()).expect("a journal that ends well");
            assert!(rig.released() >= expected);
            rig.write_frame(5);
        }
    }
}

#[test]
fn a_segment_that_can_not_be_made_stops_the_exchange() {
    let disk = disk();
    let mut rig = Rig::continued(settings(), disk.clone()).expect("an empty disk");
    disk.fail_prepare();
    rig.push(1);
    rig.poll_until("it fails", |rig| rig.shutdown.is_requested());
    let message = failure(&rig);
    assert!(
        message.contains("make simulated/0000000001.journal: simulated: no segments"),
        "{message}"
    );
    assert_eq!(rig.released(), 0);
}

#[test]
fn a_full_disk_warns_then_stops_and_loses_nothing() {
    // Room for five segments: the warning comes when fewer than two more can be made.
    let disk = SimDisk::new(3, SEGMENT, 5 * SEGMENT, 2);
    let mut rig = Rig::continued(settings(), disk.clone()).expect("an empty disk");
    let mut segments_at_warning = None;
    rig.poll_until("it stops", |rig| {
        rig.take_forwarded(usize::MAX);
        if rig.low_space.load(Ordering::Relaxed) && segments_at_warning.is_none() {
            segments_at_warning = Some((disk.clone().list().expect("list").len(), rig.released()));
        }
        if rig.next < rig.released() + 500 {
            rig.push(100);
        }
        rig.shutdown.is_requested()
    });
    let (segments, released) = segments_at_warning.expect("a warning before the end");
    assert_eq!(segments, 4);
    assert!(
        released + 2000 < rig.released(),
        "no time to cancel: {released} of {}",
        rig.released()
    );
    assert!(
        failure(&rig).contains("begin simulated/0000000006.journal"),
        "{}",
        failure(&rig)
    );
    let released = rig.released();
    drop(rig);
    disk.crash(Crash::PowerLoss);
    assert!(
        recovered(&mut disk.clone())
            .expect("a whole journal")
            .last_sequence
            >= released
    );
}

#[test]
fn space_that_comes_back_ends_the_warning() {
    let disk = SimDisk::new(3, SEGMENT, 2 * SEGMENT, 0);
    let mut rig = Rig::continued(settings(), disk.clone()).expect("an empty disk");
    rig.write_frame(1);
    rig.poll_until("the warning", |rig| rig.low_space.load(Ordering::Relaxed));
    disk.set_capacity(ROOMY);
    rig.poll_until("the warning has ended", |rig| {
        !rig.low_space.load(Ordering::Relaxed)
    });
    for _ in 0..20 {
        rig.write_frame(1000);
    }
}

/// The ring is full again and again, as while a snapshot is taken: the journal goes on, and the replica's end gives every
/// command once, in order, from ring and disk.
#[test]
fn a_full_replica_ring_holds_nobody_up_and_drops_nothing() {
    let mut disk = disk();
    let recovered = recovered(&mut disk).expect("an empty disk");
    let mut rig = Rig::new(settings(), Some(disk.clone()), &recovered, 700);
    let (_, other) = RingBuffer::new(1);
    let journal: OpenJournal = Arc::new(move || Box::new(disk.clone()));
    let mut durable = Durable::new(
        std::mem::replace(&mut rig.replica, other),
        Arc::clone(&rig.left_to_disk),
        Some(journal),
        rig.shutdown.clone(),
    );
    let mut random = Random(7);
    let mut applied = 0;
    while rig.next < 60_000 {
        rig.push(random.next() % 3_000);
        let mut polls = random.next() % 40;
        rig.poll_until("it was polled", |_| {
            polls = polls.saturating_sub(1);
            polls == 0
        });
        for _ in 0..random.next() % 4_000 {
            let Some(next) = durable.next(applied, rig.released()) else {
                break;
            };
            applied += 1;
            assert_eq!(next, command(applied));
        }
    }
    rig.poll_until("all is taken", |rig| {
        while let Some(next) = durable.next(applied, rig.released()) {
            applied += 1;
            assert_eq!(next, command(applied));
        }
        applied == rig.next - 1
    });
    assert!(rig.stage.is_drained());
    let from_disk = durable.read_from_disk();
    assert!(
        from_disk > 5_000 && from_disk < applied - 5_000,
        "{from_disk} of {applied} from disk"
    );
    assert_eq!(rig.shutdown.failure(), None);
}

#[test]
fn without_a_disk_a_full_replica_ring_makes_the_journal_wait() {
    let settings = Settings {
        durability: Durability::None,
        ..settings()
    };
    let mut rig = Rig::<SimDisk>::new(settings, None, &Recovered::default(), 10);
    rig.push(20_000);
    let mut polls_without_work = 0;
    rig.poll_until("it waits", |rig| {
        polls_without_work = if rig.stage.poll() == 0 {
            polls_without_work + 1
        } else {
            0
        };
        polls_without_work == 100
    });
    assert!(rig.released() < 5_000 && !rig.stage.is_drained());
    rig.poll_until("all is forwarded", |rig| {
        rig.take_forwarded(3);
        rig.next_forwarded == 20_001
    });
    assert_eq!(rig.left_to_disk.load(Ordering::Relaxed), 0);
}

#[test]
fn a_replica_that_has_ended_holds_nobody_up() {
    let disk = disk();
    let mut rig = Rig::continued(settings(), disk.clone()).expect("an empty disk");
    let (_, gone) = RingBuffer::new(1);
    rig.replica = gone;
    rig.push(20_000);
    assert!(rig.stage.drain());
    assert_eq!(rig.released(), 20_000);
}

#[test]
fn draining_writes_everything() {
    let disk = disk();
    let mut rig = Rig::continued(settings(), disk.clone()).expect("an empty disk");
    rig.push(12_345);
    assert!(rig.stage.drain());
    rig.take_forwarded(usize::MAX);
    assert_eq!((rig.released(), rig.next_forwarded), (12_345, 12_346));
    drop(rig);
    disk.crash(Crash::PowerLoss);
    let end = recovered(&mut disk.clone()).expect("a whole journal");
    assert_eq!((end.last_sequence, end.torn), (12_345, None));
}

#[test]
fn asynchronous_means_released_when_the_write_begins() {
    let settings = Settings {
        durability: Durability::Async,
        ..settings()
    };
    let disk = SimDisk::new(1, SEGMENT, ROOMY, 0);
    let mut rig = Rig::continued(settings, disk.clone()).expect("an empty disk");
    rig.write_frame(1);
    let syncs = disk.syncs();
    rig.push(5);
    rig.stage.poll();
    assert_eq!((rig.released(), disk.syncs()), (6, syncs));
    assert!(rig.replica.is_empty());
    rig.stage.poll();
    assert_eq!(disk.syncs(), syncs + 1);
    rig.take_forwarded(usize::MAX);
    assert_eq!(rig.next_forwarded, 7);
    disk.fail(1, Fault::SyncError);
    rig.push(5);
    rig.stage.poll();
    rig.push(5);
    rig.stage.poll();
    assert_eq!(rig.released(), 11, "nothing after the failure");
    assert!(rig.shutdown.is_requested());
}

#[test]
fn none_means_released_at_once_and_no_disk() {
    let settings = Settings {
        durability: Durability::None,
        ..settings()
    };
    let mut rig = Rig::<SimDisk>::new(settings, None, &Recovered::default(), 100);
    rig.push(3);
    rig.stage.poll();
    assert_eq!(rig.released(), 3);
    rig.push(20_000);
    rig.poll_until("all is forwarded", |rig| {
        rig.take_forwarded(50);
        rig.next_forwarded == 20_004
    });
    assert!(rig.stage.is_drained() && !rig.shutdown.is_requested());
    assert!(!rig.low_space.load(Ordering::Relaxed));
}

#[test]
fn settings_that_can_not_work_are_refused() {
    let refused = |settings: Settings, disk: Option<SimDisk>, recovered: &Recovered| {
        let refused = Rig::refusable(settings, disk, recovered, 10);
        assert!(matches!(refused.map(drop), Err(JournalError::Settings(_))));
    };
    let mut good = disk();
    let end = recovered(&mut good).expect("an empty disk");
    for bytes in [0, 127, PAYLOAD_BYTES_MAX + 1] {
        let settings = Settings {
            frame_payload_bytes_max: bytes,
            ..settings()
        };
        refused(settings, Some(good.clone()), &end);
    }
    refused(settings(), None, &end);
    refused(settings(), Some(good.clone()), &Recovered::default());
    refused(settings(), Some(SimDisk::new(1, 68 * 1024, ROOMY, 0)), &end);
    let none = Settings {
        durability: Durability::None,
        ..settings()
    };
    refused(none, Some(good), &end);
}

#[test]
fn another_day_or_configuration_begins_another_segment() {
    let disk = written(&[10, 10]);
    let tomorrow = Settings {
        day_ns: DAY + 1,
        ..settings()
    };
    let mut rig = Rig::continued(tomorrow, disk.clone()).expect("a whole journal");
    rig.write_frame(10);
    drop(rig);
    let changed = Settings {
        configuration_hash: CONFIGURATION + 1,
        ..tomorrow
    };
    let mut rig = Rig::continued(changed, disk.clone()).expect("a whole journal");
    rig.write_frame(10);
    drop(rig);
    let mut rig = Rig::continued(changed, disk.clone()).expect("a whole journal");
    rig.write_frame(10);
    drop(rig);
    let report = verify_segments(&mut disk.clone()).expect("a whole journal");
    assert_eq!(report.configurations, [CONFIGURATION, CONFIGURATION + 1]);
    assert_eq!(report.end.day_ns, Some(DAY + 1));
    let position = report.end.position.expect("there is a segment");
    assert_eq!((position.segment, report.commands), (3, 50));

    let options = ReadOptions {
        configuration_hash: Some(CONFIGURATION),
        ..ReadOptions::default()
    };
    let read = replay(
        &mut disk.clone(),
        options,
        |_| {},
        |_, _| Ok::<(), JournalError>(()),
    );
    let Err(JournalError::Configuration {
        file,
        offset,
        sequence,
        ..
    }) = read
    else {
        panic!("the wrong configuration was not seen: {read:?}");
    };
    assert_eq!(
        (file.as_str(), offset, sequence),
        ("simulated/0000000003.journal", 4096, 31)
    );
}
