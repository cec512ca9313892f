//! What there is in the exchange, as rows: read from the replica a page at a time, so that the stage that lends it is never
//! held up for long.

use std::net::SocketAddrV4;

use serde::Serialize;

use super::desk::{Bell, Unanswered};
use crate::config::{Description, amount_text, rate_text};
use crate::exchange::book::Side;
use crate::exchange::command::{InstrumentDefinition, Permissions, whole};
use crate::exchange::instrument::State;
use crate::exchange::{Exchange, OrderView};
use crate::recovery::drop_copy::Reading;
use crate::recovery::replica::Replica;
use protocol::units::Price;

/// Rows made in one look.
const PAGE: u32 = 64;
/// Accounts and orders looked at in one look, when few of them are wanted.
const LOOKED_AT: u32 = 1_024;
/// Rows of an answer at most.
pub(super) const ROWS_MAX: usize = 10_000;

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct AccountRow {
    account: String,
    firm: String,
    open_orders: u32,
    /// `trading`; `killed`: by the operator; `disabled`: by itself.
    orders: &'static str,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct SessionRow {
    session: String,
    account: String,
    connected: bool,
    /// The last processed UserRefNum.
    user_ref: u32,
    /// The newest message of its stream.
    sequence: u64,
}

/// A connection of a drop copy, or a login of one that nobody uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct DropCopyRow {
    drop_copy: String,
    /// The login's; of a connection the one it was let in for.
    firm: String,
    connected: bool,
    /// The session whose stream it reads.
    session: Option<String>,
    /// The next message for it.
    next: Option<u64>,
    /// Messages that wait for it.
    behind: Option<u64>,
    address: Option<SocketAddrV4>,
}

/// An instrument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct InstrumentRow {
    instrument: String,
    locate: u16,
    state: &'static str,
    bid: String,
    ask: String,
    last: String,
    tick_size: String,
    lot_size: String,
    max_quantity: u32,
    max_notional: String,
    fat_finger: String,
    collar: String,
    maker_fee: String,
    taker_fee: String,
    volatility: String,
    pause: u32,
}

/// An open order. Quantities are in the base asset, prices in the quote asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct OrderRow {
    order: u64,
    session: String,
    user_ref: u32,
    instrument: String,
    side: &'static str,
    price: String,
    quantity: String,
    executed: String,
    open: String,
    cl_ord_id: String,
}

/// What an account has of an asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct BalanceRow {
    asset: String,
    total: String,
    available: String,
    held: String,
}

/// A padded field as text.
pub(super) fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(field).trim_end().to_owned()
}

/// A price in 0.0001; nothing when there is none.
fn price(price: u32) -> String {
    match price {
        0 => String::new(),
        price if u64::from(price) == Price::MARKET.0 => "market".to_owned(),
        price => amount_text(u128::from(price), 4),
    }
}

/// A state in words.
pub(super) fn state_text(state: State) -> &'static str {
    match state {
        State::PreOpen => "pre-open",
        State::Auction => "auction",
        State::Trading => "trading",
        State::VolatilityPause => "volatility-pause",
        State::Halted => "halted",
        State::CancelOnly => "cancel-only",
        State::Closed => "closed",
    }
}

/// What an account may do, as the configuration has it.
pub(super) fn permissions_text(permissions: u8) -> &'static str {
    match Permissions::from_byte(permissions) {
        Some(Permissions::Trade) => "trade",
        Some(Permissions::Cancel) => "cancel",
        Some(Permissions::View) => "view",
        None => "?",
    }
}

/// Decimals of the base and quote assets.
pub(super) fn decimals(exchange: &Exchange, definition: &InstrumentDefinition) -> (u8, u8) {
    let of = |asset: u16| {
        let asset = exchange.asset(u32::from(asset));
        asset.map_or(0, |asset| asset.decimals)
    };
    (of(definition.base), of(definition.quote))
}

/// The account of that name.
pub(super) fn find_account(exchange: &Exchange, name: &str) -> Option<u32> {
    (0..exchange.account_count()).find(|index| {
        exchange
            .account(*index)
            .is_some_and(|account| text(&account.definition.name) == name)
    })
}

/// The session of that login name; case does not count.
pub(super) fn find_session(exchange: &Exchange, username: &str) -> Option<u32> {
    (0..exchange.session_count()).find(|index| {
        exchange
            .session(*index)
            .is_some_and(|session| text(&session.username).eq_ignore_ascii_case(username))
    })
}

/// The asset of that name.
pub(super) fn find_asset(exchange: &Exchange, name: &str) -> Option<u32> {
    (0..exchange.asset_count()).find(|index| {
        exchange
            .asset(*index)
            .is_some_and(|asset| text(&asset.name) == name)
    })
}

fn account_name(exchange: &Exchange, account: u32) -> String {
    let account = exchange.account(account);
    account.map_or_else(String::new, |account| text(&account.definition.name))
}

fn session_name(exchange: &Exchange, session: u32) -> String {
    let session = exchange.session(session);
    session.map_or_else(String::new, |session| text(&session.username))
}

pub(super) fn account_row(exchange: &Exchange, index: u32) -> Option<AccountRow> {
    let account = exchange.account(index)?;
    Some(AccountRow {
        account: text(&account.definition.name),
        firm: text(&account.definition.firm),
        open_orders: account.open_orders,
        orders: match (
            account.is_killed || exchange.all_killed(),
            account.order_entry_enabled,
        ) {
            (true, _) => "killed",
            (false, false) => "disabled",
            (false, true) => match Permissions::from_byte(account.definition.permissions) {
                Some(Permissions::Cancel) => "cancel-only",
                Some(Permissions::View) => "view-only",
                Some(Permissions::Trade) | None => "trading",
            },
        },
    })
}

/// All pages: `page` gives rows, and where the next page begins. True when there are more than `limit`.
fn pages<T: Send + 'static, At: Copy + Send + 'static>(
    bell: &Bell,
    mut at: At,
    limit: usize,
    page: impl Fn(&Replica, At) -> (Vec<T>, Option<At>) + Clone + Send + 'static,
) -> Result<(Vec<T>, bool), Unanswered> {
    let mut rows = Vec::new();
    loop {
        let (from, page) = (at, page.clone());
        let (mut some, next) = bell.look(move |replica| page(replica, from))?;
        rows.append(&mut some);
        if rows.len() > limit {
            rows.truncate(limit);
            return Ok((rows, true));
        }
        match next {
            Some(next) => at = next,
            None => return Ok((rows, false)),
        }
    }
}

/// The rows of `count` things, one for each.
fn each<T: Send + 'static>(
    bell: &Bell,
    count: impl Fn(&Exchange) -> u32 + Clone + Send + 'static,
    row: impl Fn(&Replica, u32) -> Option<T> + Clone + Send + 'static,
) -> Result<(Vec<T>, bool), Unanswered> {
    pages(bell, 0, ROWS_MAX, move |replica, from| {
        let end = count(replica.exchange());
        let to = end.min(from + PAGE);
        let rows = (from..to).filter_map(|index| row(replica, index)).collect();
        (rows, (to < end).then_some(to))
    })
}

/// All accounts.
pub(super) fn accounts(bell: &Bell) -> Result<(Vec<AccountRow>, bool), Unanswered> {
    each(bell, Exchange::account_count, |replica, index| {
        account_row(replica.exchange(), index)
    })
}

/// All sessions.
pub(super) fn sessions(bell: &Bell) -> Result<(Vec<SessionRow>, bool), Unanswered> {
    each(bell, Exchange::session_count, |replica, index| {
        let exchange = replica.exchange();
        let session = exchange.session(index)?;
        Some(SessionRow {
            session: text(&session.username),
            account: account_name(exchange, session.account),
            connected: session.connected,
            user_ref: session.mark,
            sequence: replica.session_sequence(index),
        })
    })
}

/// All connections of drop copies, and those of `logins`, names with their firms, that have none. Who was let in before his
/// login was taken out of the configuration is told as well.
pub(super) fn drop_copies(
    bell: &Bell,
    logins: &[([u8; 6], [u8; 4])],
) -> Result<(Vec<DropCopyRow>, bool), Unanswered> {
    let readings = bell.readings()?;
    let is_reading = |username| readings.iter().any(|reading| reading.username == username);
    let unused = logins.iter().filter(|(username, _)| !is_reading(*username));
    let mut rows: Vec<_> = unused
        .map(|(username, firm)| DropCopyRow {
            drop_copy: text(username),
            firm: text(firm),
            connected: false,
            session: None,
            next: None,
            behind: None,
            address: None,
        })
        .collect();
    for some in readings.chunks(PAGE as usize) {
        let some = some.to_vec();
        rows.append(&mut bell.look(move |replica| {
            let row = |reading: &Reading| DropCopyRow {
                drop_copy: text(&reading.username),
                firm: text(&reading.firm),
                connected: true,
                session: Some(session_name(replica.exchange(), reading.session)),
                next: Some(reading.next),
                behind: Some(reading.behind),
                address: Some(reading.address),
            };
            some.iter().map(row).collect()
        })?);
    }
    rows.sort_by(|one, other| (&one.drop_copy, &one.session).cmp(&(&other.drop_copy, &other.session)));
    let more = rows.len() > ROWS_MAX;
    rows.truncate(ROWS_MAX);
    Ok((rows, more))
}

/// All instruments.
pub(super) fn instruments(bell: &Bell) -> Result<(Vec<InstrumentRow>, bool), Unanswered> {
    let count = |exchange: &Exchange| u32::from(exchange.instrument_count());
    each(bell, count, |replica, index| {
        let (exchange, locate) = (replica.exchange(), index as u16 + 1);
        let instrument = exchange.instrument(locate)?;
        let (base, quote) = decimals(exchange, &instrument.definition);
        let best = |side| exchange.best(locate, side).map_or(0, |(price, _)| price);
        let described = Description::new(&instrument.definition, base, quote);
        let (volatility_ppm, pause) = exchange.protection(locate);
        Some(InstrumentRow {
            instrument: text(&instrument.definition.symbol),
            locate,
            state: state_text(instrument.state),
            bid: price(best(Side::Buy)),
            ask: price(best(Side::Sell)),
            last: price(instrument.last_trade.price),
            tick_size: described.tick_size,
            lot_size: described.lot_size,
            max_quantity: instrument.definition.quantity_max,
            max_notional: described.max_notional,
            fat_finger: described.fat_finger,
            collar: described.collar,
            maker_fee: described.maker_fee,
            taker_fee: described.taker_fee,
            volatility: rate_text(i64::from(volatility_ppm)),
            pause,
        })
    })
}

/// What the account has, and its sessions.
pub(super) fn balances(bell: &Bell, account: u32) -> Result<(Vec<BalanceRow>, Vec<String>), Unanswered> {
    bell.look(move |replica| {
        let exchange = replica.exchange();
        let rows = (0..exchange.asset_count()).filter_map(|index| {
            let asset = exchange.asset(index)?;
            let balance = exchange.balance(account, index);
            let amount = |units| amount_text(units, asset.decimals);
            Some(BalanceRow {
                asset: text(&asset.name),
                total: amount(balance.total()),
                available: amount(balance.available),
                held: amount(balance.held),
            })
        });
        let sessions = (0..exchange.session_count()).filter_map(|index| {
            let session = exchange.session(index)?;
            (session.account == account).then(|| text(&session.username))
        });
        (rows.collect(), sessions.collect())
    })
}

/// Which orders are wanted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wanted {
    pub(super) account: Option<u32>,
    pub(super) session: Option<u32>,
    pub(super) instrument: Option<u16>,
}

/// Open orders: account by account, of each the oldest first.
pub(super) fn orders(bell: &Bell, wanted: Wanted, limit: usize) -> Result<(Vec<OrderRow>, bool), Unanswered> {
    // Accounts before this one, and so many orders of it, were looked at.
    let begin = (wanted.account.unwrap_or(0), 0_u32);
    pages(
        bell,
        begin,
        limit.min(ROWS_MAX),
        move |replica, (mut account, mut behind)| {
            let exchange = replica.exchange();
            let end = wanted
                .account
                .map_or(exchange.account_count(), |account| account + 1);
            let (mut rows, mut looked_at) = (Vec::new(), 0);
            while account < end {
                for order in exchange.open_orders(account).skip(behind as usize) {
                    if looked_at == LOOKED_AT || rows.len() == PAGE as usize {
                        return (rows, Some((account, behind)));
                    }
                    (looked_at, behind) = (looked_at + 1, behind + 1);
                    let is_wanted = wanted.session.is_none_or(|session| session == order.session)
                        && wanted.instrument.is_none_or(|locate| locate == order.instrument);
                    if is_wanted {
                        rows.extend(order_row(exchange, &order));
                    }
                }
                (account, behind, looked_at) = (account + 1, 0, looked_at + 1);
                if looked_at >= LOOKED_AT {
                    return (rows, (account < end).then_some((account, 0)));
                }
            }
            (rows, None)
        },
    )
}

fn order_row(exchange: &Exchange, order: &OrderView) -> Option<OrderRow> {
    let instrument = exchange.instrument(order.instrument)?;
    let (base, _) = decimals(exchange, &instrument.definition);
    let lot_size = whole(instrument.definition.lot_size);
    let amount = |lots: u32| amount_text(u128::from(lots) * lot_size, base);
    Some(OrderRow {
        order: order.number,
        session: session_name(exchange, order.session),
        user_ref: order.user_ref,
        instrument: text(&instrument.definition.symbol),
        side: if order.side == b'B' { "buy" } else { "sell" },
        price: price(order.price),
        quantity: amount(order.quantity),
        executed: amount(order.executed),
        open: amount(order.open),
        cl_ord_id: text(&order.cl_ord_id),
    })
}
