//! What a subscriber does with each kind of message of the feed.
//!
//! Lives here: the trait [`Handler`] and [`dispatch`], which decodes one message and calls its method.
//! Must not be here: books, sequence numbers, sockets.

use protocol::Malformed;
use protocol::market_data::FeedMessage;
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
pub fn dispatch(bytes: &[u8], handler: &mut impl Handler) -> Result<(), Malformed> {
    match FeedMessage::decode(bytes)? {
        FeedMessage::SystemEvent(message) => handler.system_event(message),
        FeedMessage::StockDirectory(message) => handler.stock_directory(message),
        FeedMessage::StockTradingAction(message) => handler.stock_trading_action(message),
        FeedMessage::RegShoRestriction(message) => handler.reg_sho_restriction(message),
        FeedMessage::MarketParticipantPosition(message) => handler.market_participant_position(message),
        FeedMessage::MwcbDeclineLevel(message) => handler.mwcb_decline_level(message),
        FeedMessage::MwcbStatus(message) => handler.mwcb_status(message),
        FeedMessage::QuotingPeriodUpdate(message) => handler.quoting_period_update(message),
        FeedMessage::LuldAuctionCollar(message) => handler.luld_auction_collar(message),
        FeedMessage::OperationalHalt(message) => handler.operational_halt(message),
        FeedMessage::AddOrder(message) => handler.add_order(message),
        FeedMessage::AddOrderAttributed(message) => handler.add_order_attributed(message),
        FeedMessage::OrderExecuted(message) => handler.order_executed(message),
        FeedMessage::OrderExecutedWithPrice(message) => handler.order_executed_with_price(message),
        FeedMessage::OrderCancel(message) => handler.order_cancel(message),
        FeedMessage::OrderDelete(message) => handler.order_delete(message),
        FeedMessage::OrderReplace(message) => handler.order_replace(message),
        FeedMessage::Trade(message) => handler.trade(message),
        FeedMessage::CrossTrade(message) => handler.cross_trade(message),
        FeedMessage::BrokenTrade(message) => handler.broken_trade(message),
        FeedMessage::Noii(message) => handler.noii(message),
        FeedMessage::RetailInterest(message) => handler.retail_interest(message),
        FeedMessage::DirectListing(message) => handler.direct_listing(message),
        FeedMessage::Unknown(_) => handler.unknown(bytes),
    }
    Ok(())
}
