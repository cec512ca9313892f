//! Torn tails are cut, damage is refused.

use super::*;

fn damage(disk: &SimDisk) -> (String, u64, u64, String) {
    let before = disk.copy();
    let result = recovered(&mut disk.clone());
    let Err(JournalError::Damaged {
        file,
        offset,
        sequence,
        what,
    }) = result
    else {
        panic!("damage was not seen: {result:?}");
    };
    assert!(Rig::continued(settings(), before).is_err());
    (file, offset, sequence, what)
}

const SEGMENT_ONE: &str = "simulated/0000000001.journal";
const SEGMENT_TWO: &str = "simulated/0000000002.journal";

/// The longest frame, cut at every byte: what was behind the cut is zero, as in a file that was full of zeros.
#[test]
fn a_last_frame_cut_at_every_byte() {
    let disk = written(&[10, 100, 853]);
    let last = frame_bytes(111..=963);
    assert!(last > 60 * 1024);
    let start = 4096 + frame_bytes(1..=10) + frame_bytes(11..=110);
    let mut cut_at_end = 0;
    for cut in (0..last).rev() {
        disk.corrupt(1, start + cut, |byte| *byte = 0);
        let end = recovered(&mut disk.clone()).expect("a torn tail");
        if end.last_sequence == 963 {
            // Only zeros were cut off.
            assert_eq!(end.torn, None);
            cut_at_end += 1;
            continue;
        }
        assert_eq!(
            (end.last_sequence, end.position),
            (
                110,
                Some(Position {
                    segment: 1,
                    offset: start
                })
            )
        );
        match end.torn {
            Some(torn) => {
                assert_eq!(
                    (torn.file.as_str(), torn.offset, torn.sequence),
                    (SEGMENT_ONE, start, 111)
                );
                assert!(torn.bytes <= cut && cut > 0);
            }
            None => assert_eq!(cut, 0),
        }
        if cut % 4999 == 0 {
            let mut rig = Rig::continued(settings(), disk.copy()).expect("a torn tail");
            rig.write_frame(7);
            rig.write_frame(900);
        }
    }
    assert!(cut_at_end < 4096);
}

/// As in a copy of the file that ended early.
#[test]
fn a_file_cut_at_every_byte_of_its_last_frame() {
    let disk = written(&[10, 100]);
    let start = 4096 + frame_bytes(1..=10);
    for cut in (start..start + frame_bytes(11..=110)).rev() {
        disk.truncate(1, cut);
        let end = recovered(&mut disk.clone()).expect("a torn tail");
        assert_eq!(end.last_sequence, 10);
        assert_eq!(end.torn.is_some(), cut > start);
        if cut % 499 == 0 {
            let continued = disk.copy();
            let mut rig = Rig::continued(settings(), continued.clone()).expect("a torn tail");
            rig.write_frame(7);
            rig.write_frame(900);
            assert_eq!(
                recovered(&mut continued.clone()).expect("whole").last_sequence,
                917
            );
        }
    }
}

#[test]
fn a_flipped_bit_in_the_last_frame_is_a_torn_tail() {
    let disk = written(&[10, 60]);
    let start = 4096 + frame_bytes(1..=10);
    for byte in (0..frame_bytes(11..=70)).step_by(13) {
        disk.corrupt(1, start + byte, |byte| *byte ^= 4);
        let end = recovered(&mut disk.clone()).expect("a torn tail");
        assert_eq!(
            (end.last_sequence, end.torn.expect("a torn tail").offset),
            (10, start),
            "byte {byte}"
        );
        disk.corrupt(1, start + byte, |byte| *byte ^= 4);
    }
    assert_eq!(
        recovered(&mut disk.clone()).expect("whole again").last_sequence,
        70
    );
}

#[test]
fn a_flipped_bit_before_whole_frames_is_damage() {
    let disk = written(&[10, 60, 20, 30]);
    let start = 4096 + frame_bytes(1..=10);
    for byte in (0..frame_bytes(11..=70)).step_by(13) {
        disk.corrupt(1, start + byte, |byte| *byte ^= 64);
        let (file, offset, sequence, what) = damage(&disk);
        assert_eq!(
            (file.as_str(), offset, sequence),
            (SEGMENT_ONE, start, 11),
            "byte {byte}"
        );
        assert!(what.contains("command 71 follows"), "{what}");
        disk.corrupt(1, start + byte, |byte| *byte ^= 64);
    }
    assert_eq!(
        recovered(&mut disk.clone()).expect("whole again").last_sequence,
        120
    );
}

#[test]
fn a_frame_that_is_gone_before_whole_frames_is_damage() {
    let disk = written(&[10, 60, 20, 30]);
    let start = 4096 + frame_bytes(1..=10);
    for byte in 0..frame_bytes(11..=70) {
        disk.corrupt(1, start + byte, |byte| *byte = 0);
    }
    let (file, offset, sequence, what) = damage(&disk);
    assert_eq!((file.as_str(), offset, sequence), (SEGMENT_ONE, start, 11));
    assert!(
        what.contains("command 71 follows in simulated/0000000001.journal"),
        "{what}"
    );
}

#[test]
fn damage_at_a_segments_end_is_seen_in_the_next() {
    // Frames of 60 KiB and more: four to a segment.
    let disk = written(&[850; 6]);
    let last = 4096 + frame_bytes(1..=850) + frame_bytes(851..=1700);
    disk.corrupt(1, last + 70, |byte| *byte ^= 1);
    let (file, offset, sequence, what) = damage(&disk);
    assert_eq!((file.as_str(), offset, sequence), (SEGMENT_ONE, last, 1701));
    assert!(
        what.contains("0000000002.journal does not continue it: it begins with command 2551"),
        "{what}"
    );
    disk.corrupt(1, last + 70, |byte| *byte ^= 1);

    // The header of the second segment.
    disk.corrupt(2, 20, |byte| *byte ^= 1);
    let (file, _, sequence, what) = damage(&disk);
    assert_eq!((file.as_str(), sequence), (SEGMENT_ONE, 2551));
    assert!(
        what.contains("command 2551 follows in simulated/0000000002.journal"),
        "{what}"
    );
    disk.corrupt(2, 20, |byte| *byte ^= 1);

    // The unused rest of the first segment: of no consequence.
    disk.corrupt(1, SEGMENT - 1, |byte| *byte ^= 1);
    assert_eq!(recovered(&mut disk.clone()).expect("whole").last_sequence, 5100);
    // A segment that is gone.
    disk.clone().remove(1).expect("it is there");
    let (file, offset, sequence, _) = damage(&disk);
    assert_eq!((file.as_str(), offset, sequence), (SEGMENT_TWO, 0, 1));
}

#[test]
fn more_than_one_write_is_not_a_torn_tail() {
    let disk = written(&[10]);
    let start = 4096 + frame_bytes(1..=10);
    disk.corrupt(1, start, |byte| *byte = 1);
    disk.corrupt(2, 0, |byte| *byte = 1);
    assert!(damage(&disk).3.contains("more than one write"));
    disk.corrupt(1, start, |byte| *byte = 0);
    let torn = recovered(&mut disk.clone())
        .expect("a torn header")
        .torn
        .expect("a torn header");
    assert_eq!((torn.file.as_str(), torn.offset, torn.bytes), (SEGMENT_TWO, 0, 1));
    disk.corrupt(2, 4096, |byte| *byte = 1);
    assert!(damage(&disk).3.contains("more than one write"));
}

#[test]
fn a_first_segment_without_a_whole_header() {
    // Torn: it begins anew.
    let disk = written(&[10]);
    for byte in 0..frame_bytes(1..=10) {
        disk.corrupt(1, 4096 + byte, |byte| *byte = 0);
    }
    disk.corrupt(1, 40, |byte| *byte ^= 1);
    let end = recovered(&mut disk.clone()).expect("a torn header");
    assert_eq!((end.last_sequence, end.position), (0, None));
    assert!(
        end.torn
            .expect("a torn header")
            .to_string()
            .contains("the first segment's header is not whole")
    );
    let mut rig = Rig::continued(settings(), disk.copy()).expect("a torn header");
    rig.write_frame(10);
    // Somebody else's file: not ours to remove.
    disk.corrupt(1, 9000, |byte| *byte = 7);
    assert_eq!(damage(&disk).2, 1);
    // Damaged, with a frame behind it.
    let disk = written(&[10]);
    disk.corrupt(1, 40, |byte| *byte ^= 1);
    let (file, offset, sequence, what) = damage(&disk);
    assert_eq!((file.as_str(), offset, sequence), (SEGMENT_ONE, 0, 1));
    assert!(what.contains("command 1 follows"), "{what}");
}

#[test]
fn a_frame_of_another_journal_is_damage() {
    let (disk, other) = (written(&[10, 10]), written(&[10]));
    // The same numbers behind other bytes: continue a copy after changing the first frame's checksum chain.
    let mut rig = Rig::continued(
        Settings {
            configuration_hash: CONFIGURATION,
            ..settings()
        },
        other.clone(),
    )
    .expect("whole");
    rig.write_frame(20);
    let start = 4096 + frame_bytes(1..=10);
    let mut frame = vec![0; usize::try_from(frame_bytes(11..=30)).expect("small")];
    other.clone().read_at(1, start, &mut frame).expect("readable");
    // Moved one frame further, its first command is not the next.
    let further = start + frame_bytes(11..=20);
    for (index, new) in frame.iter().enumerate() {
        disk.corrupt(1, further + index as u64, |byte| *byte = *new);
    }
    let (_, offset, sequence, what) = damage(&disk);
    assert_eq!((offset, sequence), (further, 21));
    assert!(what.contains("begins with command 11"), "{what}");
}

#[test]
fn reading_stops_where_it_is_told_to() {
    let disk = written(&[10, 60, 20]);
    // What follows may be half written: it is not looked at.
    disk.corrupt(1, 4096 + frame_bytes(1..=10) + frame_bytes(11..=70) + 5, |byte| {
        *byte ^= 1
    });
    for (until, expected) in [(0, 0), (1, 10), (10, 10), (11, 70), (70, 70)] {
        let options = ReadOptions {
            until,
            ..ReadOptions::default()
        };
        let mut seen = 0;
        let end = replay(
            &mut disk.clone(),
            options,
            |_| {},
            |_, _| {
                seen += 1;
                Ok::<(), JournalError>(())
            },
        )
        .expect("whole up to there");
        assert_eq!((seen, end.last_sequence, end.torn), (expected, expected, None));
    }
}

#[test]
fn progress_comes_to_the_end() {
    let disk = written(&[850; 6]);
    let mut last = None;
    let end = replay(
        &mut disk.clone(),
        ReadOptions::default(),
        |now| last = Some(now),
        |_, _| Ok::<(), JournalError>(()),
    );
    let last = last.expect("called at the end");
    assert_eq!(last.sequence, end.expect("whole").last_sequence);
    assert_eq!(last.bytes_total, 3 * SEGMENT);
    assert!(last.bytes > SEGMENT && last.bytes < last.bytes_total);
    assert_eq!(BLOCK_BYTES, 4096);
}
