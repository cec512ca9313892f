//! A counting allocator sees nothing once the exchange runs: no allocation and no free, for any kind of command, and on
//! the way of an order through the stages of engine, journal and output.
//!
//! The counter is the crate `allocation-counter`, which takes the allocator's place in this program and counts for each
//! thread alone; so no code of ours has to be unsafe, and tests that run beside each other do not disturb.

mod auctions;
mod exchange;
mod market;
mod operating;
mod stages;
mod traffic;
mod unseen;

/// Runs, and fails when anything was allocated or freed meanwhile.
fn none<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let mut result = None;
    let counted = allocation_counter::measure(|| result = Some(run()));
    assert_eq!(counted.count_total, 0, "{what}: allocations");
    // Without an allocation, what is counted as held less is what was freed.
    assert_eq!(counted.count_current, 0, "{what}: frees");
    result.expect("it ran")
}

/// The checker is checked.
mod checker {
    use super::none;

    #[test]
    #[should_panic(expected = "an allocation: allocations")]
    fn an_allocation_is_noticed() {
        none("an allocation", || drop(std::hint::black_box(Box::new(1))));
    }

    #[test]
    #[should_panic(expected = "a free: frees")]
    fn a_free_is_noticed() {
        let before = Box::new(1);
        none("a free", || drop(std::hint::black_box(before)));
    }

    #[test]
    #[should_panic(expected = "a growth: allocations")]
    fn a_growth_is_noticed() {
        let mut before = vec![0; 4];
        none("a growth", || before.extend_from_slice(&[0; 100]));
    }
}
