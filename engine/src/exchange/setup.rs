//! The operator's commands: assets, instruments, accounts, sessions, money in and out, states.

use super::Exchange;
use super::account::{Account, RateBucket, Session};
use super::auction::Auction;
use super::command::{
    AccountDefinition, AssetDefinition, Command, InstrumentDefinition, Permissions, SessionDefinition,
    Transfer,
};
use super::event::{Event, EventKind, Refusal};
use super::instrument::{Instrument, round_lot_size};
use super::schedule::FeeSchedule;
use super::sink::{Progress, Sink, Step};
use super::unseen::Unseen;

/// A command of the operator is not carried out.
pub(super) fn refuse<S: Sink>(step: &mut Step<'_, S>, refusal: Refusal) -> Progress {
    step.emit(Event {
        detail: refusal as u32,
        ..Event::new(EventKind::OperationRefused)
    });
    Progress::Done
}

impl Exchange {
    pub(super) fn refuse_operation<S: Sink>(&mut self, step: &mut Step<'_, S>) -> Progress {
        refuse(step, Refusal::Invalid)
    }

    /// The transfer's account and asset, when both exist.
    fn transfer_target(&self, transfer: &Transfer) -> Option<(u32, u16)> {
        let asset = u16::try_from(transfer.asset).ok()?;
        let exist = transfer.account < self.account_count() && transfer.asset < self.asset_count();
        exist.then_some((transfer.account, asset))
    }

    pub(super) fn deposit<S: Sink>(&mut self, command: &Command, step: &mut Step<'_, S>) -> Progress {
        let transfer = command.transfer();
        match self.transfer_target(&transfer) {
            None => refuse(step, Refusal::Unknown),
            Some((account, asset)) if self.ledger.deposit(account, asset, transfer.amount) => Progress::Done,
            Some(_) => refuse(step, Refusal::Invalid),
        }
    }

    pub(super) fn withdraw<S: Sink>(&mut self, command: &Command, step: &mut Step<'_, S>) -> Progress {
        let transfer = command.transfer();
        match self.transfer_target(&transfer) {
            None => refuse(step, Refusal::Unknown),
            Some((account, asset)) if self.ledger.withdraw(account, asset, transfer.amount) => Progress::Done,
            Some(_) => refuse(step, Refusal::Insufficient),
        }
    }

    pub(super) fn add_asset<S: Sink>(&mut self, command: &Command, step: &mut Step<'_, S>) -> Progress {
        let definition: AssetDefinition = command.definition();
        if self
            .ledger
            .assets()
            .iter()
            .any(|asset| asset.name == definition.name)
        {
            return refuse(step, Refusal::Duplicate);
        }
        if !self.ledger.add_asset(definition.name, definition.decimals) {
            return refuse(step, Refusal::Full);
        }
        Progress::Done
    }

    pub(super) fn add_instrument<S: Sink>(&mut self, command: &Command, step: &mut Step<'_, S>) -> Progress {
        let definition: InstrumentDefinition = command.definition();
        let place = match self
            .symbols
            .binary_search_by_key(&definition.symbol, |&(symbol, _)| symbol)
        {
            Ok(_) => return refuse(step, Refusal::Duplicate),
            Err(place) => place,
        };
        if self.instruments.len() == self.limits.instruments as usize {
            return refuse(step, Refusal::Full);
        }
        let Some(schedule) = FeeSchedule::new(definition.maker_fee_ppm, definition.taker_fee_ppm) else {
            return refuse(step, Refusal::Invalid);
        };
        // The table is written to when nothing can be refused any more.
        if !self.schedules.has_room_for(&schedule) {
            return refuse(step, Refusal::Full);
        }
        let locate = self.instrument_count() + 1;
        let assets = self.ledger.assets();
        let Some(mut instrument) = Instrument::new(definition, assets, locate) else {
            return refuse(step, Refusal::Invalid);
        };
        let index = self.schedules.index_of(schedule).expect("there is room");
        instrument.go_by(index, &schedule);
        step.emit(listed(locate, &instrument));
        step.emit(trading_action(locate, &instrument));
        self.auctions.push(Auction::new(locate, instrument.tick_max));
        self.timers.add_instrument();
        self.unseen.push(Unseen::new(locate, instrument.tick_max));
        self.instruments.push(instrument);
        self.symbols.insert(place, (definition.symbol, locate));
        Progress::Done
    }

    pub(super) fn add_account<S: Sink>(&mut self, command: &Command, step: &mut Step<'_, S>) -> Progress {
        let definition: AccountDefinition = command.definition();
        if !is_self_match_mode(definition.self_match)
            || Permissions::from_byte(definition.permissions).is_none()
        {
            return refuse(step, Refusal::Invalid);
        }
        if self.accounts.len() == self.limits.accounts as usize {
            return refuse(step, Refusal::Full);
        }
        self.accounts.push(Account::new(definition));
        Progress::Done
    }

    pub(super) fn add_session<S: Sink>(&mut self, command: &Command, step: &mut Step<'_, S>) -> Progress {
        let SessionDefinition {
            username, account, ..
        } = command.definition();
        if account >= self.account_count() {
            return refuse(step, Refusal::Unknown);
        }
        let Err(place) = self.usernames.binary_search(&username) else {
            return refuse(step, Refusal::Duplicate);
        };
        if self.sessions.len() == self.limits.sessions as usize {
            return refuse(step, Refusal::Full);
        }
        let session = self.session_count();
        self.usernames.insert(place, username);
        self.sessions.push(Session {
            account,
            username,
            mark: 0,
            connected: false,
            bucket: RateBucket::default(),
        });
        step.emit(Event {
            session,
            code: b'S',
            ..Event::new(EventKind::SessionEvent)
        });
        Progress::Done
    }

    pub(super) fn connection_start(&mut self, command: &Command) -> Progress {
        if let Some(session) = self.sessions.get_mut(command.session as usize) {
            session.connected = true;
        }
        Progress::Done
    }
}

/// True for the modes that option 129 and accounts have.
pub(super) fn is_self_match_mode(mode: u8) -> bool {
    matches!(mode, b'O' | b'W' | b'D' | b'B')
}

/// The instrument is in the table.
pub(super) fn listed(locate: u16, instrument: &Instrument) -> Event {
    Event {
        instrument: locate,
        quantity: round_lot_size(&instrument.definition),
        number: u64::from_be_bytes(instrument.definition.symbol),
        ..Event::new(EventKind::InstrumentListed)
    }
}

/// Its state, as the feed says it.
pub(super) fn trading_action(locate: u16, instrument: &Instrument) -> Event {
    Event {
        instrument: locate,
        code: instrument.state.trading_action(),
        number: u64::from_be_bytes(instrument.definition.symbol),
        ..Event::new(EventKind::TradingAction)
    }
}
