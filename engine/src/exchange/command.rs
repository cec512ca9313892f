//! Commands: everything that may change the exchange's state or produce a sequenced message, numbered and timed.
//!
//! A command is 128 bytes, in memory and in the journal alike: 24 bytes of head, 40 of body that every order needs, and
//! 64 of extension that only some carry. The journal leaves an extension out when it is all zero.

use protocol::units::{Price, Symbol};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

/// What a command asks. The numbers are the journal's and never change their meaning; gaps are left for later kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CommandKind {
    /// OUCH Enter Order; body [`Order`], extension [`OrderOptions`].
    Enter = 1,
    /// OUCH Replace Order Request; body [`Order`], extension [`OrderOptions`].
    Replace = 2,
    /// OUCH Cancel Order Request; body [`Order`]: `user_ref`, `quantity`.
    Cancel = 3,
    /// OUCH Modify Order Request; body [`Order`]: `user_ref`, `quantity`, `side`.
    Modify = 4,
    /// OUCH Mass Cancel Request; body [`Order`]: `user_ref`, `instrument` (0 = all, [`UNKNOWN_INSTRUMENT`] = none);
    /// extension [`OrderOptions`]: firm, group, side. The first eight characters of `cl_ord_id` are the symbol as the
    /// client sent it, for the response.
    MassCancel = 5,
    /// OUCH Disable Order Entry Request; body [`Order`]: `user_ref`; extension: firm.
    DisableOrderEntry = 6,
    /// OUCH Enable Order Entry Request; body [`Order`]: `user_ref`; extension: firm.
    EnableOrderEntry = 7,
    /// OUCH Account Query Request.
    AccountQuery = 8,
    /// A session's connection was accepted.
    ConnectionStart = 16,
    /// A session's connection ended: logout, silence, loss, or the grace after a restart.
    ConnectionEnd = 17,
    /// Orders whose time has come end. The engine sends it when its clock has reached [`super::Exchange::next_due`]:
    /// whoever replays needs no clock.
    Expire = 18,
    /// A second has passed while instruments collect orders for a cross: what it would bring is told. Sent as
    /// [`CommandKind::Expire`] is.
    Imbalance = 19,
    /// A volatility pause has lasted its time: `head.instrument`. Sent as [`CommandKind::Expire`] is.
    Reopen = 20,
    /// The operator has left a command out, because it ended the process: its number is the body's first word. Changes
    /// nothing; it is there so that the journal says so.
    SkipPoison = 21,
    /// Body [`Transfer`].
    Deposit = 32,
    /// Body [`Transfer`].
    Withdraw = 33,
    /// Body and extension: [`AssetDefinition`].
    AddAsset = 48,
    /// Body and extension: [`InstrumentDefinition`].
    AddInstrument = 49,
    /// Body and extension: [`AccountDefinition`].
    AddAccount = 50,
    /// Body and extension: [`SessionDefinition`].
    AddSession = 51,
    /// Instrument state: `head.instrument`, body [`StateChange`].
    SetState = 52,
    /// The operator's kill switch: body [`KillSwitch`].
    KillSwitch = 53,
    /// Body and extension: [`AccountChange`].
    ChangeAccount = 54,
    /// `head.instrument`; body and extension: [`InstrumentChange`].
    ChangeInstrument = 55,
    /// When an instrument pauses: `head.instrument`, body [`Protection`].
    SetProtection = 56,
    /// An account's orders are canceled: body [`CancelOrders`], `head.instrument` (0 = all).
    CancelOrders = 57,
    /// A session's login has a new password: body [`PasswordChange`]. Changes nothing here, and has neither password nor
    /// hash: it is there so that the journal says who did it, and when.
    ChangePassword = 58,
    /// ITCH System Event: body [`StateChange`], `value` = the event code. Code `M`, the end of market hours, ends all
    /// orders that are good for the day or till a time.
    SystemEvent = 64,
    /// The day ends and the next begins: numbers start again, surviving orders are told anew. Body: [`NewDay`]. The times of
    /// commands start again with it: its own counts from the new day's midnight, and may be less than the one before.
    RollDay = 65,
}

impl CommandKind {
    /// The kind for a journaled byte; `None` when this version does not know it.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Enter,
            2 => Self::Replace,
            3 => Self::Cancel,
            4 => Self::Modify,
            5 => Self::MassCancel,
            6 => Self::DisableOrderEntry,
            7 => Self::EnableOrderEntry,
            8 => Self::AccountQuery,
            16 => Self::ConnectionStart,
            17 => Self::ConnectionEnd,
            18 => Self::Expire,
            19 => Self::Imbalance,
            20 => Self::Reopen,
            21 => Self::SkipPoison,
            32 => Self::Deposit,
            33 => Self::Withdraw,
            48 => Self::AddAsset,
            49 => Self::AddInstrument,
            50 => Self::AddAccount,
            51 => Self::AddSession,
            52 => Self::SetState,
            53 => Self::KillSwitch,
            54 => Self::ChangeAccount,
            55 => Self::ChangeInstrument,
            56 => Self::SetProtection,
            57 => Self::CancelOrders,
            58 => Self::ChangePassword,
            64 => Self::SystemEvent,
            65 => Self::RollDay,
            _ => return None,
        })
    }
}

/// `Command::instrument` of a request whose symbol is not in the table. (0 means "no instrument named".)
pub const UNKNOWN_INSTRUMENT: u16 = u16::MAX;

/// `Command::flags`: the disk is nearly full, orders and replacements are refused.
pub const FLAG_LOW_SPACE: u8 = 1;
/// `Command::flags`: somebody asked for it while the exchange ran, and `Command::session` is the user number of who did. The
/// exchange looks at neither.
pub const FLAG_OPERATOR: u8 = 2;

/// A numbered, timed command. Plain bytes, host order (the journal's header says little-endian).
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Command {
    /// 1, 2, 3 ... since the first day, without holes.
    pub sequence: u64,
    /// Nanoseconds since the midnight UTC before the trading day's start; never less than the command's before.
    pub time: u64,
    /// A [`CommandKind`].
    pub kind: u8,
    /// [`FLAG_LOW_SPACE`], [`FLAG_OPERATOR`]; bit 7 is the journal's own.
    pub flags: u8,
    /// Stock locate; 0 = none, [`UNKNOWN_INSTRUMENT`] = a symbol we do not have.
    pub instrument: u16,
    /// Session index (0 and up) for what a client asks; with [`FLAG_OPERATOR`] who asks; 0 for what else the exchange
    /// itself does.
    pub session: u32,
    /// What every order needs. (Words, so that it can be read in place.)
    pub body: [u64; 5],
    /// What some carry; all zero when absent.
    pub extension: [u64; 8],
}

const _: () = assert!(size_of::<Command>() == 128 && align_of::<Command>() == 8);

/// Bytes of a command whose extension is all zero, as journaled.
pub const SHORT_BYTES: usize = 64;
/// Bytes of a whole command.
pub const LONG_BYTES: usize = size_of::<Command>();

impl Command {
    /// A command of `kind` with everything else zero; the sequencer gives number and time.
    pub fn new(kind: CommandKind) -> Self {
        Self {
            kind: kind as u8,
            ..Self::new_zeroed()
        }
    }

    /// The body as an order.
    #[inline(always)]
    pub fn order(&self) -> &Order {
        zerocopy::transmute_ref!(&self.body)
    }

    /// The body as a state change.
    pub fn state_change(&self) -> StateChange {
        zerocopy::transmute!(self.body)
    }

    /// The body as a protection.
    pub fn protection(&self) -> Protection {
        zerocopy::transmute!(self.body)
    }

    /// The body as a new day.
    pub fn new_day(&self) -> NewDay {
        zerocopy::transmute!(self.body)
    }

    /// The body as a kill switch.
    pub fn kill_switch(&self) -> KillSwitch {
        zerocopy::transmute!(self.body)
    }

    /// The body as orders to be canceled.
    pub fn cancel_orders(&self) -> CancelOrders {
        zerocopy::transmute!(self.body)
    }

    /// The body as a change of a password.
    pub fn password_change(&self) -> PasswordChange {
        zerocopy::transmute!(self.body)
    }

    /// User number of the operator who asked for it; `None` when nobody did.
    pub fn operator(&self) -> Option<u32> {
        (self.flags & FLAG_OPERATOR != 0).then_some(self.session)
    }

    /// Says that the operator with this user number asked for it.
    pub fn asked_by(mut self, user: u32) -> Self {
        self.flags |= FLAG_OPERATOR;
        self.session = user;
        self
    }

    /// The body as a transfer.
    pub fn transfer(&self) -> Transfer {
        zerocopy::transmute!(self.body)
    }

    /// The extension as an order's options.
    pub fn options(&self) -> OrderOptions {
        zerocopy::transmute!(self.extension)
    }

    /// Body and extension as a definition.
    pub fn definition<T: FromBytes + Immutable + KnownLayout>(&self) -> T {
        let mut bytes = [0; DEFINITION_BYTES];
        bytes[..40].copy_from_slice(self.body.as_bytes());
        bytes[40..].copy_from_slice(self.extension.as_bytes());
        const { assert!(size_of::<T>() == DEFINITION_BYTES) };
        // The size is checked above, so that reading can not fail.
        T::read_from_bytes(&bytes).unwrap_or_else(|_| unreachable!("sizes are equal"))
    }

    /// Puts a definition into body and extension.
    pub fn with_definition<T: IntoBytes + Immutable>(mut self, definition: &T) -> Self {
        const { assert!(size_of::<T>() == DEFINITION_BYTES) };
        let (body, extension) = definition.as_bytes().split_at(size_of_val(&self.body));
        self.body.as_mut_bytes().copy_from_slice(body);
        self.extension.as_mut_bytes().copy_from_slice(extension);
        self
    }

    /// Puts a kill switch into the body.
    pub fn with_kill_switch(mut self, account: u32, is_on: bool) -> Self {
        self.body = zerocopy::transmute!(KillSwitch {
            account,
            is_on: u8::from(is_on),
            spare: [0; 35],
        });
        self
    }

    /// Puts orders to be canceled into the body.
    pub fn with_cancel_orders(mut self, account: u32, session: Option<u32>) -> Self {
        self.body = zerocopy::transmute!(CancelOrders {
            account,
            session: session.unwrap_or(ALL_SESSIONS),
            spare: [0; 32],
        });
        self
    }

    /// Puts a change of a session's password into the body.
    pub fn with_password_change(mut self, session: u32) -> Self {
        self.body = zerocopy::transmute!(PasswordChange {
            session,
            spare: [0; 36],
        });
        self
    }

    /// Puts a transfer into the body.
    pub fn with_transfer(mut self, account: u32, asset: u32, amount: u128) -> Self {
        self.body = zerocopy::transmute!(Transfer {
            amount: halves(amount),
            account,
            asset,
            spare: [0; 16],
        });
        self
    }

    /// Puts an instrument's state, or a system event's code, into the body.
    pub fn with_state(self, value: u8) -> Self {
        self.with_auction(value, 0)
    }

    /// The same with the kind of auction; see [`StateChange::auction`].
    pub fn with_auction(mut self, value: u8, auction: u8) -> Self {
        self.body = zerocopy::transmute!(StateChange {
            value,
            auction,
            spare: [0; 38],
        });
        self
    }

    /// Puts a new day into the body.
    pub fn with_new_day(mut self, midnight_ns: u64) -> Self {
        self.body = zerocopy::transmute!(NewDay {
            midnight_ns,
            spare: [0; 32],
        });
        self
    }

    /// Puts a protection into the body.
    pub fn with_protection(mut self, volatility_ppm: u32, pause_seconds: u32) -> Self {
        self.body = zerocopy::transmute!(Protection {
            volatility_ppm,
            pause_seconds,
            spare: [0; 32],
        });
        self
    }

    /// Puts an order into the body.
    pub fn with_order(mut self, order: Order) -> Self {
        self.body = zerocopy::transmute!(order);
        self
    }

    /// Side, time in force, display and cross type of an order in one word, to be compared with [`Order::kind_word`].
    #[inline(always)]
    pub fn kind_word(&self) -> u64 {
        self.body[4].to_le() & Order::KIND_MASK
    }

    /// Puts options into the extension.
    pub fn with_options(mut self, options: OrderOptions) -> Self {
        self.extension = zerocopy::transmute!(options);
        self
    }

    /// True when the extension says something, so that the journal must write it.
    #[inline]
    pub fn is_extended(&self) -> bool {
        // PERF: eight words; comparing bytes is a call.
        self.extension.into_iter().fold(0, |all, word| all | word) != 0
    }
}

/// `KillSwitch::account` of the switch for all accounts.
pub const ALL_ACCOUNTS: u32 = u32::MAX;

/// The operator's kill switch goes on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct KillSwitch {
    /// Account index, or [`ALL_ACCOUNTS`].
    pub account: u32,
    /// 1: on, 0: off.
    pub is_on: u8,
    /// Spare, zero.
    pub spare: [u8; 35],
}

/// `CancelOrders::session` of the orders of all sessions.
pub const ALL_SESSIONS: u32 = u32::MAX;

/// Orders of an account are canceled; what comes behind them is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct CancelOrders {
    /// Account index.
    pub account: u32,
    /// Only those of this session of it, or [`ALL_SESSIONS`].
    pub session: u32,
    /// Spare, zero.
    pub spare: [u8; 32],
}

/// A session's login has a new password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct PasswordChange {
    /// Session index.
    pub session: u32,
    /// Spare, zero.
    pub spare: [u8; 36],
}

/// Bytes of a definition: body and extension together.
pub const DEFINITION_BYTES: usize = 104;

/// The fields that enter, replace, cancel, modify and the account's own requests share. Bytes that the client chose
/// stay as they came: refusing them is the exchange's business, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Order {
    /// The price on the wire; see [`Price`].
    pub price: u64,
    /// The request's own UserRefNum; for cancel and modify the order's.
    pub user_ref: u32,
    /// Replace: the order to replace. Else 0.
    pub orig_user_ref: u32,
    /// Lots.
    pub quantity: u32,
    /// ASCII, as entered.
    pub cl_ord_id: [u8; 14],
    /// `B`, `S`, or what the client sent.
    pub side: u8,
    /// OUCH time in force.
    pub time_in_force: u8,
    /// OUCH display.
    pub display: u8,
    /// OUCH capacity; echoed.
    pub capacity: u8,
    /// OUCH InterMarket Sweep Eligibility; echoed.
    pub sweep: u8,
    /// OUCH CrossType.
    pub cross_type: u8,
}

impl Order {
    /// The bytes of side, time in force, display and cross type in the body's last word, which begins with two of
    /// `cl_ord_id`.
    const KIND_MASK: u64 = u64::from_le_bytes([0, 0, 0xFF, 0xFF, 0xFF, 0, 0, 0xFF]);

    /// What [`Command::kind_word`] is for an order of this kind.
    pub const fn kind_word(side: u8, time_in_force: u8, display: u8, cross_type: u8) -> u64 {
        u64::from_le_bytes([0, 0, side, time_in_force, display, 0, 0, cross_type])
    }
}

/// OUCH options of an order, where the client sent any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct OrderOptions {
    /// Which options were sent: the `HAS_*` bits.
    pub present: u32,
    /// Option 2.
    pub firm: [u8; 4],
    /// Option 128 StopPrice, or 0.
    pub stop_price: u64,
    /// Option 130 Funds, or 0.
    pub funds: u64,
    /// Option 3.
    pub min_quantity: u32,
    /// Option 5.
    pub max_floor: u32,
    /// Option 15, seconds.
    pub expire_time: u32,
    /// Option 13.
    pub random_reserves: u32,
    /// Option 26.
    pub locate_broker: [u8; 4],
    /// Option 24.
    pub group: u16,
    /// Option 4.
    pub customer_type: u8,
    /// Option 6.
    pub price_type: u8,
    /// Option 12.
    pub post_only: u8,
    /// Option 129.
    pub self_match: u8,
    /// Option 17.
    pub handle_inst: u8,
    /// Option 16.
    pub trade_now: u8,
    /// Option 25.
    pub shares_located: u8,
    /// Option 28.
    pub user_ref_index: u8,
    /// Option 27.
    pub side: u8,
    /// Spare, zero.
    pub spare: [u8; 9],
}

const _: () = assert!(size_of::<Order>() == 40 && size_of::<OrderOptions>() == 64);

impl OrderOptions {
    /// Option 2 was sent.
    pub const HAS_FIRM: u32 = 1 << 0;
    /// Option 3 was sent.
    pub const HAS_MIN_QUANTITY: u32 = 1 << 1;
    /// Option 4 was sent.
    pub const HAS_CUSTOMER_TYPE: u32 = 1 << 2;
    /// Option 5 was sent.
    pub const HAS_MAX_FLOOR: u32 = 1 << 3;
    /// Option 6 was sent.
    pub const HAS_PRICE_TYPE: u32 = 1 << 4;
    /// Option 7 or 11 was sent with a value other than 0: pegging.
    pub const HAS_PEG: u32 = 1 << 5;
    /// Option 9 or 10 was sent with a meaning: discretion.
    pub const HAS_DISCRETION: u32 = 1 << 6;
    /// Option 12 was sent.
    pub const HAS_POST_ONLY: u32 = 1 << 7;
    /// Option 13 was sent.
    pub const HAS_RANDOM_RESERVES: u32 = 1 << 8;
    /// Option 14 was sent with a destination.
    pub const HAS_ROUTE: u32 = 1 << 9;
    /// Option 15 was sent.
    pub const HAS_EXPIRE_TIME: u32 = 1 << 10;
    /// Option 16 was sent.
    pub const HAS_TRADE_NOW: u32 = 1 << 11;
    /// Option 17 was sent.
    pub const HAS_HANDLE_INST: u32 = 1 << 12;
    /// Option 24 was sent.
    pub const HAS_GROUP: u32 = 1 << 13;
    /// Option 25 was sent.
    pub const HAS_SHARES_LOCATED: u32 = 1 << 14;
    /// Option 26 was sent.
    pub const HAS_LOCATE_BROKER: u32 = 1 << 15;
    /// Option 27 was sent.
    pub const HAS_SIDE: u32 = 1 << 16;
    /// Option 28 was sent.
    pub const HAS_USER_REF_INDEX: u32 = 1 << 17;
    /// Option 128 was sent.
    pub const HAS_STOP_PRICE: u32 = 1 << 18;
    /// Option 129 was sent.
    pub const HAS_SELF_MATCH: u32 = 1 << 19;
    /// Option 130 was sent.
    pub const HAS_FUNDS: u32 = 1 << 20;
    /// A known option had the wrong size or an undefined value: refused 0x000F.
    pub const MALFORMED: u32 = 1 << 31;

    /// True when every bit of `mask` was sent.
    pub fn has(&self, mask: u32) -> bool {
        self.present & mask == mask
    }
}

/// Deposit or withdrawal by the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Transfer {
    /// Smallest units; low and high half of a u128.
    pub amount: [u64; 2],
    /// Account index.
    pub account: u32,
    /// Asset index.
    pub asset: u32,
    /// Spare, zero.
    pub spare: [u8; 16],
}

/// An instrument's state, or a system event's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct StateChange {
    /// The event code or [`crate::exchange::instrument::State`] byte.
    pub value: u8,
    /// Which cross the instrument collects orders for: `O` opening, `C` closing, `H` after a halt; 0 = by rule (from
    /// pre-open and closed the opening, from trading the closing, else after a halt). Says nothing with other states.
    pub auction: u8,
    /// Spare, zero.
    pub spare: [u8; 38],
}

/// What the times of a new day count from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct NewDay {
    /// The midnight UTC before the new day's first command, nanoseconds since 1970.
    pub midnight_ns: u64,
    /// Spare, zero.
    pub spare: [u8; 32],
}

/// When an instrument pauses by itself: a match would be too far from the last price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct Protection {
    /// Parts per million around the last price; 0 = never.
    pub volatility_ppm: u32,
    /// How long it pauses, seconds.
    pub pause_seconds: u32,
    /// Spare, zero.
    pub spare: [u8; 32],
}

const _: () = assert!(
    size_of::<Transfer>() == 40
        && size_of::<StateChange>() == 40
        && size_of::<KillSwitch>() == 40
        && size_of::<CancelOrders>() == 40
        && size_of::<PasswordChange>() == 40
        && size_of::<Protection>() == 40
        && size_of::<NewDay>() == 40
);

/// An asset: the next index is given in order, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct AssetDefinition {
    /// Name, as in symbols.
    pub name: [u8; 8],
    /// Decimals of its smallest unit.
    pub decimals: u8,
    /// Spare, zero.
    pub spare: [u8; 95],
}

/// An instrument: the next stock locate is given in order, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct InstrumentDefinition {
    /// `BTC-USD`.
    pub symbol: [u8; 8],
    /// Smallest base units in one lot; low and high half of a u128.
    pub lot_size: [u64; 2],
    /// Smallest base units the price is quoted for.
    pub price_unit: [u64; 2],
    /// Highest value of one order, smallest quote units; above: 0x001F.
    pub notional_max: [u64; 2],
    /// Fat-finger value of one order, smallest quote units; above: 0x0006; 0 = none.
    pub fat_finger: [u64; 2],
    /// Price step in 0.0001 of the quote asset.
    pub tick_size: u32,
    /// Highest price, in 0.0001 of the quote asset.
    pub price_max: u32,
    /// Lots.
    pub quantity_max: u32,
    /// Parts per million around the reference price.
    pub collar_ppm: u32,
    /// Parts per million of a fill's value; negative is a rebate.
    pub maker_fee_ppm: i32,
    /// Parts per million of a fill's value.
    pub taker_fee_ppm: i32,
    /// Reference for the collar before the first trade, in 0.0001.
    pub reference_price: u32,
    /// Asset index.
    pub base: u16,
    /// Asset index.
    pub quote: u16,
}

/// An account: the next index is given in order, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct AccountDefinition {
    /// Name for the operator: 16 ASCII characters, padded.
    pub name: [u8; 16],
    /// Firm of orders that name none.
    pub firm: [u8; 4],
    /// Most open orders at once; above: 0x000F.
    pub open_orders_max: u32,
    /// Most lots in one order; above: 0x0031.
    pub quantity_max: u32,
    /// Requests a second; 0 = no limit.
    pub rate_per_second: u32,
    /// Requests at once on top of the rate.
    pub rate_burst: u32,
    /// Self-match mode of orders that name none: `O`, `W`, `D` or `B`.
    pub self_match: u8,
    /// 1: the session's orders are canceled when its connection ends.
    pub cancel_on_disconnect: u8,
    /// 1: wants option 131 Fee on executions.
    pub fee_reports: u8,
    /// A [`Permissions`].
    pub permissions: u8,
    /// Spare, zero.
    pub spare: [u8; 64],
}

/// What an account may do. The numbers are the journal's; one that is none of them is taken by no command.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Permissions {
    /// Everything.
    #[default]
    Trade = 0,
    /// Everything but orders and replacements: what only takes risk away.
    Cancel = 1,
    /// Account Query, and what needs no command: its stream, its questions.
    View = 2,
}

impl Permissions {
    /// The permissions for a byte.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Trade),
            1 => Some(Self::Cancel),
            2 => Some(Self::View),
            _ => None,
        }
    }
}

/// A session (a port) of an account: the next index is given in order, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct SessionDefinition {
    /// Login name, upper case, padded.
    pub username: [u8; 6],
    /// Spare, zero.
    pub spare: [u8; 2],
    /// Account index.
    pub account: u32,
    /// Spare, zero.
    pub spare_two: [u8; 92],
}

/// What can be changed of an account: all of it is given, changed or not. The name stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct AccountChange {
    /// Account index.
    pub account: u32,
    /// As in [`AccountDefinition`], and so are those below.
    pub firm: [u8; 4],
    /// Most open orders at once.
    pub open_orders_max: u32,
    /// Most lots in one order.
    pub quantity_max: u32,
    /// Requests a second; 0 = no limit.
    pub rate_per_second: u32,
    /// Requests at once on top of the rate.
    pub rate_burst: u32,
    /// Self-match mode of orders that name none.
    pub self_match: u8,
    /// 1: the session's orders are canceled when its connection ends.
    pub cancel_on_disconnect: u8,
    /// 1: wants option 131 Fee on executions.
    pub fee_reports: u8,
    /// A [`Permissions`].
    pub permissions: u8,
    /// Spare, zero.
    pub spare: [u8; 76],
}

/// What can be changed of an instrument: all of it is given, changed or not. Symbol, assets, lot, price unit, tick and
/// highest price stay: resting orders, values and the price ladder are measured in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
pub struct InstrumentChange {
    /// As in [`InstrumentDefinition`], and so are those below.
    pub notional_max: [u64; 2],
    /// Fat-finger value of one order, smallest quote units; 0 = none.
    pub fat_finger: [u64; 2],
    /// Lots.
    pub quantity_max: u32,
    /// Parts per million around the reference price.
    pub collar_ppm: u32,
    /// Parts per million of a fill's value; negative is a rebate.
    pub maker_fee_ppm: i32,
    /// Parts per million of a fill's value.
    pub taker_fee_ppm: i32,
    /// Reference for the collar before the first trade, in 0.0001.
    pub reference_price: u32,
    /// Spare, zero.
    pub spare: [u8; 52],
}

impl AccountChange {
    /// The change that makes account `account` as `definition` says, its name apart.
    pub fn new(account: u32, definition: &AccountDefinition) -> Self {
        Self {
            account,
            firm: definition.firm,
            open_orders_max: definition.open_orders_max,
            quantity_max: definition.quantity_max,
            rate_per_second: definition.rate_per_second,
            rate_burst: definition.rate_burst,
            self_match: definition.self_match,
            cancel_on_disconnect: definition.cancel_on_disconnect,
            fee_reports: definition.fee_reports,
            permissions: definition.permissions,
            spare: [0; 76],
        }
    }
}

impl InstrumentChange {
    /// The change that makes an instrument as `definition` says, as far as it can be changed.
    pub fn new(definition: &InstrumentDefinition) -> Self {
        Self {
            notional_max: definition.notional_max,
            fat_finger: definition.fat_finger,
            quantity_max: definition.quantity_max,
            collar_ppm: definition.collar_ppm,
            maker_fee_ppm: definition.maker_fee_ppm,
            taker_fee_ppm: definition.taker_fee_ppm,
            reference_price: definition.reference_price,
            spare: [0; 52],
        }
    }
}

const _: () = assert!(
    size_of::<AccountChange>() == DEFINITION_BYTES
        && size_of::<InstrumentChange>() == DEFINITION_BYTES
        && size_of::<AssetDefinition>() == DEFINITION_BYTES
        && size_of::<InstrumentDefinition>() == DEFINITION_BYTES
        && size_of::<AccountDefinition>() == DEFINITION_BYTES
        && size_of::<SessionDefinition>() == DEFINITION_BYTES
);

/// The two halves of a u128, low first, as commands carry it (an alignment of 8 keeps the layouts free of padding).
pub fn halves(value: u128) -> [u64; 2] {
    [value as u64, (value >> 64) as u64]
}

/// A u128 of its two halves.
pub fn whole(halves: [u64; 2]) -> u128 {
    u128::from(halves[1]) << 64 | u128::from(halves[0])
}

impl InstrumentDefinition {
    /// The symbol.
    pub fn symbol(&self) -> Symbol {
        Symbol(self.symbol)
    }

    /// The highest price.
    pub fn price_max(&self) -> Price {
        Price(u64::from(self.price_max))
    }
}
