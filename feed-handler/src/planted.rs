//! A bug, to see that the exchange's simulation finds it. It exists in builds with the feature `planted` only, which a
//! release build refuses.

#[cfg(all(feature = "planted", not(debug_assertions)))]
compile_error!("the feature `planted` has a bug in it: no release build may have it");

#[cfg(feature = "planted")]
thread_local! {
    static IGNORES_GAPS: core::cell::Cell<bool> = const { core::cell::Cell::new(false) };
}

/// From now on subscribers of this thread ignore gaps, or do not.
#[cfg(feature = "planted")]
pub fn ignore_gaps(is_so: bool) {
    IGNORES_GAPS.set(is_so);
}

/// True when gaps are ignored.
pub(crate) fn ignores_gaps() -> bool {
    #[cfg(feature = "planted")]
    return IGNORES_GAPS.get();
    #[cfg(not(feature = "planted"))]
    false
}
