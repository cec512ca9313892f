//! Each verb, and what stays when the exchange is started again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine::admin::{AccountLimits, InstrumentLimits, Login, Request, StateName};
use engine::assembly;
use engine::config::DropCopy;
use engine::journal::{self, Directory as Journal, JournalError, ReadOptions};
use engine::password::{Password, Proof};
use engine::runtime::clock::Clock;
use serde_json::{Value, json};

use crate::client::Client;
use crate::world::{Directory, World};

fn login(username: &str, password: &str) -> Login {
    let hash = Password::chosen(password).map(|password| password.hash());
    Login {
        username: username.to_owned(),
        password_hash: hash
            .expect("it can be one")
            .expect("there is memory")
            .text()
            .to_owned(),
    }
}

fn account(account: &str) -> Request {
    Request::Account {
        account: account.to_owned(),
    }
}

fn orders_of(account: &str) -> Request {
    Request::Orders {
        account: Some(account.to_owned()),
        session: None,
        instrument: None,
        limit: None,
    }
}

fn set(instrument: &str, state: StateName) -> Request {
    Request::State {
        instrument: Some(instrument.to_owned()),
        state,
        cross: None,
    }
}

fn kill(account: Option<&str>, on: bool) -> Request {
    Request::Kill {
        account: account.map(str::to_owned),
        on,
    }
}

fn transfer(account: &str, asset: &str, amount: &str, is_deposit: bool) -> Request {
    let (account, asset, amount) = (account.to_owned(), asset.to_owned(), amount.to_owned());
    if is_deposit {
        Request::Deposit {
            account,
            asset,
            amount,
        }
    } else {
        Request::Withdraw {
            account,
            asset,
            amount,
        }
    }
}

#[test]
fn what_there_is_is_told() {
    let directory = Directory::new();
    let mut world = World::start(&directory.config());
    let mut client = Client::login(world.door(), "A", "demo", 1);
    for user_ref in 1..=3 {
        client.enter(user_ref);
    }
    client.wait_for(3);
    let row = world.row(&Request::Accounts {}, "account", "A");
    assert_eq!(
        (&row["open_orders"], &row["orders"]),
        (&3.into(), &"trading".into())
    );
    assert_eq!(world.rows(&Request::Accounts {}).len(), 12);
    let row = world.row(&Request::Sessions {}, "session", "A");
    assert_eq!((&row["connected"], &row["user_ref"]), (&true.into(), &3.into()));
    let row = world.row(&Request::Instruments {}, "instrument", "BTC-USD");
    assert_eq!(
        (&row["state"], &row["bid"]),
        (&"trading".into(), &"59999.99".into())
    );
    assert_eq!(
        (&row["maker_fee"], &row["lot_size"]),
        (&"-0.005%".into(), &"0.0001".into())
    );
    let answer = world.must(&account("A"));
    let about = answer.about.expect("it says what it is about");
    assert_eq!(
        (&about["firm"], &about["sessions"][0]),
        (&"DEMO".into(), &"A".into())
    );
    let row = world.row(&account("A"), "asset", "USD");
    assert_eq!(
        (&row["total"], row["available"] == row["total"]),
        (&"1000000".into(), false)
    );
    let rows = world.rows(&orders_of("A"));
    assert_eq!(rows.len(), 3);
    assert_eq!(
        (&rows[0]["price"], &rows[0]["quantity"]),
        (&"59999.99".into(), &"0.0001".into())
    );
    let mut of = |session: Option<&str>, instrument: Option<&str>, limit| {
        let answer = world.must(&Request::Orders {
            account: None,
            session: session.map(str::to_owned),
            instrument: instrument.map(str::to_owned),
            limit,
        });
        (answer.rows.expect("rows").len(), answer.more)
    };
    assert_eq!(of(None, None, None), (3, false));
    assert_eq!(of(Some("a"), Some("BTC-USD"), None), (3, false));
    assert_eq!(of(None, Some("ETH-USD"), None), (0, false));
    assert_eq!(of(None, None, Some(2)), (2, true));
    for (request, words) in [
        (account("ZOE"), "no account"),
        (orders_of("ZOE"), "no account"),
        (set("XYZ", StateName::Halted), "no instrument"),
        (set("MUCHTOOLONG", StateName::Halted), "no instrument"),
    ] {
        let error = world.refused(&request);
        assert!(error.contains(words), "{error}");
    }
    world.stop();
}

#[test]
fn drop_copies_are_listed_with_those_who_read() {
    let directory = Directory::new();
    let mut config = directory.config();
    let copy = |username: &[u8; 6], firm: &[u8; 4]| DropCopy {
        username: *username,
        firm: *firm,
        proof: Proof::Plain(Password::new(b"watch")),
        line: 0,
    };
    config.drop_copies = vec![copy(b"ZCOPY ", b"DEMO"), copy(b"COPY  ", b"DEMO")];
    let mut world = World::start(&config);
    let names = |rows: &[Value]| {
        let name = |row: &Value| row["drop_copy"].as_str().expect("a name").to_owned();
        rows.iter().map(name).collect::<Vec<_>>()
    };
    let rows = world.rows(&Request::DropCopies {});
    assert_eq!(names(&rows), ["COPY", "ZCOPY"]);
    assert_eq!(
        rows[0],
        json!({ "drop_copy": "COPY", "firm": "DEMO", "connected": false, "session": null, "next": null,
            "behind": null, "address": null })
    );

    let mut client = Client::login(world.door(), "A", "demo", 1);
    client.enter(1);
    client.wait_for(1);
    // Two connections of one login: a stream each.
    let [of_b, of_a] = ["B", "a"].map(|session| world.login("copy", "watch", session).expect("it may"));
    assert!(world.login("COPY", "watch", "MAKER1").is_none(), "another firm's");
    world.wait_until("all that A was told", |world| {
        let told = world.row(&Request::Sessions {}, "session", "A")["sequence"].as_u64();
        let next = world.row(&Request::DropCopies {}, "session", "A")["next"].as_u64();
        told.is_some_and(|told| told >= 2) && next == told.map(|told| told + 1)
    });
    let rows = world.rows(&Request::DropCopies {});
    assert_eq!(names(&rows), ["COPY", "COPY", "ZCOPY"]);
    for (row, session, stream) in [(&rows[0], "A", &of_a), (&rows[1], "B", &of_b)] {
        let address = stream.local_addr().expect("it is connected").to_string();
        assert_eq!(
            (&row["session"], &row["connected"]),
            (&session.into(), &true.into())
        );
        assert_eq!((&row["address"], &row["behind"]), (&address.into(), &0.into()));
    }

    // Without its login it reads on until it goes.
    config.drop_copies.pop();
    world.reload(&config);
    assert!(world.login("COPY", "watch", "A").is_none());
    drop(of_b);
    world.wait_until("the end of one", |world| {
        world.rows(&Request::DropCopies {}).len() == 2
    });
    let rows = world.rows(&Request::DropCopies {});
    assert_eq!(
        (names(&rows), &rows[0]["connected"]),
        (vec!["COPY".into(), "ZCOPY".into()], &true.into())
    );
    drop(of_a);
    world.wait_until("the end of the other", |world| {
        names(&world.rows(&Request::DropCopies {})) == ["ZCOPY"]
    });
    world.stop();
}

#[test]
fn money_comes_and_goes() {
    let directory = Directory::new();
    let mut world = World::start(&directory.config());
    let answer = world.must(&transfer("B", "BTC", "0.5", true));
    let [done] = &answer.done[..] else {
        panic!("{answer:?}");
    };
    assert_eq!(done.what, "deposit 0.5 BTC to account B");
    assert!(done.time.ends_with('Z') && done.command > 0);
    let before = done.command;
    assert_eq!(world.row(&account("B"), "asset", "BTC")["total"], "20.5");
    let answer = world.must(&transfer("B", "BTC", "20.25", false));
    assert!(answer.done[0].command > before);
    assert_eq!(world.row(&account("B"), "asset", "BTC")["total"], "0.25");
    for (request, words) in [
        (transfer("B", "BTC", "1", false), "not so much available"),
        (transfer("B", "DOGE", "1", true), "no asset"),
        (transfer("Z", "BTC", "1", true), "no account"),
        (transfer("B", "BTC", "0", true), "nothing"),
        (transfer("B", "BTC", "-1", true), "amount"),
        (transfer("B", "BTC", "1e3", true), "number"),
        (transfer("B", "BTC", "0.000000001", true), "8 decimals"),
    ] {
        let error = world.refused(&request);
        assert!(error.contains(words), "{error}");
    }
    assert_eq!(world.row(&account("B"), "asset", "BTC")["total"], "0.25");
    world.stop();
}

#[test]
fn an_account_is_added_trades_and_is_there_again() {
    let directory = Directory::new();
    let config = directory.config();
    let mut world = World::start(&config);
    assert!(!world.lets_in("NEW1", "secret"));
    let add = |logins| Request::AddAccount {
        account: "NEW".to_owned(),
        limits: AccountLimits {
            max_open_orders: Some(2),
            ..AccountLimits::default()
        },
        logins,
    };
    let error = world.refused(&add(vec![login("a", "secret")]));
    assert!(error.contains("a session \"A\" already"), "{error}");
    let mut plain = login("NEW1", "secret");
    plain.password_hash = "secret".to_owned();
    let error = world.refused(&add(vec![plain]));
    assert!(error.contains("not a password's hash"), "{error}");
    let answer = world.must(&add(vec![login("new1", "secret")]));
    assert_eq!(answer.done.len(), 2);
    let error = world.refused(&add(Vec::new()));
    assert!(error.contains("an account \"NEW\" already"), "{error}");
    world.must(&Request::AddSession {
        account: "NEW".to_owned(),
        login: login("NEW2", "other"),
    });
    world.must(&transfer("NEW", "USD", "1000", true));
    let check = |world: &World| {
        assert!(world.lets_in("NEW1", "Secret") && world.lets_in("NEW2", "other"));
        assert!(!world.lets_in("NEW1", "other") && !world.lets_in("NEW3", "secret"));
    };
    check(&world);
    let mut client = Client::login(world.door(), "NEW1", "secret", 1);
    for user_ref in 1..=3 {
        client.enter(user_ref);
    }
    client.wait_for(3);
    assert_eq!(client.refusal(), Some(0x000F), "two open orders are the most");
    world.stop();
    let file = directory.path().join("operator.toml");
    let text = std::fs::read_to_string(&file).expect("it is there");
    assert!(text.contains("$argon2id$") && !text.contains("secret"), "{text}");

    // The same configuration, which does not know the account.
    let mut world = World::start(&config);
    check(&world);
    assert_eq!(world.rows(&orders_of("NEW")).len(), 2);
    world.stop();
    // Without what was remembered the journal and the configuration contradict each other.
    std::fs::remove_file(&file).expect("it is there");
    let error = assembly::start(&config).err().expect("it is refused").to_string();
    assert!(
        error.contains("accounts.NEW") && error.contains("\"NEW1\""),
        "{error}"
    );
}

#[test]
fn a_password_is_changed_and_stays_so_until_the_file_says_otherwise() {
    let directory = Directory::new();
    let mut config = directory.config();
    let change = |username: &str, password: &str| Request::Password {
        login: login(username, password),
    };
    let mut world = World::start(&config);
    world.must(&Request::AddSession {
        account: "A".to_owned(),
        login: login("A2", "first"),
    });
    let mut client = Client::login(world.door(), "A", "demo", 1);
    for (username, password) in [("a", "second"), ("A2", "third")] {
        let answer = world.must(&change(username, password));
        let what = format!("new password for session {}", username.to_uppercase());
        assert_eq!((answer.done.len(), &answer.done[0].what), (1, &what));
    }
    let error = world.refused(&change("NOBODY", "x"));
    assert!(error.contains("no session"), "{error}");
    let mut plain = login("A", "x");
    plain.password_hash = "x".to_owned();
    let error = world.refused(&Request::Password { login: plain });
    assert!(error.contains("not a password's hash"), "{error}");
    client.enter(1);
    client.wait_for(1);
    let check = |world: &World| {
        assert!(world.lets_in("A", "second") && !world.lets_in("A", "demo"));
        assert!(world.lets_in("A2", "third") && !world.lets_in("A2", "first"));
        assert!(world.lets_in("B", "demo"));
    };
    check(&world);
    world.must(&Request::Snapshot {});
    world.stop();
    for entry in std::fs::read_dir(directory.path()).expect("it is there") {
        let path = entry.expect("it can be read").path();
        if path.is_file() && !path.ends_with("operator.toml") {
            let bytes = std::fs::read(&path).expect("it can be read");
            let has_hash = bytes.windows(7).any(|bytes| bytes == b"argon2i");
            assert!(!has_hash, "{}", path.display());
        }
    }

    let world = World::start(&config);
    check(&world);
    world.stop();
    // The file says something new of one of them.
    let hash = Password::chosen("fourth").map(|password| password.hash());
    config.accounts[0].sessions[0].proof = Proof::Hashed(hash.expect("short").expect("there is memory"));
    for _ in 0..2 {
        let mut world = World::start(&config);
        assert!(world.lets_in("A", "fourth") && !world.lets_in("A", "second"));
        assert!(world.lets_in("A2", "third"));
        world.must(&change("A", "fifth"));
        assert!(world.lets_in("A", "fifth") && !world.lets_in("A", "fourth"));
        world.stop();
        let world = World::start(&config);
        assert!(world.lets_in("A", "fifth"), "the hash of the file is what it was");
        world.stop();
        let hash = Password::chosen("fourth").map(|password| password.hash());
        config.accounts[0].sessions[0].proof = Proof::Hashed(hash.expect("short").expect("there is memory"));
    }
}

#[test]
fn an_instrument_is_added_with_its_asset() {
    const DOGE: &str = "[[assets]]\nname = \"DOGE\"\ndecimals = 8\n[[instruments]]\nsymbol = \"DOGE-USD\"\n\
        base = \"DOGE\"\nquote = \"USD\"\ntick_size = \"0.0001\"\nlot_size = \"1\"\nreference_price = \"0.1\"\n\
        max_quantity = 1000\nmax_notional = \"1000\"\ncollar = \"10%\"\nmaker_fee = \"0%\"\ntaker_fee = \"0.1%\"\n\
        volatility = \"5%\"\n";
    let add = |definition: &str| Request::AddInstrument {
        definition: definition.to_owned(),
    };
    let directory = Directory::new();
    let mut config = directory.config();
    let mut world = World::start(&config);
    for (definition, words) in [
        ("nonsense", "remedy"),
        ("", "instruments"),
        (
            &DOGE.replace("0.0001", "0.00001"),
            "instruments.DOGE-USD.tick_size",
        ),
        (&DOGE.replace("DOGE-USD", "BTC-USD"), "already"),
        (&DOGE.replace("base = \"DOGE\"", "base = \"GOD\""), "no asset"),
        (
            &format!("{DOGE}[[accounts]]\nname = \"X\"\n"),
            "only assets and instruments",
        ),
    ] {
        let error = world.refused(&add(definition));
        assert!(error.contains(words), "{definition}: {error}");
    }
    let answer = world.must(&add(DOGE));
    assert_eq!(answer.done.len(), 3, "{answer:?}");
    let row = world.row(&Request::Instruments {}, "instrument", "DOGE-USD");
    assert_eq!(
        (&row["state"], &row["volatility"]),
        (&"pre-open".into(), &"5%".into())
    );
    world.must(&set("DOGE-USD", StateName::Trading));
    world.must(&transfer("A", "DOGE", "12.5", true));
    world.stop();

    // A configuration that has one more of its own goes on behind it.
    let mut more = config.instruments[0];
    more.symbol = protocol::units::Symbol::new("BTC-NEW").expect("short");
    config.instruments.push(more);
    for _ in 0..2 {
        let mut world = World::start(&config);
        let row = world.row(&Request::Instruments {}, "instrument", "DOGE-USD");
        assert_eq!((&row["state"], &row["locate"]), (&"trading".into(), &5.into()));
        let row = world.row(&Request::Instruments {}, "instrument", "BTC-NEW");
        assert_eq!(row["locate"], 6);
        assert_eq!(world.row(&account("A"), "asset", "DOGE")["total"], "12.5");
        world.stop();
    }
}

#[test]
fn fees_and_limits_stay_until_the_file_says_otherwise() {
    let directory = Directory::new();
    let mut config = directory.config();
    let mut world = World::start(&config);
    let fees = |maker: Option<&str>, taker: Option<&str>| Request::Fees {
        instrument: "BTC-USD".to_owned(),
        maker: maker.map(str::to_owned),
        taker: taker.map(str::to_owned),
    };
    world.must(&fees(None, Some("0.05%")));
    let answer = world.must(&fees(None, Some("0.05%")));
    assert_eq!(
        (answer.done.len(), answer.text.as_deref()),
        (0, Some("it is so already"))
    );
    for (request, words) in [
        (fees(Some("-1%"), None), "does not allow it"),
        (fees(Some("0.5"), None), "percentage"),
        (fees(Some("99999999999%"), None), "too large"),
    ] {
        let error = world.refused(&request);
        assert!(error.contains(words), "{error}");
    }
    let limits = |limits| Request::InstrumentLimits {
        instrument: "ETH-USD".to_owned(),
        limits,
    };
    world.must(&limits(InstrumentLimits {
        max_quantity: Some(77),
        max_notional: Some("5000".to_owned()),
        fat_finger: Some("0".to_owned()),
        collar: Some("1%".to_owned()),
        reference_price: Some("2999.99".to_owned()),
        volatility: Some("2%".to_owned()),
        pause: Some(30),
    }));
    for (wrong, words) in [
        (
            InstrumentLimits {
                collar: Some("0%".to_owned()),
                ..InstrumentLimits::default()
            },
            "no order",
        ),
        (
            InstrumentLimits {
                reference_price: Some("0.001".to_owned()),
                ..InstrumentLimits::default()
            },
            "tick",
        ),
    ] {
        let error = world.refused(&limits(wrong));
        assert!(error.contains(words), "{error}");
    }
    let of_account = |count| Request::AccountLimits {
        account: "A".to_owned(),
        limits: AccountLimits {
            max_open_orders: Some(count),
            firm: Some("NEW".to_owned()),
            ..AccountLimits::default()
        },
    };
    world.must(&of_account(7));
    assert!(world.refused(&of_account(0)).contains("kill switch"));
    let check = |world: &mut World, taker: &str| {
        let row = world.row(&Request::Instruments {}, "instrument", "BTC-USD");
        assert_eq!(
            (&row["maker_fee"], &row["taker_fee"]),
            (&"-0.005%".into(), &taker.into())
        );
        let row = world.row(&Request::Instruments {}, "instrument", "ETH-USD");
        assert_eq!(
            (&row["max_quantity"], &row["max_notional"]),
            (&77.into(), &"5000".into())
        );
        assert_eq!((&row["collar"], &row["fat_finger"]), (&"1%".into(), &"0".into()));
        assert_eq!((&row["volatility"], &row["pause"]), (&"2%".into(), &30.into()));
        let about = world.must(&account("A")).about.expect("about");
        assert_eq!(
            (&about["max_open_orders"], &about["firm"]),
            (&7.into(), &"NEW".into())
        );
    };
    check(&mut world, "0.05%");
    world.stop();
    let mut world = World::start(&config);
    check(&mut world, "0.05%");
    world.stop();
    // A limit that nobody changed is the file's, and so is all of an instrument that it says something new of.
    config.instruments[0].taker_fee_ppm = 300;
    let mut world = World::start(&config);
    check(&mut world, "0.03%");
    world.stop();
    config.instruments[1].volatility_ppm = 10_000;
    config.instruments[1].pause_seconds = 60;
    let mut world = World::start(&config);
    let row = world.row(&Request::Instruments {}, "instrument", "ETH-USD");
    assert_eq!((&row["volatility"], &row["pause"]), (&"1%".into(), &60.into()));
    assert_eq!(row["max_quantity"], 50_000_000);
    world.stop();
}

#[test]
fn trading_is_halted_and_killed_and_goes_on() {
    let directory = Directory::new();
    let mut world = World::start(&directory.config());
    let mut client = Client::login(world.door(), "A", "demo", 1);
    let mut user_ref = 0;
    let mut refusal = |client: &mut Client| {
        user_ref += 1;
        client.enter(user_ref);
        client.wait_for(user_ref);
        client.refusal()
    };
    assert_eq!(refusal(&mut client), None);
    let answer = world.must(&set("BTC-USD", StateName::Halted));
    assert_eq!(answer.done[0].what, "BTC-USD: halted");
    assert!(refusal(&mut client).is_some());
    world.must(&Request::State {
        instrument: Some("BTC-USD".to_owned()),
        state: StateName::Auction,
        cross: Some('H'),
    });
    assert_eq!(refusal(&mut client), None, "it is collected");
    world.must(&set("BTC-USD", StateName::Trading));
    assert_eq!(refusal(&mut client), None);
    let all = |state| Request::State {
        instrument: None,
        state,
        cross: None,
    };
    assert_eq!(world.must(&all(StateName::Halted)).done.len(), 4);
    assert_eq!(world.must(&all(StateName::Halted)).done.len(), 0);
    assert_eq!(world.must(&all(StateName::Trading)).done.len(), 4);

    let cancel = |account: Option<&str>, session: Option<&str>, instrument: Option<&str>| Request::Cancel {
        account: account.map(str::to_owned),
        session: session.map(str::to_owned),
        instrument: instrument.map(str::to_owned),
    };
    let answer = world.must(&cancel(Some("A"), Some("a"), Some("ETH-USD")));
    assert_eq!(answer.text.as_deref(), Some("0 orders were canceled"));
    let answer = world.must(&cancel(None, Some("A"), None));
    assert_eq!(answer.text.as_deref(), Some("3 orders were canceled"));
    assert!(
        world
            .refused(&cancel(Some("B"), Some("A"), None))
            .contains("another account's")
    );
    assert!(world.refused(&cancel(None, None, None)).contains("whose"));
    assert_eq!(refusal(&mut client), None, "further ones are taken");

    for account in [Some("A"), None] {
        let answer = world.must(&kill(account, true));
        assert_eq!(answer.text.as_deref(), Some("1 orders were canceled"));
        assert_eq!(refusal(&mut client), Some(0x000C));
        assert_eq!(
            world.row(&Request::Accounts {}, "account", "A")["orders"],
            "killed"
        );
        world.must(&kill(account, false));
        assert_eq!(refusal(&mut client), None);
    }
    world.stop();
}

#[test]
fn the_day_is_ended_and_the_next_one_begins() {
    const SECOND_NS: u64 = 1_000_000_000;
    let directory = Directory::new();
    let now = Arc::new(AtomicU64::new(1_800_000_000 * SECOND_NS));
    let mut world = World::start_by(&directory.config(), Clock::Manual(Arc::clone(&now)));
    let answer = world.must(&Request::Roll {});
    assert_eq!(answer.done.len(), 4 + 1, "{answer:?}");
    assert!(answer.done[4].what.starts_with("system event M"), "{answer:?}");
    assert_eq!(world.must(&Request::Roll {}).done.len(), 0, "it is ending");
    now.fetch_add(31 * SECOND_NS, Ordering::Relaxed);
    world.wait_until("the next day", |world| {
        let row = world.row(&Request::Instruments {}, "instrument", "BTC-USD");
        row["state"] == "trading"
    });
    assert_eq!(world.stop().exchange.day(), 2);
}

#[test]
fn a_day_with_times_is_ended_before_them() {
    const HOUR_NS: u64 = 3_600_000_000_000;
    let directory = Directory::new();
    let mut config = directory.config();
    let hour = |hour: u32| hour * 3_600;
    config.day = Some(engine::config::Day {
        pre_open: hour(7),
        opening_auction: hour(8),
        open: hour(9),
        closing_auction: hour(16),
        close: hour(17),
        roll: hour(18),
    });
    let now = Arc::new(AtomicU64::new(20_000 * 24 * HOUR_NS + 12 * HOUR_NS));
    let mut world = World::start_by(&config, Clock::Manual(Arc::clone(&now)));
    let is_trading = |world: &mut World| {
        // At the very beginning there is none yet.
        let rows = world.rows(&Request::Instruments {});
        rows.iter()
            .any(|row| row["instrument"] == "KSHIBUSD" && row["state"] == "trading")
    };
    world.wait_until("the opening", is_trading);
    let answer = world.must(&Request::Roll {});
    let last = answer.done.last().expect("something was done");
    assert_eq!(last.what, "system event C: end of messages");
    now.fetch_add(HOUR_NS / 100, Ordering::Relaxed);
    world.wait_until("the next day's opening", is_trading);
    assert_eq!(world.stop().exchange.day(), 2);
}

#[test]
fn a_snapshot_is_taken_and_the_exchange_ends_when_asked() {
    let directory = Directory::new();
    let config = directory.config();
    let mut world = World::start(&config);
    let said = |world: &mut World| world.must(&Request::Snapshot {}).text.expect("it says so");
    let first = said(&mut world);
    assert!(first.contains("is on disk"), "{first}");
    assert_eq!(said(&mut world), first, "there is nothing new");
    world.must(&transfer("A", "USD", "1", true));
    assert_ne!(said(&mut world), first);
    world.must(&Request::Stop {});
    world.wait_until("the end", |world| world.running().is_ending());
    assert!(
        world
            .running()
            .notices()
            .iter()
            .any(|line| line.starts_with("stop: "))
    );
    world.stop();
}

#[test]
fn the_journal_says_who_it_was() {
    let directory = Directory::new();
    let mut world = World::start(&directory.config());
    world.must(&transfer("A", "USD", "1", true));
    world.refused(&transfer("A", "USD", "99999999999", false));
    let who = world.must(&kill(Some("A"), true)).done[0].who.clone();
    world.stop();
    let mut operators = Vec::new();
    journal::replay(
        &mut Journal::new(directory.path()),
        ReadOptions::default(),
        |_| {},
        |command, _| {
            operators.extend(command.operator());
            Ok::<_, JournalError>(())
        },
    )
    .expect("the journal is whole");
    assert_eq!(operators.len(), 3, "the refused one too");
    assert!(
        operators
            .iter()
            .all(|user| engine::admin::user_name(*user) == who)
    );
}
