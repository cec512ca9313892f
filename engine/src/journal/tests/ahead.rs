//! Reading ahead tells what reading in line tells; planning knows where the journal ends.

use std::cell::RefCell;

use super::*;

/// What a reader was told, in order.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Progress(Progress),
    Command(Command, Option<u64>),
}

/// All that was told, and how it ended, but for `settled`.
fn told(disk: &SimDisk, options: ReadOptions, is_ahead: bool) -> (Vec<Told>, String) {
    let log = RefCell::new(Vec::new());
    let progress = |now| log.borrow_mut().push(Told::Progress(now));
    let take = |command: &Command, hash: Option<u64>| {
        log.borrow_mut().push(Told::Command(*command, hash));
        Ok::<_, JournalError>(())
    };
    let mut disk = disk.clone();
    let mut end = if is_ahead {
        recover(&mut disk, options, progress, take)
    } else {
        replay(&mut disk, options, progress, take)
    };
    if let Ok(recovered) = &mut end {
        recovered.settled = false;
    }
    (log.into_inner(), format!("{end:?}"))
}

/// Three segments of small and large frames.
fn journal() -> SimDisk {
    written(&[10, 900, 1, 850, 900, 900, 900, 33, 900, 900, 900, 7])
}

#[test]
fn a_thread_ahead_tells_the_same_of_every_journal() {
    let disk = journal();
    let segments = Segments::list(&mut disk.clone()).expect("in memory");
    let (mut errors, mut torn) = (0, 0);
    for place in 0..600_u64 {
        let damaged = disk.copy();
        let segment = segments[place as usize % segments.len()];
        damaged.corrupt(segment, place * 1_777 % SEGMENT, |byte| *byte ^= 0x20);
        let options = ReadOptions {
            from: 1 + place * 13 % 4_000,
            ..ReadOptions::default()
        };
        let ahead = told(&damaged, options, true);
        assert!(ahead == told(&damaged, options, false), "place {place}");
        errors += u32::from(ahead.1.starts_with("Err"));
        torn += u32::from(ahead.1.contains("torn: Some"));
    }
    assert!(
        errors > 50 && torn > 0 && errors + torn < 600,
        "{errors} errors, {torn} torn"
    );
}

#[test]
fn who_stops_taking_is_told_no_more() {
    for stop in [1, 11, 1_500, 4_321] {
        let mut count = 0;
        let stopped = recover(
            &mut journal(),
            ReadOptions::default(),
            |_| {},
            |_, _| {
                count += 1;
                if count == stop {
                    return Err(JournalError::io("stop at", "command")(
                        std::io::ErrorKind::Other.into(),
                    ));
                }
                Ok(())
            },
        );
        assert!(matches!(
            stopped,
            Err(JournalError::Io {
                action: "stop at",
                ..
            })
        ));
        assert_eq!(count, stop);
    }
}

#[test]
#[should_panic(expected = "on purpose")]
fn a_panic_of_who_takes_ends_the_thread() {
    let take = |command: &Command, _| match command.sequence {
        2_000 => panic!("on purpose"),
        _ => Ok::<_, JournalError>(()),
    };
    let _ = recover(&mut journal(), ReadOptions::default(), |_| {}, take);
}

#[test]
fn what_is_unused_is_what_lies_behind_the_last_frame() {
    for frames in [&[][..], &[1], &[10, 900], &[900, 900, 900, 900, 900, 900, 900]] {
        let mut disk = written(frames);
        let end = recovered(&mut disk).expect("it is whole");
        let behind = |segment| match end.position {
            Some(end) if segment < end.segment => 0,
            Some(end) if segment == end.segment => SEGMENT - end.offset,
            _ => SEGMENT,
        };
        let segments = Segments::list(&mut disk).expect("in memory");
        let expected: u64 = segments.into_iter().map(behind).sum();
        assert_eq!(unused_bytes(&mut disk).expect("in memory"), expected);
    }
}
