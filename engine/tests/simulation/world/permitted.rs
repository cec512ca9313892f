//! Nothing happens at the wish of an account that may not have it: judged by what each command of the journal told.

use engine::exchange::command::{AccountChange, AccountDefinition, Command, CommandKind, Permissions};
use protocol::order_entry::Response;

use crate::coverage::Coverage;

/// Firm Not Authorized.
const NOT_AUTHORIZED: u16 = 0x000C;

/// What each account may do, by the commands that said so.
#[derive(Default)]
pub(super) struct Permitted(Vec<u8>);

impl Permitted {
    /// A command was applied, and there are `accounts` accounts now.
    pub(super) fn note(
        &mut self,
        kind: CommandKind,
        command: &Command,
        accounts: u32,
        coverage: &mut Coverage,
    ) {
        match kind {
            CommandKind::AddAccount if accounts as usize > self.0.len() => {
                let permissions = command.definition::<AccountDefinition>().permissions;
                if permissions != Permissions::Trade as u8 {
                    coverage.met("accounts that begin with less than all");
                }
                self.0.push(permissions);
            }
            CommandKind::ChangeAccount => {
                let change: AccountChange = command.definition();
                if let Some(permissions) = self.0.get_mut(change.account as usize) {
                    if *permissions != change.permissions {
                        coverage.met(format!("may now {}", name_of(change.permissions)));
                    }
                    *permissions = change.permissions;
                }
            }
            _ => {}
        }
        assert_eq!(self.0.len(), accounts as usize, "after {kind:?}");
    }

    /// `command` came from a session of `account` and told `messages`, each with the stream that it is of; `None`: the feed.
    pub(super) fn check(
        &self,
        kind: CommandKind,
        command: &Command,
        account: u32,
        messages: &[(Option<u32>, Vec<u8>)],
        coverage: &mut Coverage,
    ) {
        use CommandKind::{Cancel, DisableOrderEntry, EnableOrderEntry, Enter, MassCancel, Modify, Replace};
        let is_order = matches!(kind, Enter | Replace);
        let is_cancel = matches!(kind, Cancel | Modify);
        let is_more = matches!(kind, MassCancel | DisableOrderEntry | EnableOrderEntry);
        let may = self.0[account as usize];
        let who = name_of(may);
        let is_forbidden = match Permissions::from_byte(may) {
            Some(Permissions::Trade) => false,
            Some(Permissions::Cancel) => is_order,
            Some(Permissions::View) => is_order || is_cancel || is_more,
            None => unreachable!("it has a name"),
        };
        if !is_forbidden {
            return;
        }
        for (stream, message) in messages {
            assert_eq!(
                *stream,
                Some(command.session),
                "account {account} may only {who}, and {kind:?} was heard elsewhere"
            );
            match Response::decode(message).expect("OUCH") {
                Response::Rejected(rejected, _) if !is_cancel => {
                    let is_last = command.order().user_ref == u32::MAX;
                    assert!(rejected.reason.get() == NOT_AUTHORIZED || is_last, "{rejected:?}");
                    coverage.met(format!("refused to who may only {who}"));
                }
                Response::CancelReject(..) if is_cancel => {
                    coverage.met("cancels refused to who may only view");
                }
                other => panic!("account {account} may only {who}, and {kind:?} was answered {other:?}"),
            }
        }
    }
}

fn name_of(permissions: u8) -> &'static str {
    match Permissions::from_byte(permissions) {
        Some(Permissions::Trade) => "trade",
        Some(Permissions::Cancel) => "cancel",
        Some(Permissions::View) => "view",
        None => panic!("the exchange took permissions {permissions}, which there are not"),
    }
}
