//! What a customer asks for: every kind of request there is, most of them sensible, some that must be refused.

use engine::poison::simulated;
use protocol::layout::WireMessage;
use protocol::order_entry::requests::{
    AccountQuery, CancelOrder, DisableOrderEntry, EnableOrderEntry, EnterOrder, MassCancel, ModifyOrder,
    ReplaceOrder,
};
use protocol::order_entry::{options, write_message};
use protocol::testing::Random;
use protocol::units::Price;

/// The instruments: symbol, price in the middle, tick; all prices in 0.0001.
const INSTRUMENTS: [([u8; 8], u64); 2] = [(*b"BTC-USD ", 600_000_000), (*b"ETH-USD ", 30_000_000)];
const TICK: u64 = 100;
/// Prices are within so many ticks of the middle: narrow, so that orders meet.
const TICKS: u64 = 30;

/// Kinds of request that a seed has or has not, beside plain orders, cancels and replacements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    Market,
    ImmediateOrCancel,
    FillOrKill,
    PostOnly,
    Attributed,
    Hidden,
    Reserve,
    Stop,
    Funds,
    GoodTillTime,
    GoodTillCanceled,
    SelfMatch,
    Group,
    Auction,
    Modify,
    MassCancel,
    Switch,
    Query,
    Wrong,
    Burst,
    /// Questions over TCP.
    Ask,
    /// Logins that only read.
    Reader,
    /// Orders that end the process.
    Poison,
}

/// The first so many say something about orders.
const OF_ORDERS: usize = 20;

const ALL: [Wish; 23] = [
    Wish::Market,
    Wish::ImmediateOrCancel,
    Wish::FillOrKill,
    Wish::PostOnly,
    Wish::Attributed,
    Wish::Hidden,
    Wish::Reserve,
    Wish::Stop,
    Wish::Funds,
    Wish::GoodTillTime,
    Wish::GoodTillCanceled,
    Wish::SelfMatch,
    Wish::Group,
    Wish::Auction,
    Wish::Modify,
    Wish::MassCancel,
    Wish::Switch,
    Wish::Query,
    Wish::Wrong,
    Wish::Burst,
    Wish::Ask,
    Wish::Reader,
    Wish::Poison,
];

/// Those of a seed.
#[derive(Debug, Clone)]
pub(crate) struct Wishes {
    all: Vec<Wish>,
    /// Many orders outlive the day.
    is_lasting: bool,
}

impl Wishes {
    /// `has_days`: days end.
    pub(crate) fn draw(has_days: bool, random: &mut Random) -> Self {
        Self {
            all: ALL.into_iter().filter(|_| random.chance(2, 5)).collect(),
            is_lasting: has_days && random.chance(3, 4),
        }
    }

    pub(crate) fn has(&self, wish: Wish) -> bool {
        self.all.contains(&wish)
    }

    /// Nobody sends what ends the process.
    pub(crate) fn without_poison(&mut self) {
        self.all.retain(|wish| *wish != Wish::Poison);
    }
}

/// Options behind a message.
#[derive(Default)]
struct Appendage(Vec<u8>);

impl Appendage {
    fn push(&mut self, tag: u8, value: &[u8]) {
        self.0.push(value.len() as u8 + 1);
        self.0.push(tag);
        self.0.extend_from_slice(value);
    }
}

/// What a request is about.
pub(crate) struct About {
    /// The number for it; `None` when there is none left.
    pub(crate) user_ref: Option<u32>,
    /// An order of ours that was accepted and may be over.
    pub(crate) old: Option<u32>,
    /// The same, and its side, when it is live.
    pub(crate) live: Option<(u32, u8)>,
    pub(crate) firm: [u8; 4],
    /// Number of the day.
    pub(crate) day: u32,
}

impl About {
    /// A ClOrdID that no other order of the session has.
    fn cl_ord_id(&self, kind: &str) -> [u8; 14] {
        let text = format!("{kind}{:02}-{:<10}", self.day % 100, self.user_ref.unwrap_or(0));
        text.as_bytes()[..14].try_into().expect("fourteen of them")
    }
}

/// The next request; the case it is for, and its bytes.
pub(crate) fn request(
    wishes: &Wishes,
    about: &About,
    random: &mut Random,
) -> Option<(&'static str, Vec<u8>)> {
    match (random.below(20), about.live, about.old) {
        (0..=3, Some((user_ref, _)), _) => Some((
            "cancel",
            written(
                &CancelOrder {
                    message_type: b'X',
                    user_ref_num: user_ref.into(),
                    quantity: (random.below(3) as u32 * 5).into(),
                },
                &[],
            ),
        )),
        (4..=5, Some((user_ref, _)), _) => Some(("replace", replace(wishes, about, user_ref, random)?)),
        (6, _, Some(user_ref)) if wishes.has(Wish::Wrong) => {
            Some(("replace of any order", replace(wishes, about, user_ref, random)?))
        }
        (7, Some((user_ref, side)), _) if wishes.has(Wish::Modify) => Some((
            "modify",
            written(
                &ModifyOrder {
                    message_type: b'M',
                    user_ref_num: user_ref.into(),
                    side,
                    quantity: (random.below(30) as u32).into(),
                },
                &[],
            ),
        )),
        (8, ..) if wishes.has(Wish::MassCancel) && random.chance(1, 3) => mass_cancel(about, random),
        (9, ..) if wishes.has(Wish::Switch) && random.chance(1, 3) => switch(about, random),
        (10, ..) if wishes.has(Wish::Query) => Some((
            "account query",
            written(&AccountQuery { message_type: b'Q' }, &[]),
        )),
        _ => enter(wishes, about, random),
    }
}

fn mass_cancel(about: &About, random: &mut Random) -> Option<(&'static str, Vec<u8>)> {
    let mut appendage = Appendage::default();
    if random.chance(1, 3) {
        appendage.push(options::SIDE, &[*random.pick(b"BS")]);
    }
    if random.chance(1, 4) {
        appendage.push(options::GROUP_ID, &u16::to_be_bytes(1 + random.below(3) as u16));
    }
    let symbol = match random.below(3) {
        0 => [b' '; 8],
        1 => INSTRUMENTS[0].0,
        _ => INSTRUMENTS[1].0,
    };
    let message = MassCancel {
        message_type: b'C',
        user_ref_num: about.user_ref?.into(),
        firm: if random.chance(1, 2) {
            about.firm
        } else {
            [b' '; 4]
        },
        symbol,
        appendage_length: 0.into(),
    };
    Some(("mass cancel", written(&message, &appendage.0)))
}

fn switch(about: &About, random: &mut Random) -> Option<(&'static str, Vec<u8>)> {
    let user_ref_num = about.user_ref?.into();
    // More often on than off, else everything is refused.
    Some(if random.chance(1, 3) {
        let message = DisableOrderEntry {
            message_type: b'D',
            user_ref_num,
            firm: [b' '; 4],
            appendage_length: 0.into(),
        };
        ("order entry disabled", written(&message, &[]))
    } else {
        let message = EnableOrderEntry {
            message_type: b'E',
            user_ref_num,
            firm: [b' '; 4],
            appendage_length: 0.into(),
        };
        ("order entry enabled", written(&message, &[]))
    })
}

fn price(middle: u64, random: &mut Random) -> u64 {
    middle + TICK * random.below(TICKS) - TICK * TICKS / 2
}

fn replace(wishes: &Wishes, about: &About, old: u32, random: &mut Random) -> Option<Vec<u8>> {
    // It may be for another instrument's price: then it is far away, and refused or resting.
    let (_, middle) = *random.pick(&INSTRUMENTS);
    let message = ReplaceOrder {
        message_type: b'U',
        orig_user_ref_num: old.into(),
        user_ref_num: about.user_ref?.into(),
        quantity: (1 + random.below(40) as u32).into(),
        price: price(middle, random).into(),
        time_in_force: *random.pick(if wishes.is_lasting { b"0GG" } else { b"000" }),
        display: if wishes.has(Wish::Hidden) && random.chance(1, 4) {
            b'N'
        } else {
            b'Y'
        },
        inter_market_sweep_eligibility: b'N',
        cl_ord_id: about.cl_ord_id("R"),
        appendage_length: 0.into(),
    };
    Some(written(&message, &[]))
}

fn enter(wishes: &Wishes, about: &About, random: &mut Random) -> Option<(&'static str, Vec<u8>)> {
    let (symbol, middle) = *random.pick(&INSTRUMENTS);
    let mut message = EnterOrder {
        message_type: b'O',
        user_ref_num: about.user_ref?.into(),
        side: *random.pick(b"BS"),
        quantity: (1 + random.below(40) as u32).into(),
        symbol,
        price: price(middle, random).into(),
        time_in_force: b'0',
        display: b'Y',
        capacity: b'P',
        inter_market_sweep_eligibility: b'N',
        cross_type: b'N',
        cl_ord_id: about.cl_ord_id("E"),
        appendage_length: 0.into(),
    };
    if wishes.is_lasting && random.chance(1, 2) {
        message.time_in_force = b'G';
    }
    if wishes.has(Wish::Poison) && random.chance(1, 300) {
        let text = format!("poison{:<8}", about.user_ref?);
        message.cl_ord_id.copy_from_slice(text.as_bytes());
        assert!(message.cl_ord_id.starts_with(simulated::CL_ORD_ID));
        return Some(("order that ends the process", written(&message, &[])));
    }
    let mut appendage = Appendage::default();
    let mut case = "limit order";
    let wish = *random.pick(&ALL[..OF_ORDERS]);
    if wishes.has(wish) {
        case = special(wish, &mut message, &mut appendage, middle, random).unwrap_or(case);
    }
    if wishes.has(Wish::SelfMatch) && random.chance(1, 2) {
        appendage.push(options::SELF_MATCH, &[*random.pick(b"OWDB")]);
    }
    if wishes.has(Wish::Group) && random.chance(1, 2) {
        appendage.push(options::GROUP_ID, &u16::to_be_bytes(1 + random.below(3) as u16));
    }
    Some((case, written(&message, &appendage.0)))
}

/// Makes an order one of a kind; `None` when the kind is none of an order.
fn special(
    wish: Wish,
    message: &mut EnterOrder,
    appendage: &mut Appendage,
    middle: u64,
    random: &mut Random,
) -> Option<&'static str> {
    Some(match wish {
        Wish::Market => {
            message.price = Price::MARKET.0.into();
            "market order"
        }
        Wish::ImmediateOrCancel => {
            message.time_in_force = b'3';
            if random.chance(1, 2) {
                appendage.push(options::MIN_QTY, &u32::to_be_bytes(1 + random.below(20) as u32));
                "immediate order with a minimum"
            } else {
                "immediate order"
            }
        }
        Wish::FillOrKill => {
            message.time_in_force = b'3';
            appendage.push(options::MIN_QTY, &u32::to_be_bytes(message.quantity.get()));
            "order to be filled or killed"
        }
        Wish::PostOnly => {
            appendage.push(options::POST_ONLY, b"P");
            "post-only order"
        }
        Wish::Attributed => {
            message.display = b'A';
            "attributed order"
        }
        Wish::Hidden => {
            message.display = b'N';
            "hidden order"
        }
        Wish::Reserve => {
            message.quantity = (10 + message.quantity.get()).into();
            appendage.push(options::MAX_FLOOR, &u32::to_be_bytes(1 + random.below(5) as u32));
            "reserve order"
        }
        Wish::Stop => {
            let is_market = random.chance(1, 2);
            if is_market {
                message.price = Price::MARKET.0.into();
            }
            appendage.push(options::STOP_PRICE, &u64::to_be_bytes(price(middle, random)));
            if is_market {
                "stop order at the market"
            } else {
                "stop order with a limit"
            }
        }
        Wish::Funds => {
            message.side = b'B';
            message.price = Price::MARKET.0.into();
            appendage.push(
                options::FUNDS,
                &u64::to_be_bytes(1 + random.below(20_000_000_000)),
            );
            "market order for an amount"
        }
        Wish::GoodTillTime => {
            message.time_in_force = b'6';
            appendage.push(options::EXPIRE_TIME, &u32::to_be_bytes(random.below(4) as u32));
            "order good till a time"
        }
        Wish::GoodTillCanceled => {
            message.time_in_force = b'G';
            "order good till canceled"
        }
        Wish::Auction => {
            message.cross_type = *random.pick(b"OCH");
            "order for an auction"
        }
        Wish::Wrong => {
            wrong(message, appendage, random);
            "order with something wrong"
        }
        Wish::SelfMatch
        | Wish::Group
        | Wish::Modify
        | Wish::MassCancel
        | Wish::Switch
        | Wish::Query
        | Wish::Burst
        | Wish::Ask
        | Wish::Reader
        | Wish::Poison => return None,
    })
}

/// One thing that must be refused, or that others refuse.
fn wrong(message: &mut EnterOrder, appendage: &mut Appendage, random: &mut Random) {
    match random.below(18) {
        0 => message.quantity = 0.into(),
        1 => message.quantity = 4_000_000_000.into(),
        2 => message.price = (message.price.get() + 1).into(),
        3 => message.price = 0.into(),
        4 => message.price = (message.price.get() * 3 / 2 / TICK * TICK).into(),
        5 => message.symbol = *b"NOTHING ",
        6 => message.side = *random.pick(b"TEx"),
        7 => message.time_in_force = *random.pick(b"5Ex"),
        8 => message.cross_type = *random.pick(b"SREAx"),
        9 => message.display = *random.pick(b"Zx"),
        10 => {
            appendage.push(options::PRICE_TYPE, &[*random.pick(b"PMRQ")]);
        }
        11 => {
            appendage.push(options::DISCRETION_PRICE, &u64::to_be_bytes(message.price.get()));
        }
        12 => {
            appendage.push(options::ROUTE, b"SCAN");
        }
        13 => {
            appendage.push(options::MIN_QTY, &u32::to_be_bytes(1));
        }
        14 => {
            appendage.push(options::MAX_FLOOR, &u32::to_be_bytes(message.quantity.get() + 1));
        }
        // Above the account's, the instrument's maximum; a value beyond either's.
        15 => message.quantity = 2_000.into(),
        16 => message.quantity = 600_000.into(),
        _ => message.quantity = 100_000.into(),
    }
}

pub(super) fn written<T: WireMessage>(message: &T, appendage: &[u8]) -> Vec<u8> {
    let mut buffer = [0; 256];
    let length = write_message(message, appendage, &mut buffer).expect("it fits");
    buffer[..length].to_vec()
}
