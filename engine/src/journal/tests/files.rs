//! Real files, both back ends.

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
