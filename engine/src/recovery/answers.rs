//! Answers to the questions `s o b t i`, read from the replica, and the answer to Bind UDP, which waits its turn among
//! them.

use protocol::order_entry::own;
use zerocopy::{FromZeros, IntoBytes};

use super::history::OrderStatus;
use super::replica::Replica;
use crate::exchange::book::Side;
use crate::exchange::command::whole;

/// What a client asked, copied from its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// `u`, already granted: only the answer is to be given.
    Bound(own::UdpBound),
    /// `s` of this UserRefNum.
    OrderStatus(u32),
    /// `o`.
    OpenOrders,
    /// `b`; blank = all.
    Balance([u8; 8]),
    /// `t`.
    Ticker([u8; 8]),
    /// `i`.
    Instruments,
}

const BLANK: [u8; 8] = [b' '; 8];

/// Appends the answer to `session`'s question to `packets`, as whole Unsequenced Data packets.
pub(super) fn write(ask: &Ask, session: u32, replica: &Replica, packets: &mut Vec<u8>) {
    match ask {
        Ask::Bound(bound) => packet(packets, bound),
        Ask::OrderStatus(user_ref) => {
            let status = replica.order_status(session, *user_ref);
            packet(packets, &order_status(&status, session, replica));
        }
        Ask::OpenOrders => open_orders(session, replica, packets),
        Ask::Balance(asset) => balances(asset, session, replica, packets),
        Ask::Ticker(symbol) => packet(packets, &ticker(*symbol, replica)),
        Ask::Instruments => instruments(replica, packets),
    }
}

fn packet<T: IntoBytes + zerocopy::Immutable>(packets: &mut Vec<u8>, message: &T) {
    let bytes = message.as_bytes();
    let length = u16::try_from(1 + bytes.len()).expect("answers have about a hundred bytes");
    packets.extend(length.to_be_bytes());
    packets.push(b'U');
    packets.extend(bytes);
}

fn symbol(locate: u16, replica: &Replica) -> [u8; 8] {
    replica
        .exchange()
        .instrument(locate)
        .map_or(BLANK, |instrument| instrument.definition.symbol)
}

fn order_status(status: &OrderStatus, session: u32, replica: &Replica) -> own::OrderStatus {
    own::OrderStatus {
        message_type: b's',
        user_ref_num: status.user_ref.into(),
        order_reference_number: status.number.into(),
        state: status.state,
        side: status.side,
        symbol: symbol(status.instrument, replica),
        quantity: status.quantity.into(),
        executed: status.executed.into(),
        open: status.open.into(),
        price: status.price.into(),
        executed_notional: status.executed_notional.into(),
        fees: status.fees.into(),
        as_of_sequence: replica.session_sequence(session).into(),
    }
}

fn open_orders(session: u32, replica: &Replica, packets: &mut Vec<u8>) {
    let exchange = replica.exchange();
    let as_of_sequence = replica.session_sequence(session).into();
    let account = exchange.session(session).map(|session| session.account);
    let orders = account
        .into_iter()
        .flat_map(|account| exchange.open_orders(account));
    // Numbers of the account's other sessions mean nothing to this one.
    for order in orders.filter(|order| order.session == session) {
        let message = own::OpenOrder {
            message_type: b'o',
            user_ref_num: order.user_ref.into(),
            order_reference_number: order.number.into(),
            state: b'L',
            side: order.side,
            symbol: symbol(order.instrument, replica),
            quantity: order.quantity.into(),
            executed: order.executed.into(),
            open: order.open.into(),
            price: u64::from(order.price).into(),
            executed_notional: order.executed_notional.into(),
            fees: order.fees.into(),
            as_of_sequence,
        };
        packet(packets, &message);
    }
    let end = own::OpenOrder {
        message_type: b'o',
        state: b' ',
        side: b' ',
        symbol: BLANK,
        as_of_sequence,
        ..own::OpenOrder::new_zeroed()
    };
    packet(packets, &end);
}

fn balances(wanted: &[u8; 8], session: u32, replica: &Replica, packets: &mut Vec<u8>) {
    let exchange = replica.exchange();
    let as_of_sequence = replica.session_sequence(session).into();
    let blank = own::Balance {
        message_type: b'b',
        asset: BLANK,
        as_of_sequence,
        ..own::Balance::new_zeroed()
    };
    let owner = exchange.session(session);
    let is_all = *wanted == BLANK;
    let mut is_found = false;
    for index in 0..exchange.asset_count() {
        let (Some(asset), Some(owner)) = (exchange.asset(index), owner) else {
            continue;
        };
        if !is_all && asset.name != *wanted {
            continue;
        }
        is_found = true;
        let balance = exchange.balance(owner.account, index);
        let message = own::Balance {
            asset: asset.name,
            total: (balance.available + balance.held).into(),
            available: balance.available.into(),
            held: balance.held.into(),
            ..blank
        };
        packet(packets, &message);
    }
    if is_all || !is_found {
        packet(packets, &blank);
    }
}

fn ticker(wanted: [u8; 8], replica: &Replica) -> own::Ticker {
    let exchange = replica.exchange();
    let blank = own::Ticker {
        message_type: b't',
        symbol: BLANK,
        as_of_sequence: replica.feed_sequence().into(),
        ..own::Ticker::new_zeroed()
    };
    let locate = exchange.find_instrument(wanted);
    let Some((locate, instrument)) = locate.and_then(|locate| Some((locate, exchange.instrument(locate)?)))
    else {
        return blank;
    };
    let last = &instrument.last_trade;
    let (bid_price, bid_quantity) = exchange.best(locate, Side::Buy).unwrap_or_default();
    let (ask_price, ask_quantity) = exchange.best(locate, Side::Sell).unwrap_or_default();
    own::Ticker {
        symbol: wanted,
        last_price: u64::from(last.price).into(),
        last_quantity: last.quantity.into(),
        last_match_number: last.match_number.into(),
        last_time: last.time.into(),
        bid_price: u64::from(bid_price).into(),
        bid_quantity: bid_quantity.into(),
        ask_price: u64::from(ask_price).into(),
        ask_quantity: ask_quantity.into(),
        ..blank
    }
}

fn instruments(replica: &Replica, packets: &mut Vec<u8>) {
    let exchange = replica.exchange();
    let asset = |index: u16| {
        let asset = exchange.asset(u32::from(index));
        asset.map_or((BLANK, 0), |asset| (asset.name, asset.decimals))
    };
    for locate in 1..=exchange.instrument_count() {
        let Some(instrument) = exchange.instrument(locate) else {
            continue;
        };
        let definition = &instrument.definition;
        let (base_asset, base_decimals) = asset(definition.base);
        let (quote_asset, quote_decimals) = asset(definition.quote);
        let message = own::InstrumentReply {
            message_type: b'i',
            symbol: definition.symbol,
            stock_locate: locate.into(),
            base_asset,
            base_decimals,
            quote_asset,
            quote_decimals,
            tick_size: u64::from(definition.tick_size).into(),
            lot_size: whole(definition.lot_size).into(),
            price_unit: whole(definition.price_unit).into(),
            max_quantity: definition.quantity_max.into(),
            max_notional: whole(definition.notional_max).into(),
            collar: definition.collar_ppm.into(),
            maker_fee: definition.maker_fee_ppm.into(),
            taker_fee: definition.taker_fee_ppm.into(),
            state: instrument.state as u8,
        };
        packet(packets, &message);
    }
    let end = own::InstrumentReply {
        message_type: b'i',
        symbol: BLANK,
        base_asset: BLANK,
        quote_asset: BLANK,
        state: b' ',
        ..own::InstrumentReply::new_zeroed()
    };
    packet(packets, &end);
}
