//! `exchange admin`: what an operator asks of a running exchange, and what he changes.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use engine::admin::{AccountLimits, Answer, InstrumentLimits, Login, Request, StateName};
use engine::config::AccountPermissions;
use serde_json::Value;

use super::secret::PasswordArgument;
use super::socket::SocketArgument;
use super::table::{facts, table};
use super::{Failure, print};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    socket: SocketArgument,
    /// The answer as JSON, for programs.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List all accounts.
    Accounts,
    /// Show an account: limits, sessions, balances.
    Account {
        /// Name of the account.
        account: String,
    },
    /// List all sessions.
    Sessions,
    /// List drop copies: their firms, who is connected, how far each is behind. They come and go with the `drop_copy` tables
    /// of the configuration: change the file, then reload (SIGHUP).
    DropCopies,
    /// List instruments: states, prices, fees, limits.
    Instruments,
    /// List open orders, the oldest of each account first.
    Orders {
        /// Only those of this account.
        #[arg(long)]
        account: Option<String>,
        /// Only those of this session.
        #[arg(long)]
        session: Option<String>,
        /// Only those of this instrument.
        #[arg(long)]
        instrument: Option<String>,
        /// Rows at most; 10,000 is the most there can be.
        #[arg(long, default_value_t = 1_000)]
        limit: usize,
    },
    /// Pay money in: ACCOUNT ASSET AMOUNT.
    Deposit {
        /// Name of the account.
        account: String,
        /// Name of the asset, like USD.
        asset: String,
        /// How much, as a decimal.
        amount: String,
    },
    /// Pay money out: ACCOUNT ASSET AMOUNT.
    Withdraw {
        /// Name of the account.
        account: String,
        /// Name of the asset, like USD.
        asset: String,
        /// How much, as a decimal.
        amount: String,
    },
    /// Add an account with a session. The password is asked for, and kept only as a hash.
    AddAccount {
        /// Name of the account.
        account: String,
        /// Login name of its session; left out: the account's name.
        #[arg(long, value_name = "USERNAME")]
        session: Option<String>,
        #[command(flatten)]
        limits: AccountFlags,
        #[command(flatten)]
        password: PasswordArgument,
    },
    /// Add a further session to an account.
    AddSession {
        /// Name of the account.
        account: String,
        /// Login name of the session.
        username: String,
        #[command(flatten)]
        password: PasswordArgument,
    },
    /// Change the password of a session, from its next login on. It is asked for, and kept only as a hash.
    Password {
        /// Login name of the session.
        username: String,
        #[command(flatten)]
        password: PasswordArgument,
    },
    /// Add instruments, and assets that they need, from a file with those sections of a configuration.
    AddInstrument {
        /// The file; `-`: standard input.
        file: PathBuf,
    },
    /// Change an instrument's fees. Orders that rest keep the fees they entered under.
    Fees {
        /// Symbol of the instrument.
        instrument: String,
        /// Percentage, like 0.02%; negative is a rebate.
        #[arg(long, allow_hyphen_values = true)]
        maker: Option<String>,
        /// Percentage, like 0.05%.
        #[arg(long)]
        taker: Option<String>,
    },
    /// Change limits of an account or of an instrument.
    #[command(subcommand)]
    Limits(LimitsOf),
    /// Halt an instrument: nothing is taken but cancels.
    Halt(Where),
    /// Let an instrument trade again; what was collected meets in a cross first.
    Resume(Where),
    /// Collect orders for a cross; `resume` ends it.
    Auction {
        #[command(flatten)]
        place: Where,
        /// Which cross: opening, closing, halt; left out: by the state it comes from.
        #[arg(long, value_enum)]
        cross: Option<Cross>,
    },
    /// Take nothing but cancels.
    CancelOnly(Where),
    /// Close an instrument without a cross.
    Close(Where),
    /// Kill switch on: no more orders, and those there are canceled.
    Kill(Whom),
    /// Kill switch off.
    Release(Whom),
    /// Cancel all orders of an account or a session; further ones are taken.
    CancelAll {
        /// Those of this account.
        #[arg(long, required_unless_present = "session")]
        account: Option<String>,
        /// Those of this session.
        #[arg(long)]
        session: Option<String>,
        /// Only those of this instrument.
        #[arg(long)]
        instrument: Option<String>,
    },
    /// End the trading day now: all instruments close, orders of the day end, half a minute later the next day begins.
    Roll,
    /// Take a snapshot now.
    Snapshot,
    /// End the exchange in order: what was taken is decided, written and told.
    Stop,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Where {
    /// Symbol of the instrument.
    instrument: Option<String>,
    /// All instruments at once.
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Whom {
    /// Name of the account.
    account: Option<String>,
    /// All accounts: a switch of its own beside those of single accounts.
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Cross {
    Opening,
    Closing,
    Halt,
}

#[derive(Debug, Subcommand)]
enum LimitsOf {
    /// Change limits of an account.
    Account {
        /// Name of the account.
        account: String,
        #[command(flatten)]
        limits: AccountFlags,
    },
    /// Change limits of an instrument.
    Instrument {
        /// Symbol of the instrument.
        instrument: String,
        #[command(flatten)]
        limits: InstrumentFlags,
    },
}

#[derive(Debug, Args)]
struct AccountFlags {
    /// Firm of orders that name none.
    #[arg(long)]
    firm: Option<String>,
    /// Most open orders at once.
    #[arg(long, value_name = "COUNT")]
    max_open_orders: Option<u32>,
    /// Most lots in one order.
    #[arg(long, value_name = "LOTS")]
    max_quantity: Option<u32>,
    /// Requests a second of each session; 0: no limit.
    #[arg(long, value_name = "COUNT")]
    max_rate: Option<u32>,
    /// Requests at once on top of the rate.
    #[arg(long, value_name = "COUNT")]
    max_burst: Option<u32>,
    /// Cancel a session's orders when its connection ends.
    #[arg(long, value_name = "true|false")]
    cancel_on_disconnect: Option<bool>,
    /// What the account may do.
    #[arg(long, value_enum)]
    permissions: Option<May>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum May {
    /// Everything.
    Trade,
    /// Everything but orders and replacements.
    Cancel,
    /// Log in, read its stream, ask questions.
    View,
}

impl From<May> for AccountPermissions {
    fn from(may: May) -> Self {
        match may {
            May::Trade => Self::Trade,
            May::Cancel => Self::Cancel,
            May::View => Self::View,
        }
    }
}

impl From<AccountFlags> for AccountLimits {
    fn from(flags: AccountFlags) -> Self {
        let AccountFlags {
            firm,
            max_open_orders,
            max_quantity,
            max_rate,
            max_burst,
            cancel_on_disconnect,
            permissions,
        } = flags;
        Self {
            firm,
            max_open_orders,
            max_quantity,
            max_rate,
            max_burst,
            cancel_on_disconnect,
            permissions: permissions.map(AccountPermissions::from),
        }
    }
}

#[derive(Debug, Args)]
struct InstrumentFlags {
    /// Most lots in one order.
    #[arg(long, value_name = "LOTS")]
    max_quantity: Option<u32>,
    /// Most value of an order, in the quote asset.
    #[arg(long, value_name = "AMOUNT")]
    max_notional: Option<String>,
    /// A value above this is taken for a slip of the finger; 0: no such check.
    #[arg(long, value_name = "AMOUNT")]
    fat_finger: Option<String>,
    /// How far an order may reach beyond the last trade, like 10%.
    #[arg(long, value_name = "PERCENT")]
    collar: Option<String>,
    /// The collar's centre until the next trade.
    #[arg(long, value_name = "PRICE")]
    reference_price: Option<String>,
    /// A trade so far from the last one does not happen, trading pauses; 0%: no protection.
    #[arg(long, value_name = "PERCENT")]
    volatility: Option<String>,
    /// Seconds of such a pause.
    #[arg(long, value_name = "SECONDS")]
    pause: Option<u32>,
}

impl From<InstrumentFlags> for InstrumentLimits {
    fn from(flags: InstrumentFlags) -> Self {
        let InstrumentFlags {
            max_quantity,
            max_notional,
            fat_finger,
            collar,
            reference_price,
            volatility,
            pause,
        } = flags;
        Self {
            max_quantity,
            max_notional,
            fat_finger,
            collar,
            reference_price,
            volatility,
            pause,
        }
    }
}

fn state(place: Where, state: StateName, cross: Option<char>) -> Request {
    Request::State {
        instrument: place.instrument,
        state,
        cross,
    }
}

fn login(username: String, password: &PasswordArgument) -> Result<Login, Failure> {
    Ok(Login {
        password_hash: password.hash(&username)?,
        username,
    })
}

fn definition(file: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(file)
    };
    read.map_err(|error| Failure::Refused(format!("{}: can not be read: {error}", file.display())))
}

fn request(verb: Verb) -> Result<Request, Failure> {
    Ok(match verb {
        Verb::Accounts => Request::Accounts {},
        Verb::Account { account } => Request::Account { account },
        Verb::Sessions => Request::Sessions {},
        Verb::DropCopies => Request::DropCopies {},
        Verb::Instruments => Request::Instruments {},
        Verb::Orders {
            account,
            session,
            instrument,
            limit,
        } => Request::Orders {
            account,
            session,
            instrument,
            limit: Some(limit),
        },
        Verb::Deposit {
            account,
            asset,
            amount,
        } => Request::Deposit {
            account,
            asset,
            amount,
        },
        Verb::Withdraw {
            account,
            asset,
            amount,
        } => Request::Withdraw {
            account,
            asset,
            amount,
        },
        Verb::AddAccount {
            account,
            session,
            limits,
            password,
        } => Request::AddAccount {
            logins: vec![login(session.unwrap_or_else(|| account.clone()), &password)?],
            account,
            limits: limits.into(),
        },
        Verb::AddSession {
            account,
            username,
            password,
        } => Request::AddSession {
            account,
            login: login(username, &password)?,
        },
        Verb::Password { username, password } => Request::Password {
            login: login(username, &password)?,
        },
        Verb::AddInstrument { file } => Request::AddInstrument {
            definition: definition(&file)?,
        },
        Verb::Fees {
            instrument,
            maker,
            taker,
        } => Request::Fees {
            instrument,
            maker,
            taker,
        },
        Verb::Limits(LimitsOf::Account { account, limits }) => Request::AccountLimits {
            account,
            limits: limits.into(),
        },
        Verb::Limits(LimitsOf::Instrument { instrument, limits }) => Request::InstrumentLimits {
            instrument,
            limits: limits.into(),
        },
        Verb::Halt(place) => state(place, StateName::Halted, None),
        Verb::Resume(place) => state(place, StateName::Trading, None),
        Verb::Auction { place, cross } => {
            let cross = cross.map(|cross| match cross {
                Cross::Opening => 'O',
                Cross::Closing => 'C',
                Cross::Halt => 'H',
            });
            state(place, StateName::Auction, cross)
        }
        Verb::CancelOnly(place) => state(place, StateName::CancelOnly, None),
        Verb::Close(place) => state(place, StateName::Closed, None),
        Verb::Kill(Whom { account, .. }) => Request::Kill { account, on: true },
        Verb::Release(Whom { account, .. }) => Request::Kill { account, on: false },
        Verb::CancelAll {
            account,
            session,
            instrument,
        } => Request::Cancel {
            account,
            session,
            instrument,
        },
        Verb::Roll => Request::Roll {},
        Verb::Snapshot => Request::Snapshot {},
        Verb::Stop => Request::Stop {},
    })
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { socket, json, verb } = arguments;
    // What was typed is judged before anybody is asked.
    let request = request(verb)?;
    let answer = socket.connect()?.ask(&request)?;
    if json {
        print(&(answer.line() + "\n"))?;
    } else {
        print(&words(&answer))?;
    }
    match answer.error {
        Some(error) => Err(Failure::Ended(error)),
        None => Ok(()),
    }
}

/// The answer for people; what went wrong is said by the caller.
fn words(answer: &Answer) -> String {
    let mut text = String::new();
    for done in &answer.done {
        text += &format!("{}  command {}  {}\n", done.time, done.command, done.what);
    }
    if let Some(Value::Object(about)) = &answer.about {
        text += &facts(about);
        text.push('\n');
    }
    if let Some(rows) = &answer.rows {
        text += &table(rows);
    }
    if let Some(said) = &answer.text {
        text += said;
        text.push('\n');
    }
    if answer.more {
        text += "... and more: ask for fewer accounts, or with a higher --limit\n";
    }
    text
}
