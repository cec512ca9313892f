//! What a subscriber does with each kind of message of the feed.
//!
//! Lives here: the trait [`Handler`] and [`dispatch`], which decodes one message and calls its method.
//! Must not be here: books, sequence numbers, sockets.

use protocol::Malformed;
use protocol::layout::exact;
use protocol::market_data::messages::{
    AddOrder, AddOrderAttributed, BrokenTrade, CrossTrade, DirectListing, LuldAuctionCollar,
    MarketParticipantPosition, MwcbDeclineLevel, MwcbStatus, Noii, OperationalHalt, OrderCancel, OrderDelete,
    OrderExecuted, OrderExecutedWithPrice, OrderReplace, QuotingPeriodUpdate, RegShoRestriction,
    RetailInterest, StockDirectory, StockTradingAction, SystemEvent, Trade,
};

/// One method for each message of ITCH 5.0; those not overridden ignore it.
pub trait Handler {
    /// `S`: System Event.
    fn system_event(&mut self, _message: &SystemEvent) {}
    /// `R`: Stock Directory.
    fn stock_directory(&mut self, _message: &StockDirectory) {}
    /// `H`: Stock Trading Action.
    fn stock_trading_action(&mut self, _message: &StockTradingAction) {}
    /// `Y`: Reg SHO Restriction.
    fn reg_sho_restriction(&mut self, _message: &RegShoRestriction) {}
    /// `L`: Market Participant Position.
    fn market_participant_position(&mut self, _message: &MarketParticipantPosition) {}
    /// `V`: MWCB Decline Level.
    fn mwcb_decline_level(&mut self, _message: &MwcbDeclineLevel) {}
    /// `W`: MWCB Status.
    fn mwcb_status(&mut self, _message: &MwcbStatus) {}
    /// `K`: Quoting Period Update.
    fn quoting_period_update(&mut self, _message: &QuotingPeriodUpdate) {}
    /// `J`: LULD Auction Collar.
    fn luld_auction_collar(&mut self, _message: &LuldAuctionCollar) {}
    /// `h`: Operational Halt.
    fn operational_halt(&mut self, _message: &OperationalHalt) {}
    /// `A`: Add Order - No MPID Attribution.
    fn add_order(&mut self, _message: &AddOrder) {}
    /// `F`: Add Order - MPID Attribution.
    fn add_order_attributed(&mut self, _message: &AddOrderAttributed) {}
    /// `E`: Order Executed.
    fn order_executed(&mut self, _message: &OrderExecuted) {}
    /// `C`: Order Executed With Price.
    fn order_executed_with_price(&mut self, _message: &OrderExecutedWithPrice) {}
    /// `X`: Order Cancel.
    fn order_cancel(&mut self, _message: &OrderCancel) {}
    /// `D`: Order Delete.
    fn order_delete(&mut self, _message: &OrderDelete) {}
    /// `U`: Order Replace.
    fn order_replace(&mut self, _message: &OrderReplace) {}
    /// `P`: Trade (Non-Cross).
    fn trade(&mut self, _message: &Trade) {}
    /// `Q`: Cross Trade.
    fn cross_trade(&mut self, _message: &CrossTrade) {}
    /// `B`: Broken Trade.
    fn broken_trade(&mut self, _message: &BrokenTrade) {}
    /// `I`: NOII.
    fn noii(&mut self, _message: &Noii) {}
    /// `N`: Retail Price Improvement Indicator.
    fn retail_interest(&mut self, _message: &RetailInterest) {}
    /// `O`: Direct Listing with Capital Raise Price Discovery.
    fn direct_listing(&mut self, _message: &DirectListing) {}
    /// A type that ITCH 5.0 does not define. Nothing is known of `bytes` but the type in front.
    fn unknown(&mut self, _bytes: &[u8]) {}
}

/// Decodes one message and hands it to its method. A malformed message reaches no method.
///
/// PERF: one jump for each message. Decoding to a `FeedMessage` first makes it two, and neither can be foretold.
#[inline]
pub fn dispatch(bytes: &[u8], handler: &mut impl Handler) -> Result<(), Malformed> {
    match bytes.first().ok_or(Malformed::Empty)? {
        b'S' => handler.system_event(exact(bytes)?),
        b'R' => handler.stock_directory(exact(bytes)?),
        b'H' => handler.stock_trading_action(exact(bytes)?),
        b'Y' => handler.reg_sho_restriction(exact(bytes)?),
        b'L' => handler.market_participant_position(exact(bytes)?),
        b'V' => handler.mwcb_decline_level(exact(bytes)?),
        b'W' => handler.mwcb_status(exact(bytes)?),
        b'K' => handler.quoting_period_update(exact(bytes)?),
        b'J' => handler.luld_auction_collar(exact(bytes)?),
        b'h' => handler.operational_halt(exact(bytes)?),
        b'A' => handler.add_order(exact(bytes)?),
        b'F' => handler.add_order_attributed(exact(bytes)?),
        b'E' => handler.order_executed(exact(bytes)?),
        b'C' => handler.order_executed_with_price(exact(bytes)?),
        b'X' => handler.order_cancel(exact(bytes)?),
        b'D' => handler.order_delete(exact(bytes)?),
        b'U' => handler.order_replace(exact(bytes)?),
        b'P' => handler.trade(exact(bytes)?),
        b'Q' => handler.cross_trade(exact(bytes)?),
        b'B' => handler.broken_trade(exact(bytes)?),
        b'I' => handler.noii(exact(bytes)?),
        b'N' => handler.retail_interest(exact(bytes)?),
        b'O' => handler.direct_listing(exact(bytes)?),
        _ => handler.unknown(bytes),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::market_data::messages::LAYOUTS;

    struct Unknown(u32);

    impl Handler for Unknown {
        fn unknown(&mut self, _bytes: &[u8]) {
            self.0 += 1;
        }
    }

    #[test]
    fn every_type_is_known_at_its_size() {
        let mut handler = Unknown(0);
        for layout in LAYOUTS {
            let mut bytes = vec![0; layout.size + 1];
            bytes[0] = layout.message_type;
            let mut given = |length: usize| dispatch(&bytes[..length], &mut handler);
            assert_eq!(given(layout.size), Ok(()), "{}", layout.name);
            assert_eq!(given(layout.size - 1), Err(Malformed::Short), "{}", layout.name);
            assert_eq!(given(layout.size + 1), Err(Malformed::Long), "{}", layout.name);
        }
        assert_eq!(handler.0, 0);
        assert_eq!(dispatch(b"?", &mut handler), Ok(()));
        assert_eq!(dispatch(b"", &mut handler), Err(Malformed::Empty));
        assert_eq!(handler.0, 1);
    }
}
