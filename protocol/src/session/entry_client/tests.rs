//! The book-keeping, response by response.

use super::*;
use crate::layout::WireMessage;
use crate::malformed::Malformed;
use crate::order_entry::requests::{CancelOrder, DisableOrderEntry, ModifyOrder};
use zerocopy::IntoBytes;

const CONFIG: EntryClientConfig = EntryClientConfig {
    orders_max: 4,
    requests_max: 3,
    reductions_max: 2,
    resend_ns: 10,
    resend_max_ns: 35,
};

fn request(message_type: u8, size: usize, place: usize, user_ref: u32) -> Vec<u8> {
    let mut bytes = vec![0; size];
    bytes[0] = message_type;
    bytes[place..place + 4].copy_from_slice(&user_ref.to_be_bytes());
    bytes
}

fn enter(user_ref: u32) -> Vec<u8> {
    request(b'O', 47, 1, user_ref)
}

fn replace(original: u32, user_ref: u32) -> Vec<u8> {
    let mut bytes = request(b'U', 40, 5, user_ref);
    bytes[1..5].copy_from_slice(&original.to_be_bytes());
    bytes
}

fn cancel(user_ref: u32, quantity: u32) -> Vec<u8> {
    let message = CancelOrder {
        message_type: b'X',
        user_ref_num: user_ref.into(),
        quantity: quantity.into(),
    };
    message.as_bytes().to_vec()
}

fn response(message_type: u8, size: usize, fields: &[(usize, u32)]) -> Vec<u8> {
    let mut bytes = vec![0; size];
    bytes[0] = message_type;
    for (place, value) in fields {
        bytes[*place..place + 4].copy_from_slice(&value.to_be_bytes());
    }
    bytes
}

fn accepted(user_ref: u32, quantity: u32) -> Vec<u8> {
    response(b'A', 64, &[(9, user_ref), (14, quantity)])
}

fn replaced(original: u32, user_ref: u32, quantity: u32) -> Vec<u8> {
    response(b'U', 68, &[(9, original), (13, user_ref), (18, quantity)])
}

fn rejected(user_ref: u32) -> Vec<u8> {
    response(b'J', 29, &[(9, user_ref)])
}

fn canceled(user_ref: u32, quantity: u32) -> Vec<u8> {
    response(b'C', 18, &[(9, user_ref), (13, quantity)])
}

fn executed(user_ref: u32, quantity: u32) -> Vec<u8> {
    response(b'E', 36, &[(9, user_ref), (13, quantity)])
}

/// Feeds a response; answers its effect and the numbers handed back.
fn feed(client: &mut EntryClient, bytes: &[u8]) -> (Effect, Vec<u32>) {
    let mut lost = Vec::new();
    let effect = client.response(&Response::decode(bytes).unwrap(), |user_ref, bytes| {
        assert_eq!(Request::decode(bytes).unwrap().new_user_ref(), Some(user_ref));
        lost.push(user_ref);
    });
    (effect, lost)
}

fn due(client: &mut EntryClient, now: u64) -> Vec<Vec<u8>> {
    let mut sent = Vec::new();
    client.poll(now, |bytes| sent.push(bytes.to_vec()));
    sent
}

#[test]
fn a_request_is_sent_again_with_back_off_until_answered() {
    let mut client = EntryClient::new(CONFIG);
    assert_eq!(client.next_user_ref(), Some(1));
    assert_eq!(client.keep(0, &enter(1)), Ok(Kept::UntilAnswered));
    assert_eq!(client.next_user_ref(), Some(2));
    let times: Vec<_> = (0..120)
        .filter(|now| !due(&mut client, *now).is_empty())
        .collect();
    assert_eq!(times, [10, 30, 65, 100]);
    assert_eq!(client.resent(), 4);
    let (effect, lost) = feed(&mut client, &accepted(1, 5));
    assert_eq!((effect.answered, lost), (Some(1), vec![]));
    assert_eq!((client.deadline(), client.open_quantity(1)), (None, Some(5)));
    assert!(due(&mut client, 1_000).is_empty());
}

#[test]
fn a_number_that_was_passed_over_is_handed_back() {
    let mut client = EntryClient::new(CONFIG);
    for user_ref in 1..=3 {
        client.keep(0, &enter(user_ref)).unwrap();
    }
    let (effect, lost) = feed(&mut client, &accepted(3, 5));
    assert_eq!((effect.answered, lost), (Some(3), vec![1, 2]));
    assert_eq!((client.unanswered_count(), client.live_count()), (0, 1));
    assert_eq!(client.next_user_ref(), Some(4));
}

#[test]
fn numbers_must_ascend_and_the_last_is_never_used() {
    let mut client = EntryClient::new(CONFIG);
    assert_eq!(client.keep(0, &enter(0)), Err(NotKept::Number));
    client.keep(0, &enter(7)).unwrap();
    assert_eq!(client.keep(0, &enter(7)), Err(NotKept::Number));
    assert_eq!(client.keep(0, &enter(u32::MAX)), Err(NotKept::Number));
    client.use_from(u32::MAX - 1);
    assert_eq!(client.next_user_ref(), Some(u32::MAX - 1));
    client.keep(0, &enter(u32::MAX - 1)).unwrap();
    assert_eq!(client.next_user_ref(), None);
}

#[test]
fn numbers_of_taken_slots_are_skipped_and_everything_is_bounded() {
    let mut client = EntryClient::new(CONFIG);
    for user_ref in 1..=3 {
        client.keep(0, &enter(user_ref)).unwrap();
    }
    assert_eq!(client.keep(0, &enter(4)), Err(NotKept::Full));
    for user_ref in 1..=3 {
        feed(&mut client, &accepted(user_ref, 5));
    }
    client.keep(0, &enter(4)).unwrap();
    feed(&mut client, &accepted(4, 5));
    assert_eq!(client.next_user_ref(), None, "four orders live");
    feed(&mut client, &executed(3, 5));
    assert_eq!(
        client.next_user_ref(),
        Some(7),
        "5 and 6 would share the slots of 1 and 2"
    );
    assert_eq!(client.keep(0, &enter(5)), Err(NotKept::Number));
    client.keep(0, &enter(7)).unwrap();
    client.keep(0, &cancel(1, 0)).unwrap();
    client.keep(0, &cancel(2, 0)).unwrap();
    assert_eq!(client.keep(0, &cancel(4, 0)), Err(NotKept::Full));
    assert_eq!(
        client.keep(0, &cancel(1, 3)),
        Ok(Kept::UntilEffective),
        "one for each order is enough"
    );
    assert_eq!(client.keep(0, &cancel(9, 0)), Err(NotKept::NoSuchOrder));
    assert_eq!(
        client.keep(0, &[&enter(8)[..45], &[1, 0], &[0; 256]].concat()),
        Err(NotKept::Malformed(Malformed::Appendage))
    );
    assert_eq!(client.keep(0, b"Q"), Ok(Kept::NotNeeded));
}

#[test]
fn a_cancel_is_sent_until_the_order_has_ended() {
    let mut client = EntryClient::new(CONFIG);
    client.keep(0, &enter(1)).unwrap();
    feed(&mut client, &accepted(1, 10));
    client.keep(0, &cancel(1, 0)).unwrap();
    feed(&mut client, &executed(1, 4));
    feed(&mut client, &canceled(1, 2));
    assert_eq!(due(&mut client, 10), [cancel(1, 0)]);
    let (effect, _) = feed(&mut client, &canceled(1, 4));
    assert_eq!(effect.finished, Some(1));
    assert_eq!((client.waiting_count(), client.live_count()), (0, 0));
}

#[test]
fn a_partial_cancel_is_sent_until_the_whole_quantity_is_what_it_asks() {
    let mut client = EntryClient::new(CONFIG);
    client.keep(0, &enter(1)).unwrap();
    feed(&mut client, &accepted(1, 10));
    client.keep(0, &cancel(1, 6)).unwrap();
    feed(&mut client, &executed(1, 3));
    assert_eq!(client.waiting_count(), 1, "3 executed and 7 open are still 10");
    feed(&mut client, &canceled(1, 4));
    assert_eq!((client.waiting_count(), client.open_quantity(1)), (0, Some(3)));
}

#[test]
fn a_cancel_to_no_less_than_the_order_has_is_not_kept() {
    let mut client = EntryClient::new(CONFIG);
    client.keep(0, &enter(1)).unwrap();
    assert_eq!(
        client.keep(0, &cancel(1, 10)),
        Ok(Kept::UntilEffective),
        "not known to live yet"
    );
    feed(&mut client, &accepted(1, 10));
    assert_eq!(client.waiting_count(), 0);
    assert_eq!(client.keep(0, &cancel(1, 10)), Ok(Kept::NotNeeded));
    assert_eq!(client.keep(0, &cancel(1, 9)), Ok(Kept::UntilEffective));
}

#[test]
fn of_two_cancels_the_one_that_takes_more_is_sent_again() {
    let mut client = EntryClient::new(CONFIG);
    client.keep(0, &enter(1)).unwrap();
    feed(&mut client, &accepted(1, 10));
    for (quantity, kept) in [(6, 6), (4, 4), (5, 4), (0, 0), (3, 0)] {
        client.keep(0, &cancel(1, quantity)).unwrap();
        client.resend_all(0);
        assert_eq!(due(&mut client, 0), [cancel(1, kept)]);
    }
}

#[test]
fn a_modify_waits_for_its_answer() {
    let mut client = EntryClient::new(CONFIG);
    client.keep(0, &enter(1)).unwrap();
    feed(&mut client, &accepted(1, 10));
    let modify = ModifyOrder {
        message_type: b'M',
        user_ref_num: 1.into(),
        side: b'B',
        quantity: 4.into(),
    };
    client.keep(0, modify.as_bytes()).unwrap();
    feed(&mut client, &response(b'M', 18, &[(9, 1), (14, 4)]));
    assert_eq!((client.waiting_count(), client.open_quantity(1)), (0, Some(4)));
}

#[test]
fn a_cancel_that_is_refused_is_not_asked_for_again() {
    let mut client = EntryClient::new(CONFIG);
    client.keep(0, &enter(1)).unwrap();
    feed(&mut client, &accepted(1, 10));
    client.keep(0, &cancel(1, 0)).unwrap();
    feed(&mut client, &response(b'I', 13, &[(9, 1)]));
    assert_eq!((client.waiting_count(), client.open_quantity(1)), (0, Some(10)));
}

#[test]
fn a_cancel_follows_its_order_through_a_replace() {
    let mut client = EntryClient::new(CONFIG);
    client.keep(0, &enter(1)).unwrap();
    feed(&mut client, &accepted(1, 10));
    feed(&mut client, &executed(1, 4));
    client.keep(0, &replace(1, 2)).unwrap();
    client.keep(0, &cancel(1, 0)).unwrap();
    let (effect, lost) = feed(&mut client, &replaced(1, 2, 8));
    assert_eq!(
        (effect, lost),
        (
            Effect {
                answered: Some(2),
                finished: None
            },
            vec![]
        )
    );
    assert_eq!(
        (client.open_quantity(1), client.open_quantity(2)),
        (None, Some(8))
    );
    assert_eq!(due(&mut client, 10), [cancel(2, 0)]);
    assert_eq!(feed(&mut client, &canceled(2, 8)).0.finished, Some(2));
}

#[test]
fn a_refused_replace_leaves_the_original() {
    let mut client = EntryClient::new(CONFIG);
    client.keep(0, &enter(1)).unwrap();
    feed(&mut client, &accepted(1, 10));
    client.keep(0, &replace(1, 2)).unwrap();
    assert_eq!(feed(&mut client, &rejected(2)).0.answered, Some(2));
    assert_eq!(
        (
            client.open_quantity(1),
            client.open_quantity(2),
            client.live_count()
        ),
        (Some(10), None, 1)
    );
    assert_eq!(client.waiting_count(), 0);
}

#[test]
fn requests_without_an_order_are_answered_too() {
    let mut client = EntryClient::new(CONFIG);
    let disable = DisableOrderEntry {
        message_type: b'D',
        user_ref_num: 1.into(),
        firm: *b"FIRM",
        appendage_length: 0.into(),
    };
    client.keep(0, disable.as_bytes()).unwrap();
    assert!(client.is_unanswered(1));
    let size = <DisableOrderEntry as WireMessage>::LAYOUT.size + 8;
    feed(&mut client, &response(b'G', size, &[(9, 1)]));
    assert!(!client.is_unanswered(1));
    client.keep(0, &enter(2)).unwrap();
    client.keep(0, &enter(3)).unwrap();
    let (_, lost) = feed(&mut client, &response(b'Q', 13, &[(9, 3)]));
    assert_eq!(
        (lost, client.is_unanswered(3), client.next_user_ref()),
        (vec![2], true, Some(4))
    );
}

#[test]
fn a_new_connection_sends_everything_again() {
    let mut client = EntryClient::new(CONFIG);
    client.keep(0, &enter(1)).unwrap();
    client.keep(0, &cancel(1, 0)).unwrap();
    client.resend_all(3);
    assert_eq!(due(&mut client, 3), [enter(1), cancel(1, 0)]);
}
