//! All instruments together: a [`Handler`] that keeps books, directory and last trades.
//!
//! Must not be here: sequence numbers and sockets; a market believes the order in which messages come.

use crate::auction::{AuctionKind, Cross, Imbalance};
use crate::book::{BookError, BookView, Books, Capacity, Hit};
use crate::handler::{Handler, dispatch};
use crate::side::Side;
use crate::ticker::{Instrument, Quote, Trade, TradeKind};
use protocol::Malformed;
use protocol::market_data::messages::{
    AddOrder, AddOrderAttributed, BrokenTrade, CrossTrade, Noii, OrderCancel, OrderDelete, OrderExecuted,
    OrderExecutedWithPrice, OrderReplace, StockDirectory, StockTradingAction, SystemEvent,
    Trade as TradeMessage,
};
use protocol::market_data::values::event_code;
use std::collections::HashMap;

/// Counts of what a market has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarketStatistics {
    /// Messages by type byte.
    pub messages: [u64; 256],
    /// Messages too short or too long for their type, dropped.
    pub malformed: u64,
    /// Messages of a type that ITCH does not define, ignored.
    pub unknown: u64,
    /// Messages that did not fit their book, by [`BookError`] in the order of [`BookError::ALL`].
    pub errors: [u64; BookError::COUNT],
    /// Trades reported, of all days.
    pub trades: u64,
    /// Trades broken after the fact (ITCH `B`); last trade and volume stay as they were.
    pub broken_trades: u64,
}

impl MarketStatistics {
    /// All messages.
    pub fn total(&self) -> u64 {
        self.messages.iter().sum()
    }

    /// How often a message did not fit in this way.
    pub fn error(&self, error: BookError) -> u64 {
        self.errors[error as usize]
    }

    /// Messages that did not fit their book, in whichever way.
    pub fn error_count(&self) -> u64 {
        self.errors.iter().sum()
    }
}

/// The market of one trading day: that of the last one, where messages of several follow each other.
#[derive(Debug)]
pub struct Market {
    books: Books,
    instruments: Vec<Instrument>,
    locates: HashMap<[u8; 8], u16>,
    statistics: MarketStatistics,
    trade: Option<Trade>,
    touched: u16,
    system_event: u8,
    overflow: Option<BookError>,
}

impl Market {
    /// An empty market.
    pub fn new(capacity: Capacity) -> Self {
        Self {
            books: Books::new(capacity),
            instruments: Vec::with_capacity(usize::from(capacity.instruments) + 1),
            locates: HashMap::with_capacity(2 * usize::from(capacity.instruments)),
            statistics: MarketStatistics {
                messages: [0; 256],
                malformed: 0,
                unknown: 0,
                errors: [0; BookError::COUNT],
                trades: 0,
                broken_trades: 0,
            },
            trade: None,
            touched: 0,
            system_event: b' ',
            overflow: None,
        }
    }

    /// Forgets everything but the statistics: a new trading day.
    pub fn clear(&mut self) {
        self.books.clear();
        self.instruments.clear();
        self.locates.clear();
        self.trade = None;
        self.touched = 0;
        self.system_event = b' ';
        self.overflow = None;
    }

    /// Takes in the next message of the stream. A malformed one is counted and changes nothing.
    pub fn apply(&mut self, message: &[u8]) -> Result<(), Malformed> {
        self.trade = None;
        self.touched = 0;
        match dispatch(message, self) {
            Ok(()) => {
                let count = &mut self.statistics.messages[usize::from(message.first().copied().unwrap_or(0))];
                *count = count.wrapping_add(1);
                Ok(())
            }
            Err(malformed) => {
                self.statistics.malformed += 1;
                Err(malformed)
            }
        }
    }

    /// The trade that the last applied message reported.
    pub fn trade(&self) -> Option<Trade> {
        self.trade
    }

    /// The instrument whose book the last applied message changed, 0 when none.
    pub fn touched(&self) -> u16 {
        self.touched
    }

    /// The books.
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// One instrument's book; empty for a locate that never occurred.
    pub fn book(&self, locate: u16) -> BookView<'_> {
        self.books.book(locate)
    }

    /// The instruments the feed has named, by locate.
    pub fn instruments(&self) -> impl Iterator<Item = &Instrument> {
        self.instruments
            .iter()
            .filter(|instrument| instrument.locate != 0)
    }

    /// One instrument; `None` while the feed has not named it.
    pub fn instrument(&self, locate: u16) -> Option<&Instrument> {
        self.instruments
            .get(usize::from(locate))
            .filter(|instrument| instrument.locate != 0)
    }

    /// The locate of a symbol of eight characters.
    pub fn find(&self, symbol: [u8; 8]) -> Option<u16> {
        self.locates.get(&symbol).copied()
    }

    /// An instrument with its best prices.
    pub fn quote(&self, locate: u16) -> Option<Quote> {
        let book = self.book(locate);
        self.instrument(locate).map(|instrument| Quote {
            instrument: *instrument,
            bid: book.best(Side::Buy),
            ask: book.best(Side::Sell),
        })
    }

    /// Counts so far.
    pub fn statistics(&self) -> &MarketStatistics {
        &self.statistics
    }

    /// The last system event: `O` `S` `Q` `M` `E` `C`; a space before the first.
    pub fn system_event(&self) -> u8 {
        self.system_event
    }

    /// Set once the market did not fit the capacity: its books are incomplete until [`Market::clear`].
    pub fn overflow(&self) -> Option<BookError> {
        self.overflow
    }

    fn note(&mut self, locate: u16, result: Result<(), BookError>) {
        self.touched = locate;
        let Err(error) = result else { return };
        self.statistics.errors[error as usize] += 1;
        if error.is_capacity() && self.overflow.is_none() {
            self.overflow = Some(error);
        }
    }

    /// The place of an instrument, made when it is new.
    fn entry(&mut self, locate: u16) -> Option<&mut Instrument> {
        let index = usize::from(locate);
        if index >= self.instruments.len() {
            if let Err(error) = self.books.open(locate) {
                self.note(locate, Err(error));
                return None;
            }
            self.instruments.resize(index + 1, Instrument::UNNAMED);
        }
        self.instruments.get_mut(index)
    }

    fn traded(&mut self, trade: Trade) {
        if let Some(instrument) = self.entry(trade.locate) {
            instrument.last = Some(trade);
            instrument.trades += 1;
            instrument.volume = instrument.volume.saturating_add(trade.quantity);
        }
        self.statistics.trades += 1;
        self.trade = Some(trade);
    }

    fn add(&mut self, message: &AddOrder, attribution: [u8; 4]) {
        let locate = message.stock_locate.get();
        let result = match Side::from_byte(message.buy_sell_indicator) {
            None => Err(BookError::UndefinedSide),
            Some(side) => self.books.add(
                locate,
                message.order_reference_number.get(),
                side,
                message.shares.get(),
                message.price.get(),
                attribution,
            ),
        };
        self.note(locate, result);
    }

    fn reduce(&mut self, locate: u16, number: u64, quantity: u32) -> Option<Hit> {
        let result = self.books.reduce(locate, number, quantity);
        self.note(locate, result.map(drop));
        result.ok()
    }
}

impl Handler for Market {
    fn system_event(&mut self, message: &SystemEvent) {
        if message.event_code == event_code::START_OF_MESSAGES {
            // What the day before left is told anew, and under other numbers.
            self.clear();
        }
        self.system_event = message.event_code;
    }

    fn stock_directory(&mut self, message: &StockDirectory) {
        let locate = message.stock_locate.get();
        let Some(instrument) = self.entry(locate) else {
            return;
        };
        let renamed =
            (instrument.locate != 0 && instrument.symbol != message.stock).then_some(instrument.symbol);
        instrument.locate = locate;
        instrument.symbol = message.stock;
        instrument.lots_per_unit = message.round_lot_size.get().max(1);
        if let Some(old) = renamed {
            self.locates.remove(&old);
        }
        self.locates.insert(message.stock, locate);
    }

    fn stock_trading_action(&mut self, message: &StockTradingAction) {
        if let Some(instrument) = self.entry(message.stock_locate.get()) {
            instrument.state = message.trading_state;
            // What was said of the auction before holds no more: it has ended, or another begins.
            instrument.imbalance = None;
        }
    }

    fn add_order(&mut self, message: &AddOrder) {
        self.add(message, *b"    ");
    }

    fn add_order_attributed(&mut self, message: &AddOrderAttributed) {
        let plain = AddOrder {
            message_type: b'A',
            stock_locate: message.stock_locate,
            tracking_number: message.tracking_number,
            timestamp: message.timestamp,
            order_reference_number: message.order_reference_number,
            buy_sell_indicator: message.buy_sell_indicator,
            shares: message.shares,
            stock: message.stock,
            price: message.price,
        };
        self.add(&plain, message.attribution);
    }

    fn order_executed(&mut self, message: &OrderExecuted) {
        let locate = message.stock_locate.get();
        let quantity = message.executed_shares.get();
        if let Some(hit) = self.reduce(locate, message.order_reference_number.get(), quantity) {
            self.traded(Trade {
                locate,
                kind: TradeKind::Displayed,
                cross: None,
                aggressor: Some(hit.side.opposite()),
                price: hit.price,
                quantity: u64::from(quantity),
                match_number: message.match_number.get(),
                timestamp: message.timestamp.get(),
            });
        }
    }

    fn order_executed_with_price(&mut self, message: &OrderExecutedWithPrice) {
        let locate = message.stock_locate.get();
        let quantity = message.executed_shares.get();
        let hit = self.reduce(locate, message.order_reference_number.get(), quantity);
        // Not printable: the volume comes once, in the cross trade.
        if message.printable == b'Y' {
            self.traded(Trade {
                locate,
                kind: TradeKind::Displayed,
                cross: None,
                aggressor: hit.map(|hit| hit.side.opposite()),
                price: message.execution_price.get(),
                quantity: u64::from(quantity),
                match_number: message.match_number.get(),
                timestamp: message.timestamp.get(),
            });
        }
    }

    fn order_cancel(&mut self, message: &OrderCancel) {
        let number = message.order_reference_number.get();
        self.reduce(message.stock_locate.get(), number, message.cancelled_shares.get());
    }

    fn order_delete(&mut self, message: &OrderDelete) {
        let locate = message.stock_locate.get();
        let result = self.books.delete(locate, message.order_reference_number.get());
        self.note(locate, result.map(drop));
    }

    fn order_replace(&mut self, message: &OrderReplace) {
        let locate = message.stock_locate.get();
        let result = self.books.replace(
            locate,
            message.original_order_reference_number.get(),
            message.new_order_reference_number.get(),
            message.shares.get(),
            message.price.get(),
        );
        self.note(locate, result);
    }

    fn trade(&mut self, message: &TradeMessage) {
        self.traded(Trade {
            locate: message.stock_locate.get(),
            kind: TradeKind::Hidden,
            cross: None,
            aggressor: None,
            price: message.price.get(),
            quantity: u64::from(message.shares.get()),
            match_number: message.match_number.get(),
            timestamp: message.timestamp.get(),
        });
    }

    fn cross_trade(&mut self, message: &CrossTrade) {
        if let Some(instrument) = self.entry(message.stock_locate.get()) {
            instrument.cross = Some(Cross::from(message));
            instrument.imbalance = None;
        }
        // An auction without a match is published with quantity 0.
        if message.shares.get() > 0 {
            self.traded(Trade {
                locate: message.stock_locate.get(),
                kind: TradeKind::Cross,
                cross: Some(AuctionKind(message.cross_type)),
                aggressor: None,
                price: message.cross_price.get(),
                quantity: message.shares.get(),
                match_number: message.match_number.get(),
                timestamp: message.timestamp.get(),
            });
        }
    }

    fn noii(&mut self, message: &Noii) {
        if let Some(instrument) = self.entry(message.stock_locate.get()) {
            instrument.imbalance = Some(Imbalance::from(message));
        }
    }

    fn broken_trade(&mut self, _message: &BrokenTrade) {
        self.statistics.broken_trades += 1;
    }

    fn unknown(&mut self, _bytes: &[u8]) {
        self.statistics.unknown += 1;
    }
}
