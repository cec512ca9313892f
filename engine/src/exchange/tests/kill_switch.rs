//! The operator's kill switch.

use super::market::{enter, market, request};
use super::world::{Caused, World, kill_switch};
use engine::exchange::command::{ALL_ACCOUNTS, Command, CommandKind};
use engine::exchange::event::{Event, EventKind, Refusal};

fn switch(world: &mut World, account: u32, is_on: u8) -> Caused {
    world.apply(kill_switch(account, is_on))
}

/// Whether an order of the session is taken. It rests.
fn may_enter(world: &mut World, session: u32) -> bool {
    let events = enter(world, session, b'B', 1, 10);
    if events[0].kind() == EventKind::Accepted {
        return true;
    }
    assert_eq!(
        (events[0].kind(), events[0].detail),
        (EventKind::Rejected, 0x000C)
    );
    false
}

/// Sessions whose orders were canceled.
fn canceled(events: &[Event]) -> Vec<u32> {
    for event in events {
        assert_eq!((event.kind(), event.code), (EventKind::CanceledDeleted, b'S'));
    }
    events.iter().map(|event| event.session).collect()
}

#[test]
fn one_account_is_killed_and_comes_back() {
    let mut world = market(3);
    for session in [0, 1, 1, 2] {
        assert!(may_enter(&mut world, session));
    }
    assert_eq!(canceled(&switch(&mut world, 1, 1).events), [1, 1]);
    assert!(!may_enter(&mut world, 1) && may_enter(&mut world, 0));
    assert_eq!(switch(&mut world, 1, 0).events, []);
    assert!(may_enter(&mut world, 1));
}

#[test]
fn the_client_does_not_lift_it_and_it_does_not_lift_the_clients() {
    let mut world = market(1);
    switch(&mut world, 0, 1);
    let events = request(&mut world, 0, CommandKind::EnableOrderEntry);
    assert_eq!(events[0].kind(), EventKind::OrderEntryEnabled);
    assert!(!may_enter(&mut world, 0));
    request(&mut world, 0, CommandKind::DisableOrderEntry);
    switch(&mut world, 0, 0);
    assert!(!may_enter(&mut world, 0), "the client has disabled itself");
    request(&mut world, 0, CommandKind::EnableOrderEntry);
    assert!(may_enter(&mut world, 0));
}

#[test]
fn all_accounts_are_killed_one_after_the_other() {
    let mut world = market(4);
    for session in [3, 1, 0, 1] {
        assert!(may_enter(&mut world, session));
    }
    assert_eq!(
        canceled(&switch(&mut world, ALL_ACCOUNTS, 1).events),
        [0, 1, 1, 3]
    );
    assert!((0..4).all(|session| !may_enter(&mut world, session)));
    // The switches are two: the account's own is neither needed nor lifted.
    switch(&mut world, 2, 1);
    switch(&mut world, 3, 0);
    assert!(!may_enter(&mut world, 3));
    switch(&mut world, ALL_ACCOUNTS, 0);
    assert!(may_enter(&mut world, 3) && !may_enter(&mut world, 2));
}

#[test]
fn many_orders_are_canceled_in_steps() {
    let mut world = market(5);
    for index in 0..700 {
        assert!(may_enter(&mut world, index % 5));
    }
    let caused = switch(&mut world, ALL_ACCOUNTS, 1);
    assert_eq!((caused.events.len(), caused.steps), (700, 3));
}

#[test]
fn accounts_without_orders_are_looked_at_in_steps() {
    let mut world = market(2_500);
    assert!(may_enter(&mut world, 2_400));
    let caused = switch(&mut world, ALL_ACCOUNTS, 1);
    assert_eq!((caused.events.len(), caused.steps), (1, 3));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let mut world = market(1);
    for (account, is_on, refusal) in [(1, 1, Refusal::Unknown), (0, 2, Refusal::Invalid)] {
        let caused = switch(&mut world, account, is_on);
        assert_eq!(caused.events[0].kind(), EventKind::OperationRefused);
        assert_eq!(caused.events[0].detail, refusal as u32);
    }
    assert!(may_enter(&mut world, 0));
}

fn cancel(world: &mut World, account: u32, session: Option<u32>, instrument: u16) -> Vec<Event> {
    let command = Command {
        instrument,
        ..Command::new(CommandKind::CancelOrders).with_cancel_orders(account, session)
    };
    world.apply(command).events
}

#[test]
fn orders_are_canceled_and_further_ones_are_taken() {
    let mut world = market(3);
    for session in [0, 1, 1, 2] {
        assert!(may_enter(&mut world, session));
    }
    assert_eq!(canceled(&cancel(&mut world, 1, None, 0)), [1, 1]);
    assert!(may_enter(&mut world, 1), "nothing is switched off");
    assert_eq!(canceled(&cancel(&mut world, 1, Some(1), 1)), [1]);
    assert_eq!(canceled(&cancel(&mut world, 1, None, 0)), [0; 0]);
    for (account, session, instrument) in [(3, None, 0), (0, Some(1), 0), (0, Some(9), 0), (0, None, 2)] {
        let events = cancel(&mut world, account, session, instrument);
        assert_eq!(events[0].kind(), EventKind::OperationRefused);
        assert_eq!(events[0].detail, Refusal::Unknown as u32);
    }
    for _ in 0..600 {
        assert!(may_enter(&mut world, 2));
    }
    let command = Command::new(CommandKind::CancelOrders).with_cancel_orders(2, Some(2));
    let caused = world.apply(command);
    assert_eq!((caused.events.len(), caused.steps), (601, 3));
}

#[test]
fn who_asked_changes_nothing() {
    let mut world = market(1);
    assert!(may_enter(&mut world, 0));
    let events = world.apply(kill_switch(0, 1).asked_by(u32::MAX)).events;
    assert_eq!(canceled(&events), [0]);
}
