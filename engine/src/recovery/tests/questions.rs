//! Questions: in order, as of what they must reflect, and what they say.

use super::world::{Client, Got, SECOND, World, config, order, request};
use crate::exchange::command::CommandKind;
use crate::runtime::links::{EngineNote, Inbound};
use crate::runtime::sim_net::TcpSettings;
use protocol::layout::WireMessage;
use protocol::order_entry::own::{Balance, InstrumentReply, OpenOrder, OrderStatus, Ticker};

/// Lets the engine say that all questions asked so far must reflect command `sequence`.
fn answerable(world: &mut World, sequence: u64) -> usize {
    world.run();
    let told = world.told();
    let mut count = 0;
    for inbound in told {
        if let Inbound::Question { ticket }
        | Inbound::Bind {
            connection: ticket, ..
        } = inbound
        {
            count += 1;
            world
                .notes
                .push(EngineNote::Answerable { ticket, sequence })
                .expect("room");
        }
    }
    world.run();
    count
}

fn ask(world: &mut World, client: &mut Client, question: &[u8]) -> Vec<Vec<u8>> {
    client.unsequenced(question);
    let sequence = world.sequence();
    assert_eq!(answerable(world, sequence), 1);
    client.answers()
}

fn status(world: &mut World, client: &mut Client, user_ref: u32) -> OrderStatus {
    let answers = ask(world, client, &[&b"s"[..], &user_ref.to_be_bytes()].concat());
    assert_eq!(answers.len(), 1);
    *OrderStatus::view(&answers[0]).expect("whole")
}

fn client_of(world: &mut World, username: &str) -> Client {
    let mut client = world.logged_in(username, "", 0);
    // Its stream would mix with the answers: bound, it is silent.
    world.told();
    client.unsequenced(b"u\x10\x00");
    let sequence = world.sequence();
    assert_eq!(answerable(world, sequence), 1);
    client.receive();
    client
}

#[test]
fn the_life_of_orders() {
    let mut world = World::new();
    let mut client = client_of(&mut world, "ALICE0");
    world.enter(0, order(1, b'B', 10, 1_000_000));
    world.enter(0, order(2, b'B', 10, 900_000));
    world.enter(0, order(3, b'B', 10, 800_001));
    world.enter(2, order(1, b'S', 4, 1_000_000));
    let live = status(&mut world, &mut client, 1);
    assert_eq!((live.state, live.side, live.symbol), (b'L', b'B', *b"BTC-USD "));
    assert_eq!(
        (
            live.quantity.get(),
            live.executed.get(),
            live.open.get(),
            live.price.get()
        ),
        (10, 4, 6, 1_000_000)
    );
    // 4 lots of 0.0001 BTC at 100 USD, in 0.00000001 USD.
    assert_eq!(live.executed_notional.get(), 4_000_000);
    assert_eq!(live.as_of_sequence.get(), world.said.sessions[0].len() as u64);

    let rejected = status(&mut world, &mut client, 3);
    assert_eq!(
        (rejected.state, rejected.quantity.get(), rejected.price.get()),
        (b'R', 10, 800_001)
    );
    let unknown = status(&mut world, &mut client, 9);
    assert_eq!(
        (unknown.state, unknown.user_ref_num.get(), unknown.symbol),
        (b'U', 9, *b"        ")
    );

    // A chain answers under its newest number, live and afterwards.
    let mut replace = order(4, 0, 8, 1_010_000);
    replace.orig_user_ref = 1;
    world.apply(request(CommandKind::Replace, 0, replace));
    for user_ref in [1, 4] {
        let chain = status(&mut world, &mut client, user_ref);
        assert_eq!((chain.state, chain.user_ref_num.get()), (b'L', 4));
        assert_eq!((chain.executed.get(), chain.open.get()), (4, 4));
    }
    world.enter(2, order(2, b'S', 4, 1_010_000));
    for user_ref in [1, 4] {
        let chain = status(&mut world, &mut client, user_ref);
        assert_eq!((chain.state, chain.user_ref_num.get()), (b'F', 4));
        assert_eq!(
            (chain.quantity.get(), chain.executed.get(), chain.open.get()),
            (8, 8, 0)
        );
    }
    world.apply(request(CommandKind::Cancel, 0, order(2, 0, 0, 0)));
    let canceled = status(&mut world, &mut client, 2);
    assert_eq!(
        (canceled.state, canceled.quantity.get(), canceled.open.get()),
        (b'C', 10, 0)
    );
    // Numbers of one session mean nothing to another, not even of the same account.
    let mut sister = client_of(&mut world, "ALICE1");
    assert_eq!(status(&mut world, &mut sister, 2).state, b'U');
}

#[test]
fn open_orders_balances_tickers_instruments() {
    let mut world = World::new();
    let mut client = client_of(&mut world, "ALICE0");
    for user_ref in 1..=5 {
        world.enter(
            0,
            order(user_ref, b'B', 10, 1_000_000 - 100 * u64::from(user_ref)),
        );
    }
    world.enter(1, order(1, b'B', 10, 500_000));
    world.enter(2, order(1, b'S', 3, 1_000_000 - 100));
    world.enter(2, order(2, b'S', 7, 2_000_000));
    let as_of = world.said.sessions[0].len() as u64;

    let answers = ask(&mut world, &mut client, b"o");
    let orders: Vec<_> = answers
        .iter()
        .map(|answer| *OpenOrder::view(answer).expect("whole"))
        .collect();
    let user_refs: Vec<_> = orders.iter().map(|order| order.user_ref_num.get()).collect();
    assert_eq!(user_refs, [1, 2, 3, 4, 5, 0]);
    assert_eq!((orders[0].executed.get(), orders[0].open.get()), (3, 7));
    assert!(orders.iter().all(|order| order.as_of_sequence.get() == as_of));

    let answers = ask(&mut world, &mut client, b"b        ");
    let balances: Vec<_> = answers
        .iter()
        .map(|answer| *Balance::view(answer).expect("whole"))
        .collect();
    let assets: Vec<_> = balances.iter().map(|balance| balance.asset).collect();
    assert_eq!(assets, [*b"BTC     ", *b"USD     ", *b"        "]);
    assert_eq!(balances[0].total.get(), 1_000_000_000_000_000 + 3 * 10_000);
    assert!(balances[1].held.get() > 0);
    assert_eq!(
        balances[1].available.get() + balances[1].held.get(),
        balances[1].total.get()
    );
    let one = ask(&mut world, &mut client, b"bUSD     ");
    assert_eq!(one, [answers[1].clone()]);
    let none = ask(&mut world, &mut client, b"bDOGE    ");
    assert_eq!(Balance::view(&none[0]).expect("whole").asset, *b"        ");
    assert_eq!(none.len(), 1);

    let answers = ask(&mut world, &mut client, b"tBTC-USD ");
    let ticker = *Ticker::view(&answers[0]).expect("whole");
    assert_eq!(
        (ticker.last_price.get(), ticker.last_quantity.get()),
        (999_900, 3)
    );
    assert_eq!((ticker.bid_price.get(), ticker.bid_quantity.get()), (999_900, 7));
    assert_eq!(
        (ticker.ask_price.get(), ticker.ask_quantity.get()),
        (2_000_000, 7)
    );
    assert_eq!(ticker.as_of_sequence.get(), world.said.feed.len() as u64);
    let answers = ask(&mut world, &mut client, b"tNO-SUCH ");
    assert_eq!(Ticker::view(&answers[0]).expect("whole").symbol, *b"        ");

    let answers = ask(&mut world, &mut client, b"i");
    let instrument = *InstrumentReply::view(&answers[0]).expect("whole");
    assert_eq!(
        (instrument.symbol, instrument.stock_locate.get()),
        (*b"BTC-USD ", 1)
    );
    assert_eq!(
        (instrument.base_asset, instrument.quote_asset),
        (*b"BTC     ", *b"USD     ")
    );
    assert_eq!((instrument.lot_size.get(), instrument.state), (10_000, b'T'));
    assert_eq!(
        InstrumentReply::view(&answers[1]).expect("whole").symbol,
        *b"        "
    );
    assert_eq!(answers.len(), 2);
}

#[test]
fn answers_wait_for_what_they_must_reflect_and_come_in_order() {
    let mut world = World::new();
    let mut client = client_of(&mut world, "ALICE0");
    client.unsequenced(b"s\0\0\0\x01");
    client.unsequenced(b"tBTC-USD ");
    client.unsequenced(b"u\x20\x00");
    client.unsequenced(b"i");
    let next = world.sequence() + 1;
    assert_eq!(answerable(&mut world, next), 4);
    assert!(client.answers().is_empty(), "the order has not been applied");
    // Released, but the replica does not have it yet.
    world.withhold = true;
    world.enter(0, order(1, b'B', 10, 1_000_000));
    world.run();
    assert!(client.answers().is_empty());
    world.give_commands();
    world.run();
    let answers = client.answers();
    let types: Vec<_> = answers.iter().map(|answer| answer[0]).collect();
    assert_eq!(types, *b"stuii");
    let status = OrderStatus::view(&answers[0]).expect("whole");
    assert_eq!((status.state, status.as_of_sequence.get()), (b'L', 2));
}

#[test]
fn an_answer_never_speaks_of_what_is_not_released() {
    let mut world = World::new();
    let mut client = client_of(&mut world, "ALICE0");
    // Durable and given to the replica, but output has not released it: the store does not have it.
    let command = request(CommandKind::Enter, 0, order(1, b'B', 10, 1_000_000));
    world.give_unreleased(command);
    let sequence = world.sequence();
    client.unsequenced(b"s\0\0\0\x01");
    assert_eq!(answerable(&mut world, sequence), 1);
    let answers = client.answers();
    let status = *OrderStatus::view(&answers[0]).expect("whole");
    assert_eq!((status.state, status.as_of_sequence.get()), (b'U', 1));
    world.release();
    let sequence = world.sequence();
    client.unsequenced(b"s\0\0\0\x01");
    assert_eq!(answerable(&mut world, sequence), 1);
    let answers = client.answers();
    assert_eq!(OrderStatus::view(&answers[0]).expect("whole").state, b'L');
}

#[test]
fn questions_of_one_connection_are_bounded() {
    let mut world = World::new();
    let mut client = client_of(&mut world, "ALICE0");
    for _ in 0..50 {
        client.unsequenced(b"s\0\0\0\x01");
    }
    let mut answers = 0;
    let sequence = world.sequence();
    for _ in 0..10 {
        let asked = answerable(&mut world, sequence);
        assert!(asked <= 8);
        answers += client.answers().len();
    }
    assert_eq!(answers, 50);
}

#[test]
fn who_is_not_read_is_not_silent() {
    let mut world = World::new();
    let mut client = client_of(&mut world, "ALICE0");
    // Its questions are not answerable yet, and more of them wait than are taken: what it sends is not read.
    for _ in 0..1_000 {
        client.unsequenced(b"s\0\0\0\x01");
    }
    world.run();
    assert_eq!(world.told().len(), 8);
    world.pass(20 * SECOND);
    assert!(world.told().is_empty());
    assert!(!client.is_closed());
}

#[test]
fn an_answer_larger_than_the_buffer_arrives_whole() {
    let mut config = config();
    config.order_entry.output_bytes = 4_096;
    let tcp = TcpSettings {
        buffer_bytes: 1_000,
        piece_bytes: 333,
    };
    let mut world = World::with(config, tcp, 1_024 * 1_024);
    let mut client = client_of(&mut world, "ALICE0");
    for user_ref in 1..=1_000 {
        world.enter(0, order(user_ref, b'B', 1, 1_000_000 - 100 * u64::from(user_ref)));
    }
    client.unsequenced(b"o");
    client.unsequenced(b"i");
    let sequence = world.sequence();
    assert_eq!(answerable(&mut world, sequence), 2);
    let mut answers = Vec::new();
    for _ in 0..500 {
        answers.extend(client.answers());
        world.run();
    }
    assert_eq!(answers.len(), 1_003);
    for (index, answer) in answers[..1_000].iter().enumerate() {
        assert_eq!(
            OpenOrder::view(answer).expect("whole").user_ref_num.get(),
            index as u32 + 1
        );
    }
    let types: Vec<_> = answers[1_000..].iter().map(|answer| answer[0]).collect();
    assert_eq!(types, *b"oii");
}

/// What the exchange knows behind a roll is the next day's; who still reads the stream of the day before is not told of it.
#[test]
fn what_was_asked_before_a_roll_is_not_answered_after_it() {
    let settings = TcpSettings {
        buffer_bytes: 256,
        piece_bytes: 256,
    };
    let mut world = World::with(config(), settings, 0);
    let mut client = world.logged_in("ALICE0", "", 1);
    // More than is sent on to who does not read.
    for user_ref in 1..=2_000 {
        world.enter(0, order(user_ref, b'B', 10, 900_000));
        if user_ref % 50 == 0 {
            world.run();
        }
    }
    client.unsequenced(b"b        ");
    world.run();
    world.roll();
    let sequence = world.sequence();
    assert_eq!(answerable(&mut world, sequence), 1);
    let mut got = Vec::new();
    while !got.contains(&Got::EndOfSession) {
        world.run();
        let more = client.receive();
        assert!(!more.is_empty(), "{} came, and not the end", got.len());
        got.extend(more);
    }
    assert!(got.len() > 2_000);
    assert!(!got.iter().any(|got| matches!(got, Got::Unsequenced(_))));
}
