//! `export`: CSV as RFC 4180 wants it, and arrays that NumPy reads.

mod support;

use feed_handler::{Market, Side, decimal};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use support::exchange::command;
use support::{
    Script, added, at, broken, canceled, cross, deleted, directory, executed, hidden_trade, record, replaced,
    stdout_of,
};

fn temporary(name: &str) -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    directory
}

fn export(file: &Path, to: &Path, more: &[&str]) -> Output {
    let mut command = command(&["export", file.to_str().unwrap(), "--to", to.to_str().unwrap()]);
    command.args(more).output().unwrap()
}

/// A day of a few messages, each a second later.
fn small_day() -> Vec<Vec<u8>> {
    let messages = vec![
        directory(1, "A,B", 100),
        directory(2, "SYM2", 10_000),
        added(1, 10, Side::Buy, 150, 99_0000),
        added(1, 11, Side::Sell, 200, 100_5000),
        // Behind the best: no other quote.
        added(1, 12, Side::Sell, 70, 101_0000),
        executed(1, 11, 50, 1),
        hidden_trade(1, 25, 100_0000, 2),
        canceled(1, 10, 50),
        replaced(1, 12, 13, 60, 102_0000),
        deleted(1, 11),
        cross(2, 30_000, 50_0000, 3),
        broken(1, 1),
        executed(1, 10, 100, 4),
    ];
    (1..)
        .zip(messages)
        .map(|(second, message)| at(message, second * 1_000_000_000))
        .collect()
}

#[test]
fn trades_and_quotes_are_tables() {
    let directory = temporary("csv");
    let file = record(&directory.join("day.itch"), &small_day());
    let output = export(&file, &directory.join("out"), &["--format", "csv"]);
    assert!(output.status.success(), "{output:?}");
    let read = |name: &str| fs::read_to_string(directory.join("out").join(name)).unwrap();
    let trades = [
        "timestamp_ns,symbol,price,quantity,aggressor,kind,match_number",
        "6000000000,\"A,B\",100.5000,0.5,buy,displayed,1",
        "7000000000,\"A,B\",100.0000,0.25,,hidden,2",
        "11000000000,SYM2,50.0000,3,,opening,3",
        "12000000000,\"A,B\",,,,broken,1",
        "13000000000,\"A,B\",99.0000,1,sell,displayed,4",
    ];
    assert_eq!(
        read("trades.csv"),
        trades.map(|row| row.to_owned() + "\r\n").concat()
    );
    let quotes = [
        "timestamp_ns,symbol,bid_price,bid_quantity,ask_price,ask_quantity",
        "3000000000,\"A,B\",99.0000,1.5,,",
        "4000000000,\"A,B\",99.0000,1.5,100.5000,2",
        "6000000000,\"A,B\",99.0000,1.5,100.5000,1.5",
        "8000000000,\"A,B\",99.0000,1,100.5000,1.5",
        "10000000000,\"A,B\",99.0000,1,102.0000,0.6",
        "13000000000,\"A,B\",,,102.0000,0.6",
    ];
    assert_eq!(
        read("quotes.csv"),
        quotes.map(|row| row.to_owned() + "\r\n").concat()
    );

    let dated = ["--format", "csv", "--symbol", "SYM2", "--date", "2026-11-27"];
    let output = export(&file, &directory.join("out"), &dated);
    assert!(output.status.success(), "{output:?}");
    let rows: Vec<_> = read("trades.csv").lines().skip(1).map(str::to_owned).collect();
    assert_eq!(rows, ["1795737611000000000,SYM2,50.0000,3,,opening,3"]);
    fs::remove_dir_all(directory).unwrap();
}

const DEPTH: u64 = 1;
const TRADE: u64 = 2;
const ADD: u64 = 10;
const CANCEL: u64 = 11;
const MODIFY: u64 = 12;
const FILL: u64 = 13;
const BOTH: u64 = 0xC000_0000;
const BUY: u64 = 1 << 29;
const SELL: u64 = 1 << 28;

/// `ev` without the flags of both sides, seconds, price, quantity, order.
type Row = (u64, i64, f64, f64, u64);

fn rows(path: &Path) -> Vec<Row> {
    let file = fs::read(path).unwrap();
    assert!(file.starts_with(b"\x93NUMPY\x01\x00"));
    let begin = 10 + usize::from(u16::from_le_bytes([file[8], file[9]]));
    assert_eq!(begin % 64, 0);
    let head = std::str::from_utf8(&file[10..begin]).unwrap();
    assert!(
        head.contains("('order_id', '<u8'), ('ival', '<i8'), ('fval', '<f8')"),
        "{head}"
    );
    let rows: Vec<_> = file[begin..]
        .chunks(64)
        .map(|row| {
            let field = |index: usize| -> [u8; 8] { row[8 * index..8 * index + 8].try_into().unwrap() };
            let ev = u64::from_le_bytes(field(0));
            assert_eq!(ev & BOTH, BOTH);
            let (exchange, local) = (i64::from_le_bytes(field(1)), i64::from_le_bytes(field(2)));
            assert_eq!(local - exchange, 250_000_000);
            (
                ev & !BOTH,
                exchange / 1_000_000_000,
                f64::from_le_bytes(field(3)),
                f64::from_le_bytes(field(4)),
                u64::from_le_bytes(field(5)),
            )
        })
        .collect();
    assert!(head.contains(&format!("'shape': ({},)", rows.len())), "{head}");
    rows
}

#[test]
fn levels_and_orders_are_events() {
    let directory = temporary("events");
    let file = record(&directory.join("day.itch"), &small_day());
    let made = ["--format", "hftbacktest", "--latency", "250ms"];
    let output = export(&file, &directory, &made);
    assert!(output.status.success(), "{output:?}");
    let expected: [Row; 13] = [
        (DEPTH | BUY, 3, 99.0, 1.5, 0),
        (DEPTH | SELL, 4, 100.5, 2.0, 0),
        (DEPTH | SELL, 5, 101.0, 0.7, 0),
        (TRADE | BUY, 6, 100.5, 0.5, 0),
        (DEPTH | SELL, 6, 100.5, 1.5, 0),
        (TRADE, 7, 100.0, 0.25, 0),
        (DEPTH | BUY, 8, 99.0, 1.0, 0),
        (DEPTH | SELL, 9, 101.0, 0.0, 0),
        (DEPTH | SELL, 9, 102.0, 0.6, 0),
        (DEPTH | SELL, 10, 100.5, 0.0, 0),
        (TRADE | SELL, 13, 99.0, 1.0, 0),
        (DEPTH | BUY, 13, 99.0, 0.0, 0),
        (0, 0, 0.0, 0.0, 0),
    ];
    assert_eq!(rows(&directory.join("A-B.npy")), expected[..12]);
    assert_eq!(rows(&directory.join("SYM2.npy")), [(TRADE, 11, 50.0, 3.0, 0)]);

    let one = directory.join("one.npy");
    let output = export(
        &file,
        &one,
        &[&made[..], &["--by", "order", "--symbol", "A,B"]].concat(),
    );
    assert!(output.status.success(), "{output:?}");
    let expected: [Row; 14] = [
        (ADD | BUY, 3, 99.0, 1.5, 10),
        (ADD | SELL, 4, 100.5, 2.0, 11),
        (ADD | SELL, 5, 101.0, 0.7, 12),
        (TRADE | BUY, 6, 100.5, 0.5, 0),
        (FILL | SELL, 6, 100.5, 0.5, 11),
        (MODIFY | SELL, 6, 100.5, 1.5, 11),
        (TRADE, 7, 100.0, 0.25, 0),
        (MODIFY | BUY, 8, 99.0, 1.0, 10),
        (CANCEL | SELL, 9, 101.0, 0.7, 12),
        (ADD | SELL, 9, 102.0, 0.6, 13),
        (CANCEL | SELL, 10, 100.5, 1.5, 11),
        (TRADE | SELL, 13, 99.0, 1.0, 0),
        (FILL | BUY, 13, 99.0, 1.0, 10),
        (CANCEL | BUY, 13, 99.0, 1.0, 10),
    ];
    assert_eq!(rows(&one), expected);
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn levels_of_a_long_day_are_those_of_the_book() {
    let mut script = Script::new(41, 2);
    script.run(5_000);
    let directory = temporary("levels");
    let file = record(&directory.join("day.itch"), &script.messages);
    let output = export(
        &file,
        &directory,
        &["--format", "hftbacktest", "--latency", "250ms"],
    );
    assert!(output.status.success(), "{output:?}");
    let mut market = Market::new(feed_handler::Capacity::default());
    for message in &script.messages {
        market.apply(message).unwrap();
    }
    for locate in [1, 2] {
        let mut levels = std::collections::BTreeMap::new();
        for (ev, _, price, quantity, _) in rows(&directory.join(format!("SYM{locate}.npy"))) {
            if ev & 0xFF == DEPTH {
                levels.insert((ev & BUY, format!("{price:.4}")), quantity);
            }
        }
        levels.retain(|_, quantity| *quantity > 0.0);
        let book = market.book(locate);
        let sides = [(Side::Buy, BUY), (Side::Sell, 0)];
        let expected: std::collections::BTreeMap<_, _> = sides
            .iter()
            .flat_map(|(side, flag)| {
                book.levels(*side).map(move |level| {
                    let price = decimal::price(level.price).to_string();
                    ((*flag, price), level.quantity as f64 / 10_000.0)
                })
            })
            .collect();
        assert_eq!(levels, expected);
    }
    fs::remove_dir_all(directory).unwrap();
}

/// What a Python program says, where its module is installed.
fn python(module: &str, program: &str, file: &Path) -> Option<Output> {
    let python = std::env::var_os("PYTHON").unwrap_or("python3".into());
    let is_there = Command::new(&python)
        .args(["-c", &format!("import {module}")])
        .output();
    if !is_there.is_ok_and(|output| output.status.success()) {
        println!("skipped: python3 with {module} is not installed (PYTHON names another interpreter)");
        return None;
    }
    let output = Command::new(&python)
        .args(["-c", program])
        .arg(file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    Some(output)
}

#[test]
fn hftbacktest_means_the_same() {
    let directory = temporary("hftbacktest");
    let file = record(&directory.join("day.itch"), &small_day());
    let to = directory.join("day.npy");
    let program = "import sys, numpy, hftbacktest as h\n\
                   from hftbacktest.data.validation import validate_event_order\n\
                   rows = numpy.load(sys.argv[1])\n\
                   assert rows.dtype == h.types.event_dtype, rows.dtype\n\
                   validate_event_order(rows)\n\
                   names = 'DEPTH TRADE ADD_ORDER CANCEL_ORDER MODIFY_ORDER FILL EXCH LOCAL BUY SELL'.split()\n\
                   print(*[getattr(h.types, name + '_EVENT') for name in names])";
    for by in ["price", "order"] {
        let arguments = ["--format", "hftbacktest", "--symbol", "A,B", "--by", by];
        let output = export(&file, &to, &arguments);
        assert!(output.status.success(), "{output:?}");
        let Some(output) = python("hftbacktest", program, &to) else {
            return;
        };
        let ours = [
            DEPTH,
            TRADE,
            ADD,
            CANCEL,
            MODIFY,
            FILL,
            1 << 31,
            1 << 30,
            BUY,
            SELL,
        ]
        .map(|value| value.to_string());
        assert_eq!(stdout_of(&output), ours.join(" ") + "\n");
    }
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn numpy_reads_it() {
    let directory = temporary("numpy");
    let file = record(&directory.join("day.itch"), &small_day());
    let to = directory.join("day.npy");
    let output = export(&file, &to, &["--format", "hftbacktest", "--symbol", "A,B"]);
    assert!(output.status.success(), "{output:?}");
    let program = "import sys, numpy\n\
                   rows = numpy.load(sys.argv[1])\n\
                   kind = numpy.dtype([(n, t) for n, t in zip('ev exch_ts local_ts px qty order_id ival fval'.split(), \
                   'u8 i8 i8 f8 f8 u8 i8 f8'.split())], align=True)\n\
                   assert rows.dtype == kind and rows.dtype.itemsize == 64, rows.dtype\n\
                   assert numpy.all(numpy.diff(rows['exch_ts']) >= 0)\n\
                   print(len(rows), rows['px'].max())";
    let Some(output) = python("numpy", program, &to) else {
        return;
    };
    assert_eq!(stdout_of(&output), "12 102.0\n");
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn what_cannot_be_exported_is_told() {
    let directory = temporary("refused");
    let start = support::system_event(b'O');
    let day = [vec![start], small_day()].concat();
    let file = record(&directory.join("day.itch"), &day);
    let two = record(&directory.join("two.itch"), &[day.clone(), day].concat());
    let npy = directory.join("x.npy");
    let garbage = directory.join("garbage.itch");
    fs::write(&garbage, vec![7; 100_000]).unwrap();
    let late = ["--format", "hftbacktest", "--symbol", "SYM2", "--latency", "2h"];
    let table: [(i32, &str, Output); 7] = [
        (2, "an hour at most", export(&file, &npy, &late)),
        (
            1,
            "is cut",
            export(&garbage, &directory, &["--format", "csv", "--symbol", "SYM2"]),
        ),
        (
            2,
            "give --symbol",
            export(&file, &npy, &["--format", "hftbacktest"]),
        ),
        (2, "several days", export(&two, &directory, &["--format", "csv"])),
        (2, "is a file", export(&file, &file, &["--format", "csv"])),
        (
            5,
            "SYM2",
            export(&file, &npy, &["--format", "hftbacktest", "--symbol", "SYM9"]),
        ),
        (
            1,
            "cannot read",
            export(&directory.join("none"), &directory, &["--format", "csv"]),
        ),
    ];
    for (code, message, output) in table {
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert!(
            String::from_utf8_lossy(&output.stderr).contains(message),
            "{output:?}"
        );
    }
    fs::remove_dir_all(directory).unwrap();
}
