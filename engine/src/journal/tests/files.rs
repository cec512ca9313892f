//! Real files, both back ends.

use std::os::unix::fs::FileExt;

use super::*;
use crate::sys::file::UringWriter;

fn both(test: impl Fn(&Path, Backend)) {
    for backend in [Backend::Thread, Backend::Uring] {
        if backend == Backend::Uring && UringWriter::new().is_err() {
            eprintln!("skipped: the kernel refuses io_uring");
            continue;
        }
        test(TemporaryDirectory::new().path(), backend);
    }
}

#[test]
fn written_read_and_continued() {
    both(|path, backend| {
        for life in 0..3 {
            let mut disk = FileDisk::open(path, backend, SEGMENT).expect("a directory of our own");
            assert_eq!(
                disk.backend(),
                if backend == Backend::Uring {
                    "io_uring"
                } else {
                    "thread"
                }
            );
            let end = recovered(&mut disk).expect("a whole journal");
            assert_eq!((end.last_sequence, &end.torn), (life * 10_100, &None));
            let mut rig = Rig::new(settings(), Some(disk), &end, 100_000);
            rig.push(10_000);
            rig.poll_until("all is released", |rig| rig.released() == rig.next - 1);
            rig.push(100);
            assert!(rig.stage.drain());
            rig.take_forwarded(usize::MAX);
            assert_eq!(rig.next_forwarded, rig.next);
            assert!(matches!(verify(path), Err(JournalError::Locked { .. })));
        }
        let report = verify(path).expect("a whole journal");
        assert_eq!((report.commands, report.end.torn.clone()), (30_300, None));
        assert!(
            report.segments > 8 && report.end.position.expect("there is one").segment > 8,
            "{report:?}"
        );
    });
}

/// A small frame is durable when the turn ends that took its commands; a larger one goes its way.
#[test]
fn a_thread_that_may_wait_does_so_for_small_frames() {
    both(|path, backend| {
        let mut disk = FileDisk::open(path, backend, SEGMENT).expect("a directory of our own");
        let end = recovered(&mut disk).expect("an empty journal");
        let mut rig = Rig::new(settings(), Some(disk), &end, 100_000);
        rig.stage.may_wait();
        // The header of the segment comes first.
        rig.push(1);
        rig.poll_until("the first is released", |rig| rig.released() == 1);
        for commands in [1, 2, 32] {
            rig.push(commands);
            rig.stage.poll();
            assert_eq!(rig.released(), rig.next - 1, "{commands} commands");
        }
        rig.push(33);
        rig.stage.poll();
        assert!(rig.released() < rig.next - 1, "it is under way");
        rig.poll_until("all is released", |rig| rig.released() == rig.next - 1);
    });
}

#[test]
fn the_stage_can_be_put_on_a_thread() {
    fn sendable<T: Send>() {}
    sendable::<JournalStage<FileDisk>>();
    sendable::<JournalStage<SimDisk>>();
}

#[test]
fn a_torn_tail_and_damage_in_a_file() {
    both(|path, backend| {
        let settings = settings();
        let disk = FileDisk::open(path, backend, SEGMENT).expect("a directory of our own");
        let mut rig = Rig::continued(settings, disk).expect("an empty directory");
        rig.write_frame(10);
        rig.write_frame(20);
        drop(rig);
        let file = path.join(file_name(1));
        let start = 4096 + usize::try_from(frame_bytes(1..=10)).expect("small");
        let flip = |offset: usize| {
            let mut bytes = std::fs::read(&file).expect("the segment");
            bytes[offset] ^= 1;
            std::fs::write(&file, bytes).expect("the segment");
        };
        flip(start + 100);
        let torn = verify(path).expect("a torn tail").end.torn.expect("a torn tail");
        assert_eq!((torn.offset, torn.sequence), (start as u64, 11));
        assert_eq!(torn.file, file.display().to_string());
        let disk = FileDisk::open(path, backend, SEGMENT).expect("nobody holds it");
        let mut rig = Rig::continued(settings, disk).expect("a torn tail is cut");
        rig.write_frame(30);
        drop(rig);
        assert_eq!(verify(path).expect("whole again").commands, 40);
        flip(4096 + 100);
        let error = verify(path).unwrap_err();
        assert!(
            matches!(
                error,
                JournalError::Damaged {
                    offset: 4096,
                    sequence: 1,
                    ..
                }
            ),
            "{error}"
        );
        let message = error.to_string();
        assert!(message.contains(&file.display().to_string()), "{message}");
        assert!(message.contains("offset 4096, command 1"), "{message}");
    });
}

#[test]
fn a_journal_is_read_while_it_is_written() {
    both(|path, backend| {
        let disk = FileDisk::open(path, backend, SEGMENT).expect("a directory of our own");
        let mut rig = Rig::continued(settings(), disk).expect("an empty directory");
        for _ in 0..20 {
            rig.push(1500);
            rig.poll_until("some of it is released", |rig| {
                rig.take_forwarded(usize::MAX);
                rig.released() + 800 > rig.next
            });
            let options = ReadOptions {
                until: rig.released(),
                ..ReadOptions::default()
            };
            let mut next = 1;
            let end = replay(
                &mut Directory::new(path),
                options,
                |_| {},
                |read, _| {
                    assert_eq!(*read, command(next));
                    next += 1;
                    Ok::<(), JournalError>(())
                },
            );
            assert_eq!(end.expect("whole up to there").last_sequence, options.until);
        }
        assert!(rig.stage.drain());
    });
}

/// Old segments go as far as a snapshot stands for them, never the one that is written; what is left is read from there.
#[test]
fn old_segments_are_removed_and_the_rest_is_whole() {
    both(|path, backend| {
        let disk = FileDisk::open(path, backend, SEGMENT).expect("a directory of our own");
        let mut rig = Rig::continued(settings(), disk).expect("an empty directory");
        for _ in 0..20 {
            rig.write_frame(850);
        }
        // Three such frames to a segment: the fourth begins with command 7,651.
        assert_eq!(
            remove_before(path, 2_549).expect("it is there"),
            Removed::default()
        );
        let removed = remove_before(path, 7_649).expect("it is there");
        assert_eq!((removed.segments, removed.bytes), (2, 2 * SEGMENT));
        assert_eq!(
            first_command(&mut Directory::new(path)).expect("it is there"),
            5_101
        );
        rig.write_frame(850);
        drop(rig);
        let report = verify(path).expect("whole from there");
        assert_eq!((report.first, report.commands), (5_101, 17_850));
        // A start from a snapshot of command 7,649 goes on; one from the beginning says why it can not.
        let from = |from| ReadOptions {
            from,
            ..ReadOptions::default()
        };
        let mut disk = FileDisk::open(path, backend, SEGMENT).expect("nobody has it");
        let read =
            |disk: &mut FileDisk, options| recover(disk, options, |_| {}, |_, _| Ok::<(), JournalError>(()));
        let error = read(&mut disk, from(1)).expect_err("its beginning is gone");
        assert!(error.to_string().contains("begins with command 5101"), "{error}");
        let end = read(&mut disk, from(7_650)).expect("whole from there");
        assert_eq!(end.last_sequence, 17_850);
        drop(disk);
        // Everything that a snapshot knows may go, but for the segment that is written.
        remove_before(path, u64::MAX - 1).expect("it is there");
        let left = Directory::new(path).list().expect("it is there");
        assert_eq!(
            left.len(),
            2,
            "the last one, and the one that is made ahead: {left:?}"
        );
        verify(path).expect("whole from there");
    });
}

/// The longest frame of real files, 64 KiB of commands, cut at every byte: what was before it is there, what was behind the
/// cut never was, and the journal is continued. The whole file is written by the journal, the cut as a lost write leaves it.
#[test]
fn the_last_batch_of_a_file_cut_at_every_byte() {
    let directory = TemporaryDirectory::new();
    let path = directory.path();
    // As short as may be: the whole of it is looked at for each cut.
    let segment_bytes = 4096 + frame_bytes(1..=10) + frame_bytes(11..=863);
    let open = || FileDisk::open(path, Backend::Thread, segment_bytes).expect("nobody has it");
    let mut rig = Rig::continued(settings(), open()).expect("an empty directory");
    rig.write_frame(10);
    rig.write_frame(853);
    drop(rig);
    let start = 4096 + frame_bytes(1..=10);
    let last = frame_bytes(11..=863);
    assert!(last > 60 * 1024);
    let file = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(path.join(file_name(1)))
        .expect("the segment");
    let mut segments = Directory::new(path);
    for cut in (0..last).rev() {
        file.write_all_at(&[0], start + cut).expect("the segment");
        let mut seen = 0;
        let end = replay(
            &mut segments,
            ReadOptions::default(),
            |_| {},
            |_, _| {
                seen += 1;
                Ok::<(), JournalError>(())
            },
        );
        let end = end.expect("a torn tail");
        if end.last_sequence == 863 {
            // Only the zeros at the end were cut off.
            assert_eq!((seen, end.torn), (863, None));
            continue;
        }
        assert_eq!((seen, end.last_sequence), (10, 10), "cut at {cut}");
        let torn = end.torn.map(|torn| (torn.offset, torn.sequence));
        assert_eq!(torn, (cut > 0).then_some((start, 11)), "cut at {cut}");
        if cut % 9_973 == 0 {
            // A start cuts it off and writes on; then the file is as it was.
            let whole = std::fs::read(path.join(file_name(1))).expect("the segment");
            let mut rig = Rig::continued(settings(), open()).expect("a torn tail");
            rig.write_frame(853);
            drop(rig);
            assert_eq!(verify(path).expect("whole").commands, 863);
            file.write_all_at(&whole, 0).expect("the segment");
        }
    }
}
