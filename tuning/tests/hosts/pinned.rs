//! Cores that a thread may be pinned to.

use tuning::host::Host;
use tuning::jitter::check_core;

use crate::tree::Tree;
use crate::{BAD, CONTAINER, GOOD};

#[test]
fn a_core_is_refused_with_what_to_do() {
    let cases = [
        // Isolated cores are not in the list of a process, and may be had.
        (GOOD, 2, None),
        (GOOD, 0, None),
        (
            GOOD,
            8,
            Some("there is no core 8: this host has 0-7. Name one of those"),
        ),
        (BAD, 1, None),
        (
            BAD,
            3,
            Some("core 3 is not allowed to this process, which has 0-2. Name one of those"),
        ),
        // Nothing is known: the kernel will say.
        (CONTAINER, 5, None),
    ];
    for (host, core, refusal) in cases {
        let tree = Tree::new(host);
        let result = check_core(&Host::at(tree.root()), core);
        match refusal {
            None => assert_eq!(result, Ok(()), "core {core}"),
            Some(start) => {
                let reason = result.expect_err("it is refused");
                assert!(reason.starts_with(start), "core {core}: {reason}");
            }
        }
    }
}
