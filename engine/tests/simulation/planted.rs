//! The checkers are checked: each bug there is is planted, and some seed must notice it.

/// Plants each bug, or the one named, in runs of `seeds` seeds; prints what noticed it, and in how many.
#[cfg(not(feature = "planted"))]
pub(crate) fn run(_name: Option<&str>, _seeds: u64) -> Result<(), String> {
    Err("this build has no bugs to plant: cargo planted".to_owned())
}

#[cfg(feature = "planted")]
pub(crate) use with_bugs::run;

#[cfg(feature = "planted")]
mod with_bugs {
    use std::collections::BTreeMap;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Instant;

    use engine::config::Durability;
    use engine::planted::{self, Bug};

    use crate::world::World;
    use crate::{arguments, caught, keep_panics};

    /// A bug that was caught so often is not looked for any more.
    const ENOUGH: u64 = 3;

    /// What noticed a bug: by what it said, in how many seeds.
    #[derive(Default)]
    struct Caught {
        seeds: u64,
        by: BTreeMap<String, u64>,
        first: Option<u64>,
    }

    impl Caught {
        fn count(&self) -> u64 {
            self.by.values().sum()
        }
    }

    pub(crate) fn run(name: Option<&str>, seeds: u64) -> Result<(), String> {
        let wanted: Vec<Bug> = Bug::ALL
            .iter()
            .copied()
            .filter(|bug| name.is_none_or(|name| format!("{bug:?}") == name))
            .collect();
        if wanted.is_empty() {
            return Err(format!("there is no such bug; these are planted: {:?}", Bug::ALL));
        }
        keep_panics();
        let began = Instant::now();
        let next = AtomicUsize::new(0);
        let all = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..arguments::cores() {
                scope.spawn(|| {
                    while let Some(&bug) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let caught = look_for(bug, seeds);
                        all.lock().expect("nobody panics here").push((bug, caught));
                    }
                });
            }
        });
        let _kept = std::panic::take_hook();
        let mut all = all.into_inner().expect("nobody panics here");
        all.sort_by_key(|(bug, _)| *bug as usize);
        let mut missed = Vec::new();
        for (bug, caught) in &all {
            let name = format!("{bug:?}");
            let Some(first) = caught.first else {
                println!("{name:<24} NOT CAUGHT in {} seeds", caught.seeds);
                missed.push(*bug);
                continue;
            };
            println!(
                "{name:<24} caught in {} of {} seeds, first {first}",
                caught.count(),
                caught.seeds
            );
            for (by, count) in &caught.by {
                println!("{:>24} {count} by {by}", "");
            }
        }
        println!(
            "{} of {} bugs caught, {:.0} s",
            all.len() - missed.len(),
            all.len(),
            began.elapsed().as_secs_f64()
        );
        if missed.is_empty() {
            Ok(())
        } else {
            Err(format!("nobody noticed {missed:?}"))
        }
    }

    fn look_for(bug: Bug, seeds: u64) -> Caught {
        let mut caught_by = Caught::default();
        for seed in 0..seeds {
            planted::plant(Some(bug));
            feed_handler::planted::ignore_gaps(bug == Bug::GapIgnored);
            feed_handler::planted::take_ends_for_life(bug == Bug::EndTakenForLife);
            let outcome = caught(|| World::new(seed, Durability::Sync).run());
            planted::plant(None);
            feed_handler::planted::ignore_gaps(false);
            feed_handler::planted::take_ends_for_life(false);
            caught_by.seeds += 1;
            if let Err(error) = outcome {
                caught_by.first.get_or_insert(seed);
                *caught_by.by.entry(checker(&error)).or_default() += 1;
            }
            if caught_by.count() >= ENOUGH {
                break;
            }
        }
        caught_by
    }

    /// The place and the first words of what a panic said: which check it was.
    fn checker(error: &str) -> String {
        let (place, said) = error.split_once('\n').unwrap_or((error, ""));
        let file = place
            .trim_start_matches("panicked at ")
            .trim_end_matches(':')
            .rsplit_once(':')
            .map_or(place, |(file, _)| file);
        let said: String = said.chars().take(110).collect();
        format!("{file}: {}", said.replace('\n', " "))
    }
}
