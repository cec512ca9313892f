//! Commands as they come in: the bytes of requests.

use engine::exchange::command::{Command, CommandKind, Order};
use protocol::order_entry::requests::{CancelOrder, EnterOrder, ReplaceOrder};
use protocol::order_entry::write_message;

use crate::market;

/// A command of a [`crate::Stream`] as the request it came from.
///
/// # Panics
/// When the command is not one of those that streams have.
pub fn bytes(command: &Command) -> Vec<u8> {
    let order: Order = *command.order();
    let mut bytes = [0; 64];
    let length = match CommandKind::from_byte(command.kind) {
        Some(CommandKind::Enter) => {
            let message = EnterOrder {
                message_type: b'O',
                user_ref_num: order.user_ref.into(),
                side: order.side,
                quantity: order.quantity.into(),
                symbol: market::symbol(command.instrument),
                price: order.price.into(),
                time_in_force: order.time_in_force,
                display: order.display,
                capacity: order.capacity,
                inter_market_sweep_eligibility: order.sweep,
                cross_type: order.cross_type,
                cl_ord_id: order.cl_ord_id,
                appendage_length: 0.into(),
            };
            write_message(&message, &[], &mut bytes)
        }
        Some(CommandKind::Replace) => {
            let message = ReplaceOrder {
                message_type: b'U',
                orig_user_ref_num: order.orig_user_ref.into(),
                user_ref_num: order.user_ref.into(),
                quantity: order.quantity.into(),
                price: order.price.into(),
                time_in_force: order.time_in_force,
                display: order.display,
                inter_market_sweep_eligibility: order.sweep,
                cl_ord_id: order.cl_ord_id,
                appendage_length: 0.into(),
            };
            write_message(&message, &[], &mut bytes)
        }
        Some(CommandKind::Cancel) => {
            let message = CancelOrder {
                message_type: b'X',
                user_ref_num: order.user_ref.into(),
                quantity: order.quantity.into(),
            };
            write_message(&message, &[], &mut bytes)
        }
        kind => panic!("streams have no {kind:?}"),
    };
    bytes[..length.expect("64 bytes are enough")].to_vec()
}
