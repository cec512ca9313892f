//! A public ITCH decoder, `itch5`, and ours see the same: in messages that we encode, and in a recorded day.

use itch5::messages as theirs;
use itch5::{MessageHandler, Parser};
use protocol::market_data::binary_file::{self, Reader};
use protocol::market_data::{FeedMessage, messages};
use protocol::testing::Random;
use std::collections::BTreeMap;
use std::mem::discriminant;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Reads a file along with `itch5` and compares each field of each message.
struct Compare<'a> {
    ours: Reader<'a>,
    seen: BTreeMap<u8, usize>,
}

impl<'a> Compare<'a> {
    fn next(&mut self) -> FeedMessage<'a> {
        let bytes = self
            .ours
            .next()
            .expect("they see a message more")
            .expect("a whole record");
        *self.seen.entry(bytes[0]).or_default() += 1;
        FeedMessage::decode(bytes).expect("they decode it")
    }
}

/// Both read `file`; answers how many messages of each type there were.
fn compare(file: &[u8]) -> BTreeMap<u8, usize> {
    let mut compare = Compare {
        ours: Reader::new(file),
        seen: BTreeMap::new(),
    };
    Parser::new(file)
        .parse_stream(&mut compare)
        .expect("they read the whole file");
    assert_eq!(compare.ours.next(), None, "we see a message more");
    compare.seen
}

/// Implements the handler: for each message the fields, theirs = ours. `$locate` is their name of the locate.
macro_rules! handle {
    ($( $method:ident($theirs:ident), $ours:ident, $locate:ident
        |$their:ident, $our:ident| { $( $their_field:expr => $our_field:expr; )* } )*) => {
        impl MessageHandler for Compare<'_> {
            $(
                fn $method(&mut self, $their: &theirs::$theirs) -> ControlFlow<()> {
                    let message = self.next();
                    let FeedMessage::$ours($our) = message else {
                        panic!("they see {}, we see {message:?}", stringify!($theirs));
                    };
                    assert_eq!($their.$locate(), $our.stock_locate.get());
                    assert_eq!($their.tracking_number(), $our.tracking_number.get());
                    assert_eq!($their.timestamp().to_u64(), $our.timestamp.get());
                    $( assert_eq!($their_field, $our_field, "{}", stringify!($our_field)); )*
                    ControlFlow::Continue(())
                }
            )*
        }
    };
}

handle! {
    on_system_event(SystemEvent), SystemEvent, stock_locate |m, o| {
        text(&m.event_code()) => text(&theirs::SystemEventCode::from(o.event_code));
    }
    on_stock_directory(StockDirectory), StockDirectory, stock_locate |m, o| {
        m.stock().to_u64().to_be_bytes() => o.stock;
        text(&m.market_category()) => text(&theirs::MarketCategory::from(o.market_category));
        text(&m.financial_status_indicator())
            => text(&theirs::FinancialStatusIndicator::from(o.financial_status_indicator));
        m.round_lot_size() => o.round_lot_size.get();
        text(&m.round_lots_only()) => text(&theirs::RoundLotsOnly::from(o.round_lots_only));
        text(&m.issue_classification()) => text(&theirs::IssueClassificationCode::from(o.issue_classification));
        text(&m.issue_sub_type()) => text(&theirs::IssueSubTypeCode::from(o.issue_sub_type));
        discriminant(&m.authenticity()) => discriminant(&theirs::Authenticity::from(o.authenticity));
        text(&m.short_sale_threshold_indicator())
            => text(&theirs::ShortSaleThresholdIndicator::from(o.short_sale_threshold_indicator));
        text(&m.ipo_flag()) => text(&theirs::IpoFlag::from(o.ipo_flag));
        text(&m.luld_reference_price_tier())
            => text(&theirs::LuldReferencePriceTier::from(o.luld_reference_price_tier));
        text(&m.etp_flag()) => text(&theirs::EtpFlag::from(o.etp_flag));
        m.etp_leverage_factor() => o.etp_leverage_factor.get();
        text(&m.inverse_indicator()) => text(&theirs::InverseIndicator::from(o.inverse_indicator));
    }
    on_stock_trading_action(StockTradingAction), StockTradingAction, stock_locate |m, o| {
        m.stock().to_u64().to_be_bytes() => o.stock;
        text(&m.trading_state()) => text(&theirs::TradingState::from(o.trading_state));
        m.reserved() => o.reserved;
    }
    on_reg_sho_restriction(RegSHORestriction), RegShoRestriction, locate_code |m, o| {
        m.stock().to_u64().to_be_bytes() => o.stock;
        text(&m.reg_sho_action()) => text(&theirs::RegShoAction::from(o.reg_sho_action));
    }
    on_market_participant_position(MarketParticipantPosition), MarketParticipantPosition, stock_locate |m, o| {
        m.mpid() => &o.mpid[..];
        m.stock().to_u64().to_be_bytes() => o.stock;
        text(&m.primary_market_maker()) => text(&theirs::PrimaryMarketMaker::from(o.primary_market_maker));
        discriminant(&m.market_maker_mode()) => discriminant(&theirs::MarketMakerMode::from(o.market_maker_mode));
        text(&m.market_participant_state())
            => text(&theirs::MarketParticipantState::from(o.market_participant_state));
    }
    on_mwcb_decline_level(MWCBDeclineLevel), MwcbDeclineLevel, stock_locate |m, o| {
        m.level_1().into_u64() => o.level_1.get();
        m.level_2().into_u64() => o.level_2.get();
        m.level_3().into_u64() => o.level_3.get();
    }
    on_mwcb_status(MWCBStatus), MwcbStatus, stock_locate |m, o| {
        text(&m.breached_level()) => text(&theirs::BreachedLevel::from(o.breached_level));
    }
    on_quoting_period_update(QuotingPeriodUpdate), QuotingPeriodUpdate, stock_locate |m, o| {
        m.stock().to_u64().to_be_bytes() => o.stock;
        m.ipo_quotation_release_time() => o.ipo_quotation_release_time.get();
        text(&m.ipo_quotation_release_qualifier())
            => text(&theirs::IpoQuotationReleaseQualifier::from(o.ipo_quotation_release_qualifier));
        m.ipo_price().into_u32() => o.ipo_price.get();
    }
    on_luld_auction_collar(LULDAuctionCollar), LuldAuctionCollar, stock_locate |m, o| {
        m.stock().to_u64().to_be_bytes() => o.stock;
        m.auction_collar_reference_price().into_u32() => o.auction_collar_reference_price.get();
        m.upper_auction_collar_price().into_u32() => o.upper_auction_collar_price.get();
        m.lower_auction_collar_price().into_u32() => o.lower_auction_collar_price.get();
        m.auction_collar_extension().into_u32() => o.auction_collar_extension.get();
    }
    on_operational_halt(OperationalHalt), OperationalHalt, stock_locate |m, o| {
        m.stock().to_u64().to_be_bytes() => o.stock;
        text(&m.market_code()) => text(&theirs::MarketCode::from(o.market_code));
        text(&m.operational_halt_action())
            => text(&theirs::OperationalHaltAction::from(o.operational_halt_action));
    }
    on_add_order_no_mpid_attribution(AddOrderNoMPIDAttribution), AddOrder, stock_locate |m, o| {
        m.order_reference_number() => o.order_reference_number.get();
        text(&m.buy_sell_indicator()) => text(&theirs::BuySellIndicator::from(o.buy_sell_indicator));
        m.shares() => o.shares.get();
        m.stock().to_u64().to_be_bytes() => o.stock;
        m.price().into_u32() => o.price.get();
    }
    on_add_order_with_mpid_attribution(AddOrderWithMPIDAttribution), AddOrderAttributed, stock_locate |m, o| {
        m.order_reference_number() => o.order_reference_number.get();
        text(&m.buy_sell_indicator()) => text(&theirs::BuySellIndicator::from(o.buy_sell_indicator));
        m.shares() => o.shares.get();
        m.stock().to_u64().to_be_bytes() => o.stock;
        m.price().into_u32() => o.price.get();
        m.attribution() => &o.attribution[..];
    }
    on_order_executed(OrderExecuted), OrderExecuted, stock_locate |m, o| {
        m.order_reference_number() => o.order_reference_number.get();
        m.executed_shares() => o.executed_shares.get();
        m.match_number() => o.match_number.get();
    }
    on_order_executed_with_price(OrderExecutedWithPrice), OrderExecutedWithPrice, stock_locate |m, o| {
        m.order_reference_number() => o.order_reference_number.get();
        m.executed_shares() => o.executed_shares.get();
        m.match_number() => o.match_number.get();
        text(&m.printable()) => text(&theirs::Printable::from(o.printable));
        m.execution_price().into_u32() => o.execution_price.get();
    }
    on_order_cancel(OrderCancel), OrderCancel, stock_locate |m, o| {
        m.order_reference_number() => o.order_reference_number.get();
        m.cancelled_shares() => o.cancelled_shares.get();
    }
    on_order_delete(OrderDelete), OrderDelete, stock_locate |m, o| {
        m.order_reference_number() => o.order_reference_number.get();
    }
    on_order_replace(OrderReplace), OrderReplace, stock_locate |m, o| {
        m.original_order_reference_number() => o.original_order_reference_number.get();
        m.new_order_reference_number() => o.new_order_reference_number.get();
        m.shares() => o.shares.get();
        m.price().into_u32() => o.price.get();
    }
    on_trade(Trade), Trade, stock_locate |m, o| {
        m.order_reference_number() => o.order_reference_number.get();
        text(&m.buy_sell_indicator()) => text(&theirs::BuySellIndicator::from(o.buy_sell_indicator));
        m.shares() => o.shares.get();
        m.stock().to_u64().to_be_bytes() => o.stock;
        m.price().into_u32() => o.price.get();
        m.match_number() => o.match_number.get();
    }
    on_cross_trade(CrossTrade), CrossTrade, stock_locate |m, o| {
        m.shares() => o.shares.get();
        m.stock().to_u64().to_be_bytes() => o.stock;
        m.cross_price().into_u32() => o.cross_price.get();
        m.match_number() => o.match_number.get();
        text(&m.cross_type()) => text(&theirs::CrossType::from(o.cross_type));
    }
    on_broken_trade(BrokenTrade), BrokenTrade, stock_locate |m, o| {
        m.match_number() => o.match_number.get();
    }
    on_net_order_imbalance_indicator(NetOrderImbalanceIndicator), Noii, stock_locate |m, o| {
        m.paired_shares() => o.paired_shares.get();
        m.imbalance_shares() => o.imbalance_shares.get();
        text(&m.imbalance_direction()) => text(&theirs::ImbalanceDirection::from(o.imbalance_direction));
        m.stock().to_u64().to_be_bytes() => o.stock;
        m.far_price().into_u32() => o.far_price.get();
        m.near_price().into_u32() => o.near_price.get();
        m.current_reference_price().into_u32() => o.current_reference_price.get();
        text(&m.cross_type()) => text(&theirs::CrossType::from(o.cross_type));
        text(&m.price_variation_indicator())
            => text(&theirs::PriceVariationIndicator::from(o.price_variation_indicator));
    }
    on_retail_price_improvement_indicator(RetailPriceImprovementIndicator), RetailInterest, stock_locate |m, o| {
        m.stock().to_u64().to_be_bytes() => o.stock;
        text(&m.interest_flag()) => text(&theirs::InterestFlag::from(o.interest_flag));
    }
    on_direct_listing_with_capital_raise_price_discovery(DirectListingwithCapitalRaisePriceDiscovery),
    DirectListing, stock_locate |m, o| {
        m.stock().to_u64().to_be_bytes() => o.stock;
        text(&m.open_eligibility_status())
            => text(&theirs::OpenEligibilityStatus::from(o.open_eligibility_status));
        m.minimum_allowable_price().into_u32() => o.minimum_allowable_price.get();
        m.maximum_allowable_price().into_u32() => o.maximum_allowable_price.get();
        m.near_execution_price().into_u32() => o.near_execution_price.get();
        m.near_execution_time() => o.near_execution_time.get();
        m.lower_price_range_collar().into_u32() => o.lower_price_range_collar.get();
        m.upper_price_range_collar().into_u32() => o.upper_price_range_collar.get();
    }
}

/// Their enumerations have no equality; their names do.
fn text(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}")
}

#[test]
fn itch5_reads_what_we_write() {
    let mut random = Random::new(5);
    let mut file = Vec::new();
    for round in 0..50 {
        for layout in messages::LAYOUTS {
            // Numbers are any; characters are printable.
            let mut message = vec![0; layout.size];
            random.fill(&mut message);
            for field in layout
                .fields
                .iter()
                .filter(|field| field.length == 1 || field.name.ends_with("Stock"))
            {
                for byte in &mut message[field.offset..field.offset + field.length] {
                    *byte = *random.pick(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789");
                }
            }
            message[0] = layout.message_type;
            let start = file.len();
            file.resize(start + 2 + layout.size, 0);
            assert_eq!(
                binary_file::write_record(&message, &mut file[start..]),
                Some(2 + layout.size)
            );
        }
        assert_eq!(compare(&file).len(), messages::LAYOUTS.len(), "round {round}");
    }
    assert!(compare(&file).values().all(|count| *count == 50));
}

/// The recorded day: `ITCH_SAMPLE`, or beside the workspace.
fn sample() -> PathBuf {
    std::env::var_os("ITCH_SAMPLE").map_or_else(
        || {
            [
                env!("CARGO_MANIFEST_DIR"),
                "..",
                "..",
                "shared",
                "data",
                "ritch_ex20101224.itch",
            ]
            .iter()
            .collect()
        },
        PathBuf::from,
    )
}

#[test]
fn we_read_a_recorded_day_as_itch5_does() {
    let path = sample();
    let file = match std::fs::read(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!(
                "skipped: there is no recorded day at {} (set ITCH_SAMPLE)",
                path.display()
            );
            return;
        }
        Err(error) => panic!("{}: {error}", path.display()),
    };
    let seen = compare(&file);
    let total: usize = seen.values().sum();
    println!(
        "{total} messages: {:?}",
        seen.iter()
            .map(|(kind, n)| (char::from(*kind), n))
            .collect::<Vec<_>>()
    );
    assert!(total > 0, "an empty file");
    let unknown = Reader::new(&file)
        .filter(|record| {
            let bytes = record.expect("a whole record");
            matches!(FeedMessage::decode(bytes), Err(_) | Ok(FeedMessage::Unknown(_)))
        })
        .count();
    assert_eq!(unknown, 0);
}
