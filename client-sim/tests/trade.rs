//! Order entry by hand as a person does it: the program against a running exchange, and what it says.

use std::process::{Command, Output};

use engine::assembly::{self, Running};
use engine::config::{Config, Durability};

struct Trading {
    exchange: Running,
}

impl Trading {
    fn begin() -> Self {
        let mut config = Config::built_in();
        config.network.use_free_ports();
        config.journal.durability = Durability::None;
        let exchange = assembly::start_telling(&config, |_| {}).unwrap_or_else(|error| panic!("{error}"));
        Self { exchange }
    }

    fn run(&self, account: &str, words: &str) -> Output {
        let server = self.exchange.addresses().order_entry_tcp.to_string();
        Command::new(env!("CARGO_BIN_EXE_client-sim"))
            .args(["trade", "--server", &server, "--account", account])
            .args(words.split_whitespace())
            .output()
            .expect("the binary of this package runs")
    }

    /// What it says, and its exit code.
    fn says(&self, account: &str, words: &str) -> (String, Option<i32>) {
        let output = self.run(account, words);
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        (text.trim_end().to_owned(), output.status.code())
    }

    #[track_caller]
    fn good(&self, account: &str, words: &str, part: &str) {
        let (text, code) = self.says(account, words);
        assert!(code == Some(0) && text.contains(part), "{words}: {code:?} {text}");
    }

    #[track_caller]
    fn refused(&self, account: &str, words: &str, sentence: &str) {
        let (text, code) = self.says(account, words);
        assert_ne!(code, Some(0), "{words}");
        assert!(text.contains(sentence), "{words}:\n{text}\nwithout:\n{sentence}");
    }
}

#[test]
fn a_person_trades_and_understands_every_refusal() {
    let trading = Trading::begin();
    // What the client sees before it asks.
    trading.refused(
        "A",
        "buy BTC 1 --market",
        "there is no instrument BTC; there are BTC-USD, ETH-USD",
    );
    trading.refused(
        "A",
        "buy BTC-USD 0.00001 --limit 60000",
        "quantity 0.00001: must be a multiple of 0.0001",
    );
    trading.refused(
        "A",
        "buy BTC-USD 0.01 --limit 60000.001",
        "price 60000.001: must be a multiple of 0.01",
    );
    trading.refused(
        "A",
        "buy BTC-USD 5000 --limit 60000",
        "quantity 5000: one order may have at most 1000 BTC",
    );
    trading.refused("A", "buy BTC-USD 0 --market", "quantity 0: must be above zero");
    trading.refused("A", "buy BTC-USD -1 --market", "quantity -1: must be above zero");
    trading.refused("A", "buy BTC-USD 1,5 --market", "write it with a point: 1.5");
    trading.refused("A", "buy BTC-USD 0.01", "at what price? `--limit PRICE`");
    trading.refused("A", "balance EUR", "there is no such asset");
    trading.refused(
        "A",
        "replace 99 1 1",
        "order 99 is not open; `orders` lists those that are",
    );
    trading.refused("A", "status 99", "order 99 is not known");
    trading.refused("NOBODY", "balance", "check user name and password");

    // Before the first trade there is no price to measure by.
    trading.refused(
        "A",
        "buy BTC-USD 0.01 --limit 90000",
        "refused: the price 90000 is more than 10% above the reference price (nothing has traded yet)",
    );
    trading.refused("A", "buy BTC-USD 0.01 --market", "nothing more to trade with");
    trading.refused(
        "A",
        "buy BTC-USD --market --funds 100",
        "there is no price to measure the funds by",
    );
    trading.good(
        "A",
        "sell BTC-USD 0.02 --limit 60000",
        "live; 0.02 open (`cancel 3` takes it back)",
    );
    trading.good(
        "B",
        "buy BTC-USD 0.01 --market",
        "filled; 0.01 executed at 60000 on average, worth 600 USD",
    );
    trading.refused(
        "B",
        "cancel 1",
        "filled; 0.01 executed at 60000 on average, worth 600 USD",
    );
    trading.good(
        "A",
        "ticker BTC-USD",
        "last 60000 x 0.01, bid none, ask 60000 x 0.01",
    );

    // What the exchange refuses, with figures.
    trading.refused(
        "A",
        "buy BTC-USD 100 --limit 60000",
        "refused: not enough USD: 6001200.00 needed, 1000600.03 available",
    );
    trading.refused(
        "A",
        "sell BTC-USD 50 --limit 61000",
        "refused: not enough BTC: 50 needed, 19.98 available (0.01 more are held by open orders",
    );
    trading.refused(
        "A",
        "buy BTC-USD 0.01 --limit 90000",
        "refused: the price 90000 is too far above the last trade, 60000: at most 66000 is possible (10%)",
    );
    trading.refused(
        "A",
        "sell BTC-USD 0.01 --limit 50000",
        "refused: the price 50000 is too far below the last trade, 60000: at least 54000 is possible (10%)",
    );
    trading.refused(
        "A",
        "buy BTC-USD 900 --limit 60000",
        "the order is worth 54000000.00 USD, far more than usual",
    );
    trading.refused("A", "replace 3 50 61000", "not enough BTC: ");

    // Stops wait, and are told to.
    trading.good(
        "A",
        "sell BTC-USD 0.01 --limit 57000 --stop 58000",
        "it waits for a trade at 58000 or below",
    );
    trading.good("A", "orders", "57000");
    trading.good("A", "cancel all", "2 orders canceled");
    trading.good("A", "orders", "no open orders");
    trading.good("A", "balance BTC", "19.99");
    trading.exchange.stop().expect("it ends in order");
}
