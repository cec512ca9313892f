//! TotalView-ITCH 5.0: every message of the feed.

use crate::layout::wire_messages;
use crate::units::U48;
use zerocopy::network_endian::{U16, U32, U64};

wire_messages! {
    /// System Event.
    struct SystemEvent = "System Event", b'S', 12 {
        /// Message Type.
        message_type: u8 = "Message Type",
        /// Stock Locate: always 0.
        stock_locate: U16 = "Stock Locate",
        /// Tracking Number: for NASDAQ's own use; receivers ignore it.
        tracking_number: U16 = "Tracking Number",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U48 = "Timestamp",
        /// Event Code: O=start of messages S=start of system hours Q=start of market hours M=end of market
        /// hours E=end of system hours C=end of messages.
        event_code: u8 = "Event Code",
    }

    /// Stock Directory.
    struct StockDirectory = "Stock Directory", b'R', 39 {
        /// Message Type.
        message_type: u8 = "Message Type",
        /// Stock Locate: number of the instrument within the day, from 1; 0 = about no instrument.
        stock_locate: U16 = "Stock Locate",
        /// Tracking Number: for NASDAQ's own use; receivers ignore it.
        tracking_number: U16 = "Tracking Number",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U48 = "Timestamp",
        /// Stock: symbol, padded with spaces.
        stock: [u8; 8] = "Stock",
        /// Market Category: Q G S N A P M Z V, or space = none.
        market_category: u8 = "Market Category",
        /// Financial Status Indicator: D E Q S G H J K C N, or space = none.
        financial_status_indicator: u8 = "Financial Status Indicator",
        /// Round Lot Size: lots in one price unit.
        round_lot_size: U32 = "Round Lot Size",
        /// Round Lots Only: Y N.
        round_lots_only: u8 = "Round Lots Only",
        /// Issue Classification: A B C F I L N O P Q R S T U V W.
        issue_classification: u8 = "Issue Classification",
        /// Issue Sub-Type: 2 characters, padded with spaces.
        issue_sub_type: [u8; 2] = "Issue Sub-Type",
        /// Authenticity: P=production T=test.
        authenticity: u8 = "Authenticity",
        /// Short Sale Threshold Indicator: Y N or space.
        short_sale_threshold_indicator: u8 = "Short Sale Threshold Indicator",
        /// IPO Flag: Y N Z or space.
        ipo_flag: u8 = "IPO Flag",
        /// LULD Reference Price Tier: 1 2 or space.
        luld_reference_price_tier: u8 = "LULD Reference Price Tier",
        /// ETP Flag: Y N or space.
        etp_flag: u8 = "ETP Flag",
        /// ETP Leverage Factor.
        etp_leverage_factor: U32 = "ETP Leverage Factor",
        /// Inverse Indicator: Y N.
        inverse_indicator: u8 = "Inverse Indicator",
    }

    /// Stock Trading Action.
    struct StockTradingAction = "Stock Trading Action", b'H', 25 {
        /// Message Type.
        message_type: u8 = "Message Type",
        /// Stock Locate: number of the instrument within the day, from 1; 0 = about no instrument.
        stock_locate: U16 = "Stock Locate",
        /// Tracking Number: for NASDAQ's own use; receivers ignore it.
        tracking_number: U16 = "Tracking Number",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U48 = "Timestamp",
        /// Stock: symbol, padded with spaces.
        stock: [u8; 8] = "Stock",
        /// Trading State: H=halted P=paused Q=quotation only T=trading.
        trading_state: u8 = "Trading State",
        /// Reserved: space.
        reserved: u8 = "Reserved",
        /// Reason: 4 characters, padded with spaces.
        reason: [u8; 4] = "Reason",
    }

    /// Reg SHO Restriction.
    struct RegShoRestriction = "Reg SHO Restriction", b'Y', 20 {
        /// Message Type.
        message_type: u8 = "Message Type",
        /// Stock Locate: number of the instrument within the day, from 1; 0 = about no instrument.
        stock_locate: U16 = "Stock Locate",
        /// Tracking Number: for NASDAQ's own use; receivers ignore it.
        tracking_number: U16 = "Tracking Number",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U48 = "Timestamp",
        /// Stock: symbol, padded with spaces.
        stock: [u8; 8] = "Stock",
        /// Reg SHO Action: 0 1 2 (ASCII digits).
        reg_sho_action: u8 = "Reg SHO Action",
    }

    /// Market Participant Position.
    struct MarketParticipantPosition = "Market Participant Position", b'L', 26 {
        /// Message Type.
        message_type: u8 = "Message Type",
        /// Stock Locate: number of the instrument within the day, from 1; 0 = about no instrument.
        stock_locate: U16 = "Stock Locate",
        /// Tracking Number: for NASDAQ's own use; receivers ignore it.
        tracking_number: U16 = "Tracking Number",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U48 = "Timestamp",
        /// MPID: the firm.
        mpid: [u8; 4] = "MPID",
        /// Stock: symbol, padded with spaces.
        stock: [u8; 8] = "Stock",
        /// Primary Market Maker: Y N.
        primary_market_maker: u8 = "Primary Market Maker",
        /// Market Maker Mode: N P S R L.
        market_maker_mode: u8 = "Market Maker Mode",
        /// Market Participant State: A E W S D.
        market_participant_state: u8 = "Market Participant State",
    }

    /// MWCB Decline Level.
    struct MwcbDeclineLevel = "MWCB Decline Level", b'V', 35 {
        /// Message Type.
        message_type: u8 = "Message Type",
        /// Stock Locate: always 0.
        stock_locate: U16 = "Stock Locate",
        /// Tracking Number: for NASDAQ's own use; receivers ignore it.
        tracking_number: U16 = "Tracking Number",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U48 = "Timestamp",
        /// Level 1: 8 implied decimals.
        level_1: U64 = "Level 1",
        /// Level 2: 8 implied decimals.
        level_2: U64 = "Level 2",
        /// Level 3: 8 implied decimals.
        level_3: U64 = "Level 3",
    }

    /// MWCB Status.
    struct MwcbStatus = "MWCB Status", b'W', 12 {
        /// Message Type.
        message_type: u8 = "Message Type",
        /// Stock Locate: always 0.
        stock_locate: U16 = "Stock Locate",
        /// Tracking Number: for NASDAQ's own use; receivers ignore it.
        tracking_number: U16 = "Tracking Number",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U48 = "Timestamp",
        /// Breached Level: 1 2 3 (ASCII digits).
        breached_level: u8 = "Breached Level",
    }

    /// Quoting Period Update.
    struct QuotingPeriodUpdate = "Quoting Period Update", b'K', 28 {
        /// Message Type.
        message_type: u8 = "Message Type",
        /// Stock Locate: always 0.
        stock_locate: U16 = "Stock Locate",
        /// Tracking Number: for NASDAQ's own use; receivers ignore it.
        tracking_number: U16 = "Tracking Number",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U48 = "Timestamp",
        /// Stock: symbol, padded with spaces.
        stock: [u8; 8] = "Stock",
        /// IPO Quotation Release Time: seconds since midnight; 0 when canceled.
        ipo_quotation_release_time: U32 = "IPO Quotation Release Time",
        /// IPO Quotation Release Qualifier: A=anticipated C=canceled or postponed.
        ipo_quotation_release_qualifier: u8 = "IPO Quotation Release Qualifier",
        /// IPO Price: 4 implied decimals; 0 when canceled.
        ipo_price: U32 = "IPO Price",
    }

    /// LULD Auction Collar.
    struct LuldAuctionCollar = "LULD Auction Collar", b'J', 35 {
        /// Message Type.
        message_type: u8 = "Message Type",
        /// Stock Locate: number of the instrument within the day, from 1; 0 = about no instrument.
        stock_locate: U16 = "Stock Locate",
        /// Tracking Number: for NASDAQ's own use; receivers ignore it.
        tracking_number: U16 = "Tracking Number",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U48 = "Timestamp",
        /// Stock: symbol, padded with spaces.
        stock: [u8; 8] = "Stock",
        /// Auction Collar Reference Price: 4 implied decimals.
        auction_collar_reference_price: U32 = "Auction Collar Reference Price",
        /// Upper Auction Collar Price: 4 implied decimals.
        upper_auction_collar_price: U32 = "Upper Auction Collar Price",
        /// Lower Auction Collar Price: 4 implied decimals.
        lower_auction_collar_price: U32 = "Lower Auction Collar Price",
        /// Auction Collar Extension: number of extensions.
        auction_collar_extension: U32 = "Auction Collar Extension",
    }

    /// Operational Halt.
    struct OperationalHalt = "Operational Halt", b'h', 21 {
        /// Message Type.
        message_type: u8 = "Message Type",
        /// Stock Locate: number of the instrument within the day, from 1; 0 = about no instrument.
        stock_locate: U16 = "Stock Locate",
        /// Tracking Number: for NASDAQ's own use; receivers ignore it.
        tracking_number: U16 = "Tracking Number",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U48 = "Timestamp",
        /// Stock: symbol, padded with spaces.
        stock: [u8; 8] = "Stock",
        /// Market Code: Q B X.
        market_code: u8 = "Market Code",
        /// Operational Halt Action: H=halted T=resumed.
        operational_halt_action: u8 = "Operational Halt Action",
    }

    /// Add Order - No MPID Attribution.
    struct AddOrder = "Add Order - No MPID Attribution", b'A', 36 {
        /// Message Type.
        message_type: u8 = "Message Type",
        /// Stock Locate: number of the instrument within the day, from 1; 0 = about no instrument.
        stock_locate: U16 = "Stock Locate",
        /// Tracking Number: for NASDAQ's own use; receivers ignore it.
        tracking_number: U16 = "Tracking Number",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U48 = "Timestamp",
        /// Order Reference Number: unique within the day.
        order_reference_number: U64 = "Order Reference Number",
        /// Buy/Sell Indicator: B S.
        buy_sell_indicator: u8 = "Buy/Sell Indicator",
        /// Shares: lots.
        shares: U32 = "Shares",
        /// Stock: symbol, padded with spaces.
        stock: [u8; 8] = "Stock",
        /// Price: 4 implied decimals; at most 429,496.7294.
        price: U32 = "Price",
    }

    /// Add Order - MPID Attribution.
    struct AddOrderAttributed = "Add Order - MPID Attribution", b'F', 40 {
        /// Message Type.
        message_type: u8 = "Message Type",
        /// Stock Locate: number of the instrument within the day, from 1; 0 = about no instrument.
        stock_locate: U16 = "Stock Locate",
        /// Tracking Number: for NASDAQ's own use; receivers ignore it.
        tracking_number: U16 = "Tracking Number",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U48 = "Timestamp",
        /// Order Reference Number: unique within the day.
        order_reference_number: U64 = "Order Reference Number",
        /// Buy/Sell Indicator: B S.
        buy_sell_indicator: u8 = "Buy/Sell Indicator",
        /// Shares: lots.
        shares: U32 = "Shares",
        /// Stock: symbol, padded with spaces.
        stock: [u8; 8] = "Stock",
        /// Price: 4 implied decimals.
        price: U32 = "Price",
        /// Attribution: the firm.
        attribution: [u8; 4] = "Attribution",
    }

    /// Order Executed.
    struct OrderExecuted = "Order Executed", b'E', 31 {
        /// Message Type.
        message_type: u8 = "Message Type",
        /// Stock Locate: number of the instrument within the day, from 1; 0 = about no instrument.
        stock_locate: U16 = "Stock Locate",
        /// Tracking Number: for NASDAQ's own use; receivers ignore it.
        tracking_number: U16 = "Tracking Number",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U48 = "Timestamp",
        /// Order Reference Number: unique within the day.
        order_reference_number: U64 = "Order Reference Number",
        /// Executed Shares: lots of this execution, at the displayed price.
        executed_shares: U32 = "Executed Shares",
        /// Match Number: unique within the day.
        match_number: U64 = "Match Number",
    }

    /// Order Executed With Price.
    struct OrderExecutedWithPrice = "Order Executed With Price", b'C', 36 {
        /// Message Type.
        message_type: u8 = "Message Type",
        /// Stock Locate: number of the instrument within the day, from 1; 0 = about no instrument.
        stock_locate: U16 = "Stock Locate",
        /// Tracking Number: for NASDAQ's own use; receivers ignore it.
        tracking_number: U16 = "Tracking Number",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U48 = "Timestamp",
        /// Order Reference Number: unique within the day.
        order_reference_number: U64 = "Order Reference Number",
        /// Executed Shares: lots of this execution.
        executed_shares: U32 = "Executed Shares",
        /// Match Number.
        match_number: U64 = "Match Number",
        /// Printable: Y N.
        printable: u8 = "Printable",
        /// Execution Price: 4 implied decimals.
        execution_price: U32 = "Execution Price",
    }

    /// Order Cancel.
    struct OrderCancel = "Order Cancel", b'X', 23 {
        /// Message Type.
        message_type: u8 = "Message Type",
        /// Stock Locate: number of the instrument within the day, from 1; 0 = about no instrument.
        stock_locate: U16 = "Stock Locate",
        /// Tracking Number: for NASDAQ's own use; receivers ignore it.
        tracking_number: U16 = "Tracking Number",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U48 = "Timestamp",
        /// Order Reference Number: unique within the day.
        order_reference_number: U64 = "Order Reference Number",
        /// Cancelled Shares: lots removed; the rest stays.
        cancelled_shares: U32 = "Cancelled Shares",
    }

    /// Order Delete.
    struct OrderDelete = "Order Delete", b'D', 19 {
        /// Message Type.
        message_type: u8 = "Message Type",
        /// Stock Locate: number of the instrument within the day, from 1; 0 = about no instrument.
        stock_locate: U16 = "Stock Locate",
        /// Tracking Number: for NASDAQ's own use; receivers ignore it.
        tracking_number: U16 = "Tracking Number",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U48 = "Timestamp",
        /// Order Reference Number: unique within the day.
        order_reference_number: U64 = "Order Reference Number",
    }

    /// Order Replace.
    struct OrderReplace = "Order Replace", b'U', 35 {
        /// Message Type.
        message_type: u8 = "Message Type",
        /// Stock Locate: number of the instrument within the day, from 1; 0 = about no instrument.
        stock_locate: U16 = "Stock Locate",
        /// Tracking Number: for NASDAQ's own use; receivers ignore it.
        tracking_number: U16 = "Tracking Number",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U48 = "Timestamp",
        /// Original Order Reference Number.
        original_order_reference_number: U64 = "Original Order Reference Number",
        /// New Order Reference Number: side, symbol and attribution stay those of the original.
        new_order_reference_number: U64 = "New Order Reference Number",
        /// Shares: lots displayed now.
        shares: U32 = "Shares",
        /// Price: 4 implied decimals.
        price: U32 = "Price",
    }

    /// Trade (Non-Cross).
    struct Trade = "Trade (Non-Cross)", b'P', 44 {
        /// Message Type.
        message_type: u8 = "Message Type",
        /// Stock Locate: number of the instrument within the day, from 1; 0 = about no instrument.
        stock_locate: U16 = "Stock Locate",
        /// Tracking Number: for NASDAQ's own use; receivers ignore it.
        tracking_number: U16 = "Tracking Number",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U48 = "Timestamp",
        /// Order Reference Number: always 0.
        order_reference_number: U64 = "Order Reference Number",
        /// Buy/Sell Indicator: always B.
        buy_sell_indicator: u8 = "Buy/Sell Indicator",
        /// Shares: lots.
        shares: U32 = "Shares",
        /// Stock: symbol, padded with spaces.
        stock: [u8; 8] = "Stock",
        /// Price: 4 implied decimals.
        price: U32 = "Price",
        /// Match Number.
        match_number: U64 = "Match Number",
    }

    /// Cross Trade.
    struct CrossTrade = "Cross Trade", b'Q', 40 {
        /// Message Type.
        message_type: u8 = "Message Type",
        /// Stock Locate: number of the instrument within the day, from 1; 0 = about no instrument.
        stock_locate: U16 = "Stock Locate",
        /// Tracking Number: for NASDAQ's own use; receivers ignore it.
        tracking_number: U16 = "Tracking Number",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U48 = "Timestamp",
        /// Shares: lots; 8 bytes.
        shares: U64 = "Shares",
        /// Stock: symbol, padded with spaces.
        stock: [u8; 8] = "Stock",
        /// Cross Price: 4 implied decimals.
        cross_price: U32 = "Cross Price",
        /// Match Number.
        match_number: U64 = "Match Number",
        /// Cross Type: O C H.
        cross_type: u8 = "Cross Type",
    }

    /// Broken Trade.
    struct BrokenTrade = "Broken Trade", b'B', 19 {
        /// Message Type.
        message_type: u8 = "Message Type",
        /// Stock Locate: number of the instrument within the day, from 1; 0 = about no instrument.
        stock_locate: U16 = "Stock Locate",
        /// Tracking Number: for NASDAQ's own use; receivers ignore it.
        tracking_number: U16 = "Tracking Number",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U48 = "Timestamp",
        /// Match Number.
        match_number: U64 = "Match Number",
    }

    /// NOII.
    struct Noii = "NOII", b'I', 50 {
        /// Message Type.
        message_type: u8 = "Message Type",
        /// Stock Locate: number of the instrument within the day, from 1; 0 = about no instrument.
        stock_locate: U16 = "Stock Locate",
        /// Tracking Number: for NASDAQ's own use; receivers ignore it.
        tracking_number: U16 = "Tracking Number",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U48 = "Timestamp",
        /// Paired Shares: lots.
        paired_shares: U64 = "Paired Shares",
        /// Imbalance Shares: lots.
        imbalance_shares: U64 = "Imbalance Shares",
        /// Imbalance Direction: see Imbalance Direction.
        imbalance_direction: u8 = "Imbalance Direction",
        /// Stock: symbol, padded with spaces.
        stock: [u8; 8] = "Stock",
        /// Far Price: 4 implied decimals.
        far_price: U32 = "Far Price",
        /// Near Price: 4 implied decimals.
        near_price: U32 = "Near Price",
        /// Current Reference Price: 4 implied decimals.
        current_reference_price: U32 = "Current Reference Price",
        /// Cross Type: O C H A.
        cross_type: u8 = "Cross Type",
        /// Price Variation Indicator: L, 1 to 9, A B C or space.
        price_variation_indicator: u8 = "Price Variation Indicator",
    }

    /// Retail Price Improvement Indicator.
    struct RetailInterest = "Retail Price Improvement Indicator", b'N', 20 {
        /// Message Type.
        message_type: u8 = "Message Type",
        /// Stock Locate: number of the instrument within the day, from 1; 0 = about no instrument.
        stock_locate: U16 = "Stock Locate",
        /// Tracking Number: for NASDAQ's own use; receivers ignore it.
        tracking_number: U16 = "Tracking Number",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U48 = "Timestamp",
        /// Stock: symbol, padded with spaces.
        stock: [u8; 8] = "Stock",
        /// Interest Flag: B S A N.
        interest_flag: u8 = "Interest Flag",
    }

    /// Direct Listing with Capital Raise Price Discovery.
    struct DirectListing = "Direct Listing with Capital Raise Price Discovery", b'O', 48 {
        /// Message Type.
        message_type: u8 = "Message Type",
        /// Stock Locate: number of the instrument within the day, from 1; 0 = about no instrument.
        stock_locate: U16 = "Stock Locate",
        /// Tracking Number: for NASDAQ's own use; receivers ignore it.
        tracking_number: U16 = "Tracking Number",
        /// Timestamp: nanoseconds since the midnight UTC before the trading day's start.
        timestamp: U48 = "Timestamp",
        /// Stock: symbol, padded with spaces.
        stock: [u8; 8] = "Stock",
        /// Open Eligibility Status: N Y.
        open_eligibility_status: u8 = "Open Eligibility Status",
        /// Minimum Allowable Price: 4 implied decimals.
        minimum_allowable_price: U32 = "Minimum Allowable Price",
        /// Maximum Allowable Price: 4 implied decimals.
        maximum_allowable_price: U32 = "Maximum Allowable Price",
        /// Near Execution Price: 4 implied decimals.
        near_execution_price: U32 = "Near Execution Price",
        /// Near Execution Time.
        near_execution_time: U64 = "Near Execution Time",
        /// Lower Price Range Collar: 4 implied decimals.
        lower_price_range_collar: U32 = "Lower Price Range Collar",
        /// Upper Price Range Collar: 4 implied decimals.
        upper_price_range_collar: U32 = "Upper Price Range Collar",
    }
}
