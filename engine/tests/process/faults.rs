//! The disk of the real program refuses: `strace` makes a system call of the journal fail, or fall short. The first failure
//! is the last thing that the journal does; what was told before stays told, and the next start goes on behind it.
//! io_uring's writes can not be reached this way, so it is refused, and the journal's thread writes.

use std::fs;

use protocol::order_entry::response::Response;

use crate::client::Client;
use crate::exchange::{Directory, Ended, Exchange, run};
use crate::traced::whole;

const TRACED: &str = "trace=io_uring_setup,pwrite64,fdatasync,fallocate";
const REFUSED: &str = "inject=io_uring_setup:error=EPERM";
/// Counted for each thread. The one that makes the first two segments calls each function eight times at most.
const FAILING_CALL: u32 = 30;
/// Each is a frame of its own: some segments of 4 MiB would be full.
const ORDERS_MAX: u32 = 4_000;
/// OUCH reject reason: no room.
const NO_ROOM: u16 = 0x000A;

/// What everybody was told before the end.
struct Told {
    ended: Ended,
    client: Client,
    feed: Client,
    /// The refusals among the answers.
    refused: u32,
    /// What strace saw.
    trace: String,
}

/// Runs it with `fault` injected, order after order, until it ends by itself. `None`: it can not be traced here.
fn broken(directory: &Directory, fault: &str) -> Option<Told> {
    let file = directory.configuration(|text| text);
    let trace = directory.path().join("trace");
    let name = trace.to_str().expect("text");
    let strace = ["-D", "-f", "-e", TRACED, "-e", REFUSED, "-e", fault, "-o", name];
    let Some(exchange) = Exchange::start_traced(&file, &strace) else {
        println!("skipped: there is no strace here, or it may not trace");
        return None;
    };
    let process = exchange.process();
    let mut client = Client::login(exchange.address("order_entry_tcp"), "T0", "secret", 1).expect("login");
    let mut feed = Client::login(exchange.address("recovery_tcp"), "", "", 1).expect("it is open");
    let (mut refused, mut is_over) = (0, false);
    while !is_over {
        let order = client.order(b'B', 1, 500_000_000);
        let number = client.user_ref;
        assert!(number < ORDERS_MAX, "{fault}: it goes on");
        let answer = client
            .send(&[order])
            .and_then(|()| client.receive(|client| client.is_answered(number)));
        is_over = answer.is_err();
        if !is_over {
            let (_, last) = client.messages.last_key_value().expect("the answer");
            if let Ok(Response::Rejected(rejected, _)) = Response::decode(last) {
                assert_eq!(rejected.reason.get(), NO_ROOM, "{fault}");
                refused += 1;
                // What takes orders out is taken all the same.
                if refused == 1 {
                    client.send(&[Client::cancel(1)]).expect("connected");
                    client
                        .receive(|client| is_canceled(client, 1))
                        .expect("connected");
                }
            }
        }
    }
    // To its end.
    feed.receive(|_| false).expect_err("the exchange is gone");
    Some(Told {
        ended: exchange.ended(),
        client,
        feed,
        refused,
        trace: whole(&trace, process),
    })
}

fn is_canceled(client: &Client, user_ref: u32) -> bool {
    let (_, last) = client.messages.last_key_value().expect("there was an answer");
    matches!(Response::decode(last), Ok(Response::Canceled(canceled, _)) if canceled.user_ref_num.get() == user_ref)
}

/// The message names file and remedy; after a start without the fault everything told is there, byte for byte, and orders
/// are taken again.
fn check(directory: &Directory, told: &Told, action: &str, segment: &str, reason: &str) {
    let errors = &told.ended.errors;
    assert_eq!(told.ended.status.code(), Some(1), "{errors}");
    let file = directory.path().join("data").join(segment);
    let expected = format!("journal: can not {action} {}: {reason}", file.display());
    assert!(errors.contains(&expected), "no {expected}: {errors}");
    assert!(
        errors.contains("nothing after command") && errors.contains("Look at the disk"),
        "{errors}"
    );

    let data = directory.path().join("data");
    let (code, report, errors) = run(&["verify", "--data", data.to_str().expect("text")]);
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{report}");
    let exchange = Exchange::start(&directory.configuration(|text| text));
    let mut client = Client::login(exchange.address("order_entry_tcp"), "T0", "secret", 1).expect("login");
    let mut feed = Client::login(exchange.address("recovery_tcp"), "", "", 1).expect("it is open");
    for (before, after) in [(&told.client, &mut client), (&told.feed, &mut feed)] {
        assert!(before.messages.len() > 20, "something was told before");
        after
            .receive(|after| after.messages.len() >= before.messages.len())
            .expect("connected");
        for (sequence, message) in &before.messages {
            assert_eq!(after.messages.get(sequence), Some(message), "message {sequence}");
        }
    }
    client.user_ref = told.client.user_ref;
    let order = client.order(b'B', 1, 500_000_000);
    let number = client.user_ref;
    client.send(&[order]).expect("connected");
    client
        .receive(|client| client.is_answered(number))
        .expect("connected");
    let (_, last) = client.messages.last_key_value().expect("the answer");
    assert!(
        matches!(Response::decode(last), Ok(Response::Accepted(..))),
        "{last:?}"
    );
    exchange.stop();
}

/// The call that failed was the last of its thread that touches a file.
fn check_not_retried(told: &Told) {
    let calls: Vec<_> = told
        .trace
        .lines()
        .filter(|line| line.contains("pwrite64(") || line.contains("fdatasync"))
        .collect();
    let failed = calls
        .iter()
        .rposition(|line| line.contains("(INJECTED)"))
        .expect("it was injected");
    let thread = calls[failed].split_whitespace().next().expect("its number");
    let later: Vec<_> = calls[failed + 1..]
        .iter()
        .filter(|line| line.starts_with(thread))
        .collect();
    assert!(later.is_empty(), "after {}: {later:?}", calls[failed]);
}

fn a_failed_call_stops_it(function: &str, result: &str, reason: &str) {
    let directory = Directory::new();
    let fault = format!("inject={function}:{result}:when={FAILING_CALL}");
    let Some(told) = broken(&directory, &fault) else {
        return;
    };
    check_not_retried(&told);
    check(&directory, &told, "write and sync", "0000000001.journal", reason);
}

#[test]
fn a_write_that_fails_stops_it() {
    a_failed_call_stops_it("pwrite64", "error=EIO", "Input/output error");
}

#[test]
fn a_write_without_room_stops_it() {
    a_failed_call_stops_it("pwrite64", "error=ENOSPC", "No space left on device");
}

#[test]
fn a_write_that_falls_short_stops_it() {
    a_failed_call_stops_it("pwrite64", "retval=512", "short write: 512 of 4096 bytes");
}

#[test]
fn a_sync_that_fails_stops_it() {
    a_failed_call_stops_it("fdatasync", "error=EIO", "Input/output error");
}

/// The third segment can not be allocated: cancels only, and whoever runs it is told; when the second is full, the end.
#[test]
fn a_segment_without_room_means_cancels_only_and_then_the_end() {
    let directory = Directory::new();
    let Some(told) = broken(&directory, "inject=fallocate:error=ENOSPC:when=3+") else {
        return;
    };
    assert!(told.refused > 500, "{} orders were refused", told.refused);
    assert!(
        told.ended.errors.contains("the disk is nearly full"),
        "{}",
        told.ended.errors
    );
    let left: Vec<_> = fs::read_dir(directory.path().join("data"))
        .expect("it is there")
        .collect();
    assert!(
        left.iter()
            .flatten()
            .all(|entry| !entry.path().ends_with("0000000003.journal"))
    );
    check(
        &directory,
        &told,
        "begin",
        "0000000003.journal",
        "no storage space",
    );
}
