//! How fast a subscriber reads a day: ITCH messages a second from a file, decoded, and into the books of all instruments.
//!
//! The day is made up from a seed (`benches::day`), written into a temporary file, and read from it in each run by each contender
//! in turn; the kernel has it in memory. `reading` only finds the records. `decoding` calls a handler's method for each message
//! and reads its fields; `itch5` is a public decoder that does the same. `books` are ours, by order and by price level;
//! `one at a time` gives them one message after the other, `together` lets them look ahead. `itch5 and std` are books as one
//! writes them first, behind that decoder: a hash map of orders and a B-tree of price levels, without queues.
//! With `ITCHCPP_PYTHON` naming a Python that has itchcpp, a public parser with books in C++, that one reads the file too.
//!
//! The floor of memory: loads of 32 bytes apart at random from a table as large as the nodes of the orders left at the end,
//! none waiting for another.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use benches::day::{Day, Plan};
use benches::document::{self, Table};
use benches::report::thousands;
use benches::{Mode, Options, Spread, machine};
use feed_handler::file::{ItchFile, Records};
use feed_handler::handler::dispatch;
use feed_handler::{Capacity, Handler, Market};
use itch5::messages as theirs;
use itch5::{MessageHandler, Parser};
use protocol::market_data::messages::{
    AddOrder, AddOrderAttributed, OrderCancel, OrderDelete, OrderExecuted, OrderReplace,
};
use protocol::testing::Random;

/// Messages and instruments of the smoke test.
const SMOKE: (u64, u16) = (50_000, 50);
/// The books after it, on every machine.
const SMOKE_DIGEST: u64 = 0x2996_02b6_bbe1_5c94;
/// Bytes of an order's node.
const NODE_BYTES: usize = 32;
/// Loads of the floor.
const LOADS: u32 = 10_000_000;

/// What makes itchcpp read a file, and tell the seconds.
const ITCHCPP: &str = "\
import sys, time
from itchcpp.book import BookManager
data = open(sys.argv[1], 'rb').read()
books = BookManager()
began = time.perf_counter()
books.process_stream(data)
print(time.perf_counter() - began)
";

fn main() -> ExitCode {
    Mode::run(smoke, |options| {
        let text = measure(options)?;
        if options.write {
            document::write("feed", &text)?;
        }
        Ok(())
    })
}

fn smoke() {
    let file = Temporary::with(Plan::new(SMOKE.0, SMOKE.1)).expect("there is room for a small file");
    let together = books(&file.path, true);
    assert_eq!(
        together.books().digest(),
        books(&file.path, false).books().digest()
    );
    assert_eq!(together.statistics().error_count(), 0);
    assert_eq!(together.books().order_count(), file.resting);
    assert_eq!(together.books().digest(), SMOKE_DIGEST);
    assert_eq!(decoded(&file.path), decoded_by_itch5(&file.path));
    let levels: usize = (1..=SMOKE.1)
        .map(|locate| {
            let book = together.book(locate);
            [feed_handler::Side::Buy, feed_handler::Side::Sell]
                .map(|side| book.levels(side).count())
                .iter()
                .sum::<usize>()
        })
        .sum();
    assert_eq!(std_books(&file.path).level_count(), levels);
    assert_eq!(reading(&file.path), SMOKE.0);
}

/// Reads a file in its way.
type Contender = fn(&Path);

/// What is measured, in the order of the table.
const CONTENDERS: [(&str, Contender); 6] = [
    ("reading", |path| _ = black_box(reading(path))),
    ("decoding", |path| _ = black_box(decoded(path))),
    ("decoding, itch5", |path| _ = black_box(decoded_by_itch5(path))),
    ("books, one at a time", |path| drop(black_box(books(path, false)))),
    ("books, together", |path| drop(black_box(books(path, true)))),
    ("books, itch5 and std", |path| drop(black_box(std_books(path)))),
];

fn measure(options: &Options) -> Result<String, String> {
    let plan = Plan::new(u64::from(options.messages), options.instruments);
    let file = Temporary::with(plan).map_err(|error| format!("cannot write the day: {error}"))?;
    let mut times = vec![Vec::new(); CONTENDERS.len()];
    let (mut floors, mut strangers) = (Vec::new(), Vec::new());
    let stranger = std::env::var_os("ITCHCPP_PYTHON");
    for run in 0..options.runs {
        for ((_, contender), times) in CONTENDERS.iter().zip(&mut times) {
            let began = Instant::now();
            contender(&file.path);
            times.push(began.elapsed());
        }
        floors.push(floor(file.resting));
        if let (Some(python), 0) = (&stranger, run) {
            strangers.push(itchcpp(Path::new(python), &file.path)?);
        }
    }
    let mut rows: Vec<_> = CONTENDERS.iter().map(|(name, _)| *name).zip(times).collect();
    if !strangers.is_empty() {
        rows.push(("books, itchcpp (one run)", strangers));
    }
    let mut table = Table::new(&["", "M messages/s", "ns a message"]);
    for (name, times) in rows {
        let ns = |time: &Duration| time.as_secs_f64() * 1e9 / plan.messages as f64;
        let each = Spread::of(times.iter().map(ns));
        let rate = Spread::of(times.iter().map(|time| 1e3 / ns(time)));
        table.row([name.to_owned(), rate.to_string(), each.to_string()]);
    }
    let text = format!(
        "{}\n\nCommand: `cargo bench -p benches --bench feed -- --messages {} --instruments {} --runs {} --write`.\n\n\
         {} messages, {} instruments, {} orders left at the end, {} MB; {} runs: median (least-most).\n\n{table}\n\
         A load at random from a table of {} KB, none waiting for another: {} ns.\n",
        machine::line(),
        options.messages,
        options.instruments,
        options.runs,
        thousands(plan.messages),
        thousands(u64::from(plan.instruments)),
        thousands(file.resting as u64),
        file.bytes / 1_000_000,
        options.runs,
        file.resting * NODE_BYTES / 1_000,
        Spread::of(floors),
    );
    println!("{text}");
    Ok(text)
}

/// A day in a file that goes when this does.
struct Temporary {
    path: PathBuf,
    bytes: u64,
    resting: usize,
}

impl Temporary {
    fn with(plan: Plan) -> std::io::Result<Self> {
        let name = format!("day-{}-{}.itch", std::process::id(), plan.messages);
        let mut file = Self {
            path: std::env::temp_dir().join(name),
            bytes: 0,
            resting: 0,
        };
        let mut out = BufWriter::with_capacity(1 << 20, File::create(&file.path)?);
        let mut day = Day::new(plan);
        while let Some(record) = day.next_record() {
            out.write_all(record)?;
            file.bytes += record.len() as u64;
        }
        out.flush()?;
        file.resting = day.resting();
        Ok(file)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            eprintln!("{}: {error}", self.path.display());
        }
    }
}

/// Gives the pieces of a file to `take`.
fn pieces(path: &Path, mut take: impl FnMut(Records<'_>)) {
    let mut file = ItchFile::open(path).expect("the file is there");
    while let Some(records) = file.next_piece().expect("its records are whole") {
        take(records);
    }
}

/// How many records it has.
fn reading(path: &Path) -> u64 {
    let mut count = 0;
    pieces(path, |records| count += records.count() as u64);
    count
}

/// The sum of what the messages about orders say.
fn decoded(path: &Path) -> u64 {
    let mut sum = Sum(0);
    pieces(path, |records| {
        for message in records {
            dispatch(message, &mut sum).expect("all are well formed");
        }
    });
    sum.0
}

fn decoded_by_itch5(path: &Path) -> u64 {
    let mut sum = Sum(0);
    pieces(path, |records| {
        Parser::new(records.into_bytes())
            .parse_stream(&mut sum)
            .expect("all are well formed");
    });
    sum.0
}

fn books(path: &Path, together: bool) -> Market {
    let mut market = Market::new(Capacity::default());
    pieces(path, |records| {
        if together {
            market.apply_all(records, |_, _, result| result.expect("all are well formed"));
        } else {
            for message in records {
                market.apply(message).expect("all are well formed");
            }
        }
    });
    market
}

fn std_books(path: &Path) -> StdBooks {
    let mut books = StdBooks::default();
    pieces(path, |records| {
        Parser::new(records.into_bytes())
            .parse_stream(&mut books)
            .expect("all are well formed");
    });
    books
}

/// Adds up fields.
struct Sum(u64);

impl Sum {
    fn add(&mut self, number: u64, quantity: u32, price: u32) {
        let word = number ^ u64::from(quantity) << 32 ^ u64::from(price);
        self.0 = self.0.wrapping_add(word);
    }
}

impl Handler for Sum {
    fn add_order(&mut self, message: &AddOrder) {
        let number = message.order_reference_number.get();
        self.add(number, message.shares.get(), message.price.get());
    }

    fn add_order_attributed(&mut self, message: &AddOrderAttributed) {
        let number = message.order_reference_number.get();
        self.add(number, message.shares.get(), message.price.get());
    }

    fn order_executed(&mut self, message: &OrderExecuted) {
        self.add(
            message.order_reference_number.get(),
            message.executed_shares.get(),
            0,
        );
    }

    fn order_cancel(&mut self, message: &OrderCancel) {
        self.add(
            message.order_reference_number.get(),
            message.cancelled_shares.get(),
            0,
        );
    }

    fn order_delete(&mut self, message: &OrderDelete) {
        self.add(message.order_reference_number.get(), 0, 0);
    }

    fn order_replace(&mut self, message: &OrderReplace) {
        let number = message.new_order_reference_number.get();
        self.add(number, message.shares.get(), message.price.get());
    }
}

impl MessageHandler for Sum {
    fn on_add_order_no_mpid_attribution(
        &mut self,
        message: &theirs::AddOrderNoMPIDAttribution,
    ) -> ControlFlow<()> {
        let number = message.order_reference_number();
        self.add(number, message.shares(), message.price().into_u32());
        ControlFlow::Continue(())
    }

    fn on_add_order_with_mpid_attribution(
        &mut self,
        message: &theirs::AddOrderWithMPIDAttribution,
    ) -> ControlFlow<()> {
        let number = message.order_reference_number();
        self.add(number, message.shares(), message.price().into_u32());
        ControlFlow::Continue(())
    }

    fn on_order_executed(&mut self, message: &theirs::OrderExecuted) -> ControlFlow<()> {
        self.add(message.order_reference_number(), message.executed_shares(), 0);
        ControlFlow::Continue(())
    }

    fn on_order_cancel(&mut self, message: &theirs::OrderCancel) -> ControlFlow<()> {
        self.add(message.order_reference_number(), message.cancelled_shares(), 0);
        ControlFlow::Continue(())
    }

    fn on_order_delete(&mut self, message: &theirs::OrderDelete) -> ControlFlow<()> {
        self.add(message.order_reference_number(), 0, 0);
        ControlFlow::Continue(())
    }

    fn on_order_replace(&mut self, message: &theirs::OrderReplace) -> ControlFlow<()> {
        let number = message.new_order_reference_number();
        self.add(number, message.shares(), message.price().into_u32());
        ControlFlow::Continue(())
    }
}

#[derive(Clone, Copy)]
struct StdOrder {
    locate: u16,
    side: usize,
    price: u32,
    quantity: u32,
}

/// Books of the standard library's collections, without queues.
#[derive(Default)]
struct StdBooks {
    orders: HashMap<u64, StdOrder>,
    levels: Vec<[BTreeMap<u32, u64>; 2]>,
}

impl StdBooks {
    fn add(&mut self, number: u64, order: StdOrder) -> ControlFlow<()> {
        let index = usize::from(order.locate);
        if index >= self.levels.len() {
            self.levels.resize_with(index + 1, Default::default);
        }
        *self.levels[index][order.side].entry(order.price).or_insert(0) += u64::from(order.quantity);
        self.orders.insert(number, order);
        ControlFlow::Continue(())
    }

    fn reduce(&mut self, number: u64, quantity: u32) -> ControlFlow<()> {
        if let Some(order) = self.orders.get_mut(&number) {
            order.quantity -= quantity;
            let (order, is_gone) = (*order, order.quantity == 0);
            self.lower(order, quantity);
            if is_gone {
                self.orders.remove(&number);
            }
        }
        ControlFlow::Continue(())
    }

    fn delete(&mut self, number: u64) -> Option<StdOrder> {
        let order = self.orders.remove(&number)?;
        self.lower(order, order.quantity);
        Some(order)
    }

    fn lower(&mut self, order: StdOrder, quantity: u32) {
        let side = &mut self.levels[usize::from(order.locate)][order.side];
        if let Some(level) = side.get_mut(&order.price) {
            *level -= u64::from(quantity);
            if *level == 0 {
                side.remove(&order.price);
            }
        }
    }

    fn level_count(&self) -> usize {
        let sides = |book: &[BTreeMap<u32, u64>; 2]| book[0].len() + book[1].len();
        self.levels.iter().map(sides).sum()
    }
}

fn side(indicator: theirs::BuySellIndicator) -> usize {
    usize::from(matches!(indicator, theirs::BuySellIndicator::Sell))
}

impl MessageHandler for StdBooks {
    fn on_add_order_no_mpid_attribution(
        &mut self,
        message: &theirs::AddOrderNoMPIDAttribution,
    ) -> ControlFlow<()> {
        let order = StdOrder {
            locate: message.stock_locate(),
            side: side(message.buy_sell_indicator()),
            price: message.price().into_u32(),
            quantity: message.shares(),
        };
        self.add(message.order_reference_number(), order)
    }

    fn on_add_order_with_mpid_attribution(
        &mut self,
        message: &theirs::AddOrderWithMPIDAttribution,
    ) -> ControlFlow<()> {
        let order = StdOrder {
            locate: message.stock_locate(),
            side: side(message.buy_sell_indicator()),
            price: message.price().into_u32(),
            quantity: message.shares(),
        };
        self.add(message.order_reference_number(), order)
    }

    fn on_order_executed(&mut self, message: &theirs::OrderExecuted) -> ControlFlow<()> {
        self.reduce(message.order_reference_number(), message.executed_shares())
    }

    fn on_order_executed_with_price(&mut self, message: &theirs::OrderExecutedWithPrice) -> ControlFlow<()> {
        self.reduce(message.order_reference_number(), message.executed_shares())
    }

    fn on_order_cancel(&mut self, message: &theirs::OrderCancel) -> ControlFlow<()> {
        self.reduce(message.order_reference_number(), message.cancelled_shares())
    }

    fn on_order_delete(&mut self, message: &theirs::OrderDelete) -> ControlFlow<()> {
        self.delete(message.order_reference_number());
        ControlFlow::Continue(())
    }

    fn on_order_replace(&mut self, message: &theirs::OrderReplace) -> ControlFlow<()> {
        if let Some(old) = self.delete(message.original_order_reference_number()) {
            let order = StdOrder {
                price: message.price().into_u32(),
                quantity: message.shares(),
                ..old
            };
            return self.add(message.new_order_reference_number(), order);
        }
        ControlFlow::Continue(())
    }
}

/// How long itchcpp takes for the file, which it has in memory.
fn itchcpp(python: &Path, path: &Path) -> Result<Duration, String> {
    let output = Command::new(python)
        .args(["-c", ITCHCPP])
        .arg(path)
        .output()
        .map_err(|error| format!("{}: {error}", python.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let seconds: f64 = text.trim().parse().map_err(|_| {
        format!(
            "itchcpp told no seconds: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        )
    })?;
    Ok(Duration::from_secs_f64(seconds))
}

/// Nanoseconds of a load at random from a table of so many nodes.
fn floor(nodes: usize) -> f64 {
    let words = NODE_BYTES / size_of::<u64>();
    let table: Vec<u64> = (0..(nodes.max(1) * words) as u64).collect();
    let mut random = Random::new(1);
    let began = Instant::now();
    let mut sum = 0_u64;
    for _ in 0..LOADS {
        let place = random.below(nodes.max(1) as u64) as usize;
        sum = sum.wrapping_add(table[place * words]);
    }
    black_box(sum);
    began.elapsed().as_nanos() as f64 / f64::from(LOADS)
}
