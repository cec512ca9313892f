//! Requests that wait to be answered or to have their effect.

use crate::order_entry::Request;

/// Bytes of the longest request that is kept: Enter Order with every option once has 171.
pub(super) const REQUEST_BYTES_MAX: usize = 192;

/// A request as it was sent.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    /// Its own number; for cancel and modify the order's.
    pub(super) user_ref: u32,
    pub(super) due_at: u64,
    pub(super) interval_ns: u64,
    length: u8,
    bytes: [u8; REQUEST_BYTES_MAX],
}

impl Waiting {
    /// Bytes of at most [`REQUEST_BYTES_MAX`], to be sent again at `due_at`.
    pub(super) fn new(user_ref: u32, bytes: &[u8], due_at: u64, interval_ns: u64) -> Self {
        // The bound is below 256.
        let mut waiting = Self {
            user_ref,
            due_at,
            interval_ns,
            length: bytes.len() as u8,
            bytes: [0; REQUEST_BYTES_MAX],
        };
        waiting.bytes[..bytes.len()].copy_from_slice(bytes);
        waiting
    }

    /// The type byte.
    pub(super) fn message_type(&self) -> u8 {
        self.bytes[0]
    }

    /// As it was sent.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// Makes it about another number: its order was replaced.
    pub(super) fn set_user_ref(&mut self, user_ref: u32) {
        self.user_ref = user_ref;
        // Type, then UserRefNum: so in both requests without a number of their own.
        self.bytes[1..5].copy_from_slice(&user_ref.to_be_bytes());
    }

    /// What a cancel or modify wants the order's whole quantity to be.
    pub(super) fn target(&self) -> u32 {
        match Request::decode(self.bytes()) {
            Ok(Request::Cancel(message, _)) => message.quantity.get(),
            Ok(Request::Modify(message, _)) => message.quantity.get(),
            _ => unreachable!("only cancels and modifies are kept among the reductions"),
        }
    }
}
