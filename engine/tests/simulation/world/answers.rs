//! Answers as of a command: what the exchange was then, said in the words of the wire.

use engine::exchange::Exchange;
use engine::exchange::book::Side;
use protocol::order_entry::Answer;

use crate::customer::{Answered, Question};

/// Number of the message that an answer reflects: of the session's stream, for a ticker of the feed; 0 when it says none.
pub(super) fn as_of(messages: &[Vec<u8>]) -> u64 {
    let last = messages.last().expect("an answer has a message");
    match Answer::decode(last).expect("it was taken") {
        Answer::OrderStatus(status) => status.as_of_sequence.get(),
        Answer::OpenOrder(order) => order.as_of_sequence.get(),
        Answer::Balance(balance) => balance.as_of_sequence.get(),
        Answer::Ticker(ticker) => ticker.as_of_sequence.get(),
        _ => 0,
    }
}

/// True when the exchange would have answered this; `None` for questions that are judged elsewhere.
pub(super) fn fits(exchange: &Exchange, account: u32, answered: &Answered) -> Option<bool> {
    match answered.question {
        Question::Balance(asked) => Some(fits_balances(exchange, account, asked, &answered.messages)),
        Question::Ticker(asked) => Some(fits_ticker(exchange, asked, &answered.messages)),
        Question::Instruments => Some(fits_instruments(exchange, &answered.messages)),
        Question::OrderStatus(_) | Question::OpenOrders => None,
    }
}

fn fits_balances(exchange: &Exchange, account: u32, asked: [u8; 8], messages: &[Vec<u8>]) -> bool {
    let blank = [b' '; 8];
    let mut expected = Vec::new();
    for index in 0..exchange.asset_count() {
        let asset = exchange.asset(index).expect("it is below the count");
        let has = exchange.balance(account, index);
        if asked == blank || asset.name == asked {
            expected.push((asset.name, has.available + has.held, has.available, has.held));
        }
    }
    if asked == blank || expected.is_empty() {
        expected.push((blank, 0, 0, 0));
    }
    let found = messages.iter().map(|message| match Answer::decode(message) {
        Ok(Answer::Balance(said)) => (
            said.asset,
            said.total.get(),
            said.available.get(),
            said.held.get(),
        ),
        other => panic!("no balance: {other:?}"),
    });
    found.eq(expected)
}

fn fits_ticker(exchange: &Exchange, asked: [u8; 8], messages: &[Vec<u8>]) -> bool {
    let Ok(Answer::Ticker(said)) = Answer::decode(&messages[0]) else {
        panic!("no ticker: {messages:?}");
    };
    let mut instruments = (1..=exchange.instrument_count())
        .filter_map(|locate| Some((locate, exchange.instrument(locate)?)))
        .filter(|(_, instrument)| instrument.definition.symbol == asked);
    let Some((locate, instrument)) = instruments.next() else {
        return said.symbol == [b' '; 8] && said.last_price.get() == 0 && said.bid_quantity.get() == 0;
    };
    let best = |side| {
        let level = exchange.levels(locate, side).next();
        level.map_or((0, 0), |(price, quantity, _)| (u64::from(price), quantity))
    };
    let last = &instrument.last_trade;
    said.symbol == asked
        && said.last_price.get() == u64::from(last.price)
        && said.last_match_number.get() == last.match_number
        && said.last_quantity.get() == last.quantity
        && (said.bid_price.get(), said.bid_quantity.get()) == best(Side::Buy)
        && (said.ask_price.get(), said.ask_quantity.get()) == best(Side::Sell)
}

fn fits_instruments(exchange: &Exchange, messages: &[Vec<u8>]) -> bool {
    let expected = (1..=exchange.instrument_count()).map(|locate| {
        let instrument = exchange.instrument(locate).expect("it is below the count");
        let definition = &instrument.definition;
        (
            definition.symbol,
            instrument.state as u8,
            definition.maker_fee_ppm,
            definition.taker_fee_ppm,
        )
    });
    let found = messages.iter().map(|message| match Answer::decode(message) {
        Ok(Answer::Instrument(said)) => (
            said.symbol,
            said.state,
            said.maker_fee.get(),
            said.taker_fee.get(),
        ),
        other => panic!("no instrument: {other:?}"),
    });
    found.eq(expected.chain([([b' '; 8], b' ', 0, 0)]))
}
