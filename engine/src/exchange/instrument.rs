//! Instruments: what is traded, in which state, around which price.

use super::book::{Book, Side};
use super::checks::NOTIONAL_BITS;
use super::command::{InstrumentDefinition, whole};
use super::ledger::Asset;
use super::money::PPM;
use super::schedule::FeeSchedule;
use protocol::units::Price;

/// What may happen in an instrument. The bytes are those of question `i`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum State {
    /// Before the day's opening.
    PreOpen = b'P',
    /// Orders collect for a cross.
    Auction = b'A',
    /// Continuous trading.
    Trading = b'T',
    /// Paused by a price move.
    VolatilityPause = b'V',
    /// Halted by the operator.
    Halted = b'H',
    /// Only cancels.
    CancelOnly = b'C',
    /// Not traded.
    Closed = b'X',
}

impl State {
    /// Of a journaled byte.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            b'P' => Self::PreOpen,
            b'A' => Self::Auction,
            b'T' => Self::Trading,
            b'V' => Self::VolatilityPause,
            b'H' => Self::Halted,
            b'C' => Self::CancelOnly,
            b'X' => Self::Closed,
            _ => return None,
        })
    }

    /// As ITCH Stock Trading Action says it.
    pub fn trading_action(self) -> u8 {
        match self {
            Self::PreOpen | Self::Auction => b'Q',
            Self::Trading => b'T',
            Self::VolatilityPause => b'P',
            Self::Halted | Self::CancelOnly | Self::Closed => b'H',
        }
    }

    /// True while orders come in and none matches: all that can wait for the cross that ends this.
    pub fn collects(self) -> bool {
        matches!(self, Self::PreOpen | Self::Auction | Self::VolatilityPause)
    }

    /// True while subscribers are told each second what the cross would bring.
    pub fn shows_imbalance(self) -> bool {
        matches!(self, Self::Auction | Self::VolatilityPause)
    }
}

/// Which cross it is. The bytes are OUCH's and ITCH's cross types, and OUCH's liquidity flags of orders that trade in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CrossKind {
    /// The day's first.
    Opening = b'O',
    /// The day's last.
    Closing = b'C',
    /// After a halt or a pause.
    Halt = b'H',
}

impl CrossKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Opening, Self::Closing, Self::Halt];

    /// Of a cross type; `None` for that of orders which take part in any cross, and for all others.
    pub fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            b'O' => Some(Self::Opening),
            b'C' => Some(Self::Closing),
            b'H' => Some(Self::Halt),
            _ => None,
        }
    }

    /// That which an instrument collects for when it comes from `state` and nobody says otherwise.
    pub(super) fn behind(state: State) -> Self {
        match state {
            State::PreOpen | State::Closed => Self::Opening,
            State::Trading => Self::Closing,
            State::Auction | State::VolatilityPause | State::Halted | State::CancelOnly => Self::Halt,
        }
    }
}

/// The last match.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LastTrade {
    /// 0.0001 of the quote asset; 0 before the first trade.
    pub price: u32,
    /// Lots.
    pub quantity: u32,
    /// Its number.
    pub match_number: u64,
    /// The command's time.
    pub time: u64,
}

/// Limits of an order that goes the short way, reckoned when the definition comes or changes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gate {
    /// Highest value, quote units.
    pub(super) value_max: u128,
    /// Highest price that does not mean a market order, in 0.0001.
    pub(super) price_max: u64,
    /// The most that a fill can cost, parts per million.
    pub(super) rate_max_ppm: u32,
}

impl Gate {
    /// Nothing passes.
    const SHUT: Self = Self {
        value_max: 0,
        price_max: 0,
        rate_max_ppm: 0,
    };

    fn new(definition: &InstrumentDefinition, schedule: &FeeSchedule) -> Self {
        let limits = [definition.notional_max, definition.fat_finger].map(whole);
        let value_max = limits.into_iter().filter(|&limit| limit > 0);
        Self {
            value_max: value_max.fold((1 << NOTIONAL_BITS) - 1, u128::min),
            price_max: u64::from(definition.price_max).min(Price::MARKET_THRESHOLD.0 - 1),
            rate_max_ppm: schedule.rate_max_ppm,
        }
    }
}

/// An instrument and its book.
///
/// PERF: what every order reads lies in three cache lines, one behind the other.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Instrument {
    /// As defined.
    pub definition: InstrumentDefinition,
    /// What may happen now.
    pub state: State,
    /// What has to be looked at beside the displayed book when an order comes in: bits of `unseen`. 0 = nothing.
    pub(super) beside: u8,
    /// What orders pay that enter now: an index into the exchange's fee schedules.
    pub(super) schedule: u16,
    pub(super) tick_max: u32,
    /// Quote units of one lot at one tick.
    pub(super) tick_value: u64,
    /// How far from the reference a match may be, parts per million; farther away the instrument pauses. 0 = anywhere.
    pub(super) volatility_ppm: u32,
    /// How long it pauses.
    pub(super) pause_seconds: u32,
    pub(super) lot_size: u128,
    pub(super) gate: Gate,
    pub(super) book: Book,
    /// The last match.
    pub last_trade: LastTrade,
}

impl Instrument {
    /// `None` when the definition breaks a rule of `docs/protocol`: an inexact unit of value, a tick or limit of zero.
    /// Its fee schedule is the exchange's business.
    pub(super) fn new(definition: InstrumentDefinition, assets: &[Asset], locate: u16) -> Option<Self> {
        let base = assets.get(usize::from(definition.base))?;
        let quote = assets.get(usize::from(definition.quote))?;
        let exact = tick_value(&definition, quote.decimals)?;
        let sizes = definition.tick_size > 0
            && definition.price_max >= definition.tick_size
            && definition.price_max < u32::MAX
            && definition.quantity_max > 0
            && whole(definition.lot_size) < 1 << 90
            && base != quote;
        if !sizes {
            return None;
        }
        let tick_max = definition.price_max / definition.tick_size;
        Some(Self {
            definition,
            state: State::PreOpen,
            beside: 0,
            last_trade: LastTrade::default(),
            book: Book::new(locate, 0, tick_max),
            tick_value: exact,
            volatility_ppm: 0,
            pause_seconds: 0,
            lot_size: whole(definition.lot_size),
            gate: Gate::SHUT,
            schedule: 0,
            tick_max,
        })
    }

    /// Orders that enter from now on go by this fee schedule, whose index it is, and by the definition's limits as they
    /// are now.
    pub(super) fn go_by(&mut self, index: u16, schedule: &FeeSchedule) {
        self.schedule = index;
        self.gate = Gate::new(&self.definition, schedule);
    }

    /// What an order of this side binds.
    #[inline(always)]
    pub(super) fn asset(&self, side: Side) -> u16 {
        match side {
            Side::Buy => self.definition.quote,
            Side::Sell => self.definition.base,
        }
    }

    /// The price of a tick.
    pub(super) fn price(&self, tick: u32) -> u32 {
        tick * self.definition.tick_size
    }

    /// The price that collars are measured from; 0 when there is none yet.
    pub(super) fn reference(&self) -> u32 {
        match self.last_trade.price {
            0 => self.definition.reference_price,
            price => price,
        }
    }

    /// True for a limit that reaches beyond the collar: a buy above it, a sell below. The same border as
    /// [`Instrument::collar`], without its divisions.
    #[inline(always)]
    pub(super) fn is_beyond_collar(&self, side: Side, price: u32) -> bool {
        self.is_beyond_collar_of(self.reference(), side, price)
    }

    /// The same around another price.
    #[inline(always)]
    pub(super) fn is_beyond_collar_of(&self, reference: u32, side: Side, price: u32) -> bool {
        let reference = u64::from(reference);
        let (ppm, one) = (u64::from(self.definition.collar_ppm), u64::from(PPM));
        if ppm == 0 || reference == 0 {
            return false;
        }
        let price = u64::from(price) * one;
        match side {
            Side::Buy => price > reference.saturating_mul(one + ppm),
            Side::Sell => price < reference * one.saturating_sub(ppm),
        }
    }

    /// Highest and lowest tick inside the collar around a price.
    pub(super) fn collar_of(&self, reference: u32) -> (u32, u32) {
        self.band_of(reference, self.definition.collar_ppm)
    }

    /// Highest and lowest tick that are not farther from the reference than `ppm` parts per million of it; all there are
    /// when `ppm` is 0 or there is no reference.
    pub(super) fn band(&self, ppm: u32) -> (u32, u32) {
        self.band_of(self.reference(), ppm)
    }

    /// The same around another price.
    fn band_of(&self, reference: u32, ppm: u32) -> (u32, u32) {
        let reference = u64::from(reference);
        let (ppm, one) = (u64::from(ppm), u64::from(PPM));
        if ppm == 0 || reference == 0 {
            return (self.tick_max, 1);
        }
        let tick_size = u64::from(self.definition.tick_size);
        // A band so wide that the product does not fit is none: what is left is far above the highest tick.
        let high = reference.saturating_mul(one + ppm) / one / tick_size;
        let low = (reference * one.saturating_sub(ppm))
            .div_ceil(one)
            .div_ceil(tick_size);
        (
            u32::try_from(high).unwrap_or(u32::MAX).min(self.tick_max),
            u32::try_from(low.max(1)).unwrap_or(u32::MAX),
        )
    }
}

/// Quote units of one lot at one tick: tick_size x lot_size / price_unit. `None` when that is not a whole number above
/// zero, or does not fit. A fill is exact only because of this.
pub fn tick_value(definition: &InstrumentDefinition, quote_decimals: u8) -> Option<u64> {
    let scale = 10_u128.checked_pow(u32::from(quote_decimals))?;
    let numerator = u128::from(definition.tick_size)
        .checked_mul(scale)?
        .checked_mul(whole(definition.lot_size))?;
    let denominator = whole(definition.price_unit).checked_mul(10_000)?;
    if denominator == 0 || numerator == 0 || numerator % denominator != 0 {
        return None;
    }
    u64::try_from(numerator / denominator).ok()
}

/// Lots in one price unit, as far as ITCH can say it: 0 when a lot is larger than that.
pub fn round_lot_size(definition: &InstrumentDefinition) -> u32 {
    let lots = whole(definition.price_unit).checked_div(whole(definition.lot_size));
    u32::try_from(lots.unwrap_or(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::command::halves;
    use super::*;
    use zerocopy::FromZeros;

    fn instrument(tick_size: u32, reference_price: u32, collar_ppm: u32) -> Instrument {
        let definition = InstrumentDefinition {
            symbol: *b"BTC-USD ",
            lot_size: halves(1),
            price_unit: halves(1),
            tick_size,
            price_max: u32::MAX - 1,
            quantity_max: 1,
            reference_price,
            collar_ppm,
            base: 1,
            ..InstrumentDefinition::new_zeroed()
        };
        let asset = |name| Asset {
            name,
            decimals: 4,
            deposited: 0,
            withdrawn: 0,
            fees: 0,
        };
        let assets = [asset(*b"USD     "), asset(*b"BTC     ")];
        Instrument::new(definition, &assets, 1).expect("a sound definition")
    }

    fn collar(instrument: &Instrument) -> (u32, u32) {
        instrument.collar_of(instrument.reference())
    }

    #[test]
    fn the_collar_is_rounded_to_its_inside() {
        // 1,234.5 ticks, 10 %: 1,111.05 up to 1,357.95.
        assert_eq!(collar(&instrument(100, 123_450, 100_000)), (1_357, 1_112));
        // On a tick it belongs to the inside.
        assert_eq!(collar(&instrument(100, 100_000, 100_000)), (1_100, 900));
    }

    #[test]
    fn a_limit_is_beyond_the_collar_when_its_tick_is() {
        for (tick_size, reference, ppm) in [
            (100, 123_450, 100_000),
            (100, 100_000, 100_000),
            (7, 1_000, 333),
            (1, 5, 1_000_000),
            (3, u32::MAX - 1, 2_000_000),
            (1, 0, 5),
            (1, 77, 0),
        ] {
            let instrument = instrument(tick_size, reference, ppm);
            let (high, low) = collar(&instrument);
            let ticks = (1..200)
                .chain((high.max(100) - 100..=high).chain(low..low.saturating_add(100)))
                .chain(high..=high.saturating_add(100))
                .chain(low.max(100) - 100..=low);
            for tick in ticks.filter(|&tick| tick >= 1 && tick <= instrument.tick_max) {
                let price = tick * tick_size;
                assert_eq!(instrument.is_beyond_collar(Side::Buy, price), tick > high);
                assert_eq!(instrument.is_beyond_collar(Side::Sell, price), tick < low);
            }
        }
    }

    #[test]
    fn the_widest_collar_is_none() {
        assert_eq!(collar(&instrument(1, 0, 100_000)), (u32::MAX - 1, 1));
        assert_eq!(collar(&instrument(1, 100_000, 0)), (u32::MAX - 1, 1));
        assert_eq!(collar(&instrument(1, u32::MAX - 1, u32::MAX)), (u32::MAX - 1, 1));
    }
}
