//! What an operator may ask for.

use serde::{Deserialize, Serialize};

use crate::config::AccountPermissions;
use crate::exchange::instrument::State;

/// A login of an account. The password itself never comes here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// Login name.
    pub username: String,
    /// The password's hash.
    pub password_hash: String,
}

/// What may be said of an account. What is left out stays as it is, or as it is for a new account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccountLimits {
    /// Firm of orders that name none.
    pub firm: Option<String>,
    /// Most open orders at once.
    pub max_open_orders: Option<u32>,
    /// Most lots in one order.
    pub max_quantity: Option<u32>,
    /// Requests a second of each session; 0 = no limit.
    pub max_rate: Option<u32>,
    /// Requests at once on top of the rate.
    pub max_burst: Option<u32>,
    /// Cancel a session's orders when its connection ends.
    pub cancel_on_disconnect: Option<bool>,
    /// What it may do.
    pub permissions: Option<AccountPermissions>,
}

/// What may be said of an instrument. What is left out stays as it is. Amounts are decimal text, rates percentages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InstrumentLimits {
    /// Most lots of an order.
    pub max_quantity: Option<u32>,
    /// Most value of an order, in the quote asset.
    pub max_notional: Option<String>,
    /// Fat-finger value, in the quote asset; `0`: none.
    pub fat_finger: Option<String>,
    /// How far an order may reach beyond the last trade.
    pub collar: Option<String>,
    /// The collar's centre before the first trade.
    pub reference_price: Option<String>,
    /// A match so far from the last price does not happen; `0%`: no such protection.
    pub volatility: Option<String>,
    /// Seconds that trading pauses then.
    pub pause: Option<u32>,
}

/// States that an operator may put an instrument into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StateName {
    /// Nothing is taken but cancels, nothing trades.
    Halted,
    /// Continuous trading; orders that were collected meet in a cross before.
    Trading,
    /// Orders collect for a cross.
    Auction,
    /// Orders collect before the opening.
    PreOpen,
    /// Only cancels.
    CancelOnly,
    /// Not traded.
    Closed,
}

impl StateName {
    /// As the exchange has it.
    pub fn state(self) -> State {
        match self {
            Self::Halted => State::Halted,
            Self::Trading => State::Trading,
            Self::Auction => State::Auction,
            Self::PreOpen => State::PreOpen,
            Self::CancelOnly => State::CancelOnly,
            Self::Closed => State::Closed,
        }
    }
}

/// A request: one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// All accounts.
    Accounts {},
    /// One account: limits and balances.
    Account {
        /// Its name.
        account: String,
    },
    /// All sessions.
    Sessions {},
    /// All logins of drop copies, and their connections.
    DropCopies {},
    /// All instruments.
    Instruments {},
    /// Open orders.
    Orders {
        /// Of this account only.
        #[serde(default)]
        account: Option<String>,
        /// Of this session only.
        #[serde(default)]
        session: Option<String>,
        /// In this instrument only.
        #[serde(default)]
        instrument: Option<String>,
        /// Rows at most.
        #[serde(default)]
        limit: Option<usize>,
    },
    /// Counters of all stages, what waits between them, how long things took.
    Stat {},
    /// The last command that is durable and applied.
    Position {},
    /// Money comes in.
    Deposit {
        /// Whose.
        account: String,
        /// Of which asset.
        asset: String,
        /// How much, decimal text.
        amount: String,
    },
    /// Money goes out.
    Withdraw {
        /// Whose.
        account: String,
        /// Of which asset.
        asset: String,
        /// How much, decimal text.
        amount: String,
    },
    /// A new account.
    AddAccount {
        /// Its name.
        account: String,
        /// What it may do.
        #[serde(default)]
        limits: AccountLimits,
        /// Its sessions.
        logins: Vec<Login>,
    },
    /// A further session of an account.
    AddSession {
        /// Whose.
        account: String,
        /// Its login.
        login: Login,
    },
    /// Another password of a session, from its next login on.
    Password {
        /// The session's login.
        login: Login,
    },
    /// New instruments, and assets that they need.
    AddInstrument {
        /// `[[instruments]]`, and `[[assets]]`, as in a configuration file.
        definition: String,
    },
    /// Fees of an instrument.
    Fees {
        /// Its symbol.
        instrument: String,
        /// Percentage; negative is a rebate.
        #[serde(default)]
        maker: Option<String>,
        /// Percentage.
        #[serde(default)]
        taker: Option<String>,
    },
    /// Limits of an account.
    AccountLimits {
        /// Its name.
        account: String,
        /// What is to be changed.
        limits: AccountLimits,
    },
    /// Limits of an instrument.
    InstrumentLimits {
        /// Its symbol.
        instrument: String,
        /// What is to be changed.
        limits: InstrumentLimits,
    },
    /// State of an instrument, or of all.
    State {
        /// Its symbol; left out: all of them.
        #[serde(default)]
        instrument: Option<String>,
        /// The state.
        state: StateName,
        /// Of an auction: which cross orders collect for: `O` opening, `C` closing, `H` after a halt.
        #[serde(default)]
        cross: Option<char>,
    },
    /// The kill switch of an account, or of all.
    Kill {
        /// Its name; left out: all of them.
        #[serde(default)]
        account: Option<String>,
        /// On, or off.
        on: bool,
    },
    /// All orders of an account are canceled.
    Cancel {
        /// Whose; left out: the session's.
        #[serde(default)]
        account: Option<String>,
        /// Of this session only.
        #[serde(default)]
        session: Option<String>,
        /// In this instrument only.
        #[serde(default)]
        instrument: Option<String>,
    },
    /// The day ends now, and rolls.
    Roll {},
    /// A snapshot is taken now.
    Snapshot {},
    /// The exchange ends in order.
    Stop {},
}
