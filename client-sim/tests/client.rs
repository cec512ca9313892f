//! What a market maker takes the client for: the example works, and an order costs no allocation, be it the client's alone
//! or that of a whole fleet of customers.

use std::time::Duration;

use client_sim::cli::arguments::{demo_participants, demo_references};
use client_sim::connection::{ClientConfig, Event, OrderEntryClient, Phase};
use client_sim::fleet::{Fleet, FleetConfig, Stage};
use client_sim::orders::OrderState;
use client_sim::pacer::Arrivals;
use client_sim::request::NewOrder;
use engine::assembly::{self, Running};
use engine::config::{Config, Durability};
use feed_handler::clock::Clock;
use protocol::units::Symbol;

#[path = "../examples/quote.rs"]
#[allow(dead_code, reason = "its main is not called here")]
mod quote;

/// The longest that anything here may take; reached only when something is broken.
const LIMIT: Duration = Duration::from_secs(60);

fn exchange() -> Running {
    let mut config = Config::built_in();
    config.network.use_free_ports();
    config.journal.durability = Durability::None;
    assembly::start_telling(&config, |_| {}).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_example_quotes_replaces_and_cancels() {
    let exchange = exchange();
    quote::quote(exchange.addresses().order_entry_tcp).expect("every step is answered");
    exchange.stop().expect("it ends in order");
}

/// Polls until `done`; nothing is told to anybody.
fn wait(client: &mut OrderEntryClient, clock: &Clock, done: fn(&OrderEntryClient) -> bool) {
    client.flush(clock.now_ns());
    while !done(client) {
        client.poll(clock.now_ns(), &mut |_: u64, _: Event<'_>| {});
        assert!(!matches!(client.phase(), Phase::Ended(_)), "{:?}", client.phase());
        assert!(Duration::from_nanos(clock.now_ns()) < LIMIT);
        std::thread::yield_now();
    }
}

#[test]
fn an_order_costs_its_client_no_allocation_and_its_fate_is_known() {
    let exchange = exchange();
    let clock = Clock::new();
    let config = ClientConfig::new(exchange.addresses().order_entry_tcp, "MAKER1", "demo");
    let mut client = OrderEntryClient::new(config, clock.now_ns()).expect("the settings are good");
    wait(&mut client, &clock, OrderEntryClient::is_ready);
    let symbol = Symbol::new("BTC-USD").expect("it is short");
    let order = NewOrder::limit(symbol, b'B', 100, 590_000_000);
    let mut numbers = Vec::with_capacity(1_000);
    // Enters, replaces, cancels, and waits for each.
    let mut round = |client: &mut OrderEntryClient, count: usize| {
        numbers.clear();
        for _ in 0..count {
            let now = clock.now_ns();
            numbers.push(client.enter(&order, now, now).expect("there is room"));
        }
        wait(client, &clock, OrderEntryClient::is_settled);
        for number in &mut numbers {
            let now = clock.now_ns();
            *number = client
                .replace(*number, 50, 580_000_000, now, now)
                .expect("it is live");
        }
        wait(client, &clock, OrderEntryClient::is_settled);
        for number in &numbers {
            client.cancel(*number, 0, clock.now_ns()).expect("it is live");
        }
        wait(client, &clock, OrderEntryClient::is_settled);
        let is_canceled = |number: &u32| {
            let order = client.orders().get(*number);
            order.is_some_and(|order| order.state == OrderState::Canceled && order.canceled == 50)
        };
        assert!(numbers.iter().all(is_canceled));
    };
    round(&mut client, 100);
    let count = allocation_counter::measure(|| round(&mut client, 1_000));
    assert_eq!(count.count_total, 0, "{count:?}");
    client.logout(clock.now_ns(), &mut |_: u64, _: Event<'_>| {});
    exchange.stop().expect("it ends in order");
}

#[test]
fn orders_of_a_fleet_cost_no_allocation() {
    let exchange = exchange();
    let clock = Clock::new();
    let config = FleetConfig {
        rate: 20_000,
        arrivals: Arrivals::Bursts,
        references: demo_references(),
        levels: 8,
        ..FleetConfig::new(exchange.addresses().order_entry_tcp, demo_participants(6))
    };
    let mut fleet = Fleet::new(config, clock.now_ns()).expect("the settings are good");
    let turn = |fleet: &mut Fleet| {
        let now_ns = clock.now_ns();
        fleet.poll(now_ns).unwrap_or_else(|error| panic!("{error}"));
        fleet.refresh_market(now_ns);
        assert!(
            Duration::from_nanos(clock.now_ns()) < LIMIT,
            "{:?}",
            fleet.stage()
        );
        std::thread::yield_now();
    };
    let trade = |fleet: &mut Fleet, orders: u64| {
        let end = fleet.totals().requests + orders;
        while fleet.totals().requests < end {
            turn(fleet);
        }
    };
    while fleet.stage() != Stage::Running {
        turn(&mut fleet);
    }
    trade(&mut fleet, 2_000);
    let count = allocation_counter::measure(|| trade(&mut fleet, 10_000));
    assert!(fleet.totals().executions > 0);
    assert_eq!(count.count_total, 0, "{count:?}");
    fleet.stop(clock.now_ns());
    while fleet.stage() != Stage::Done {
        turn(&mut fleet);
    }
    assert_eq!(fleet.shared().checker.faults(), [] as [String; 0]);
    exchange.stop().expect("it ends in order");
}
