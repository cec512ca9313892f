//! Stages that are slow, panic, or wait for each other; cores that are and are not there.

use std::collections::VecDeque;
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::sync::Mutex;

use super::*;
use crate::sys::parker::Watch;

/// Help made of a closure.
struct Helping<F>(F);

impl<F: FnMut() -> usize> Help for Helping<F> {
    fn help(&mut self) -> usize {
        (self.0)()
    }
}

/// A stage made of a closure.
struct Closure<F> {
    name: &'static str,
    poll: F,
}

impl<F: FnMut() -> usize> Stage for Closure<F> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn poll(&mut self) -> usize {
        (self.poll)()
    }
}

fn stage(name: &'static str, poll: impl FnMut() -> usize + Send + 'static) -> BoxedStage {
    Box::new(Closure { name, poll })
}

fn idle_stage(name: &'static str) -> BoxedStage {
    stage(name, || 0)
}

fn plan(stages: Vec<BoxedStage>) -> Plan {
    Plan::new(stages, None, IdleStrategy::Park).unwrap()
}

#[test]
fn each_number_of_cores_has_its_layout() {
    let threads = |cores| Layout::for_cores(cores).groups().len();
    assert_eq!([0, 1, 2, 3, 4, 64].map(threads), [1, 1, 2, 3, 4, 4]);
    for layout in [Layout::One, Layout::Two, Layout::Three, Layout::Four] {
        let mut roles = layout.groups().concat();
        for role in [Role::Engine, Role::Output, Role::Journal, Role::Recovery] {
            assert_eq!(roles.extract_if(.., |other| *other == role).count(), 1);
        }
        assert_eq!(layout.to_string().parse(), Ok(layout));
    }
    assert!("five".parse::<Layout>().is_err());
    assert!("auto".parse::<Layout>().is_ok());
}

#[test]
fn stages_are_put_on_their_threads_in_order() {
    let stages = || {
        vec![
            (Role::Recovery, idle_stage("recovery")),
            (Role::Journal, idle_stage("journal")),
            (Role::Output, idle_stage("output")),
            (Role::Engine, idle_stage("engine")),
        ]
    };
    let plans = |layout: Layout| -> Vec<String> {
        let plans = layout.plans(stages(), &[7], Some(IdleStrategy::Yield)).unwrap();
        plans.iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        plans(Layout::One),
        ["engine+journal+output+recovery on core 7, yield"]
    );
    assert_eq!(
        plans(Layout::Two),
        [
            "engine+journal+output on core 7, yield",
            "recovery on any core, yield"
        ]
    );
    assert_eq!(plans(Layout::Four).len(), 4);
}

#[test]
fn a_panic_in_a_stage_stops_all_threads_with_its_message() {
    let shutdown = Shutdown::default();
    let plans = vec![
        plan(vec![stage("broken", || panic!("the reason"))]),
        plan(vec![idle_stage("sound")]),
    ];
    let failure = spawn(plans, &shutdown).unwrap().join().unwrap_err();
    assert_eq!(failure, "thread broken panicked: the reason");
}

#[test]
fn a_failure_stops_all_threads_without_draining() {
    let shutdown = Shutdown::default();
    let failing = shutdown.clone();
    let plans = vec![
        plan(vec![stage("failing", move || {
            failing.fail("the disk is gone".to_owned());
            1
        })]),
        plan(vec![stage("eager", || 1)]),
    ];
    assert_eq!(
        spawn(plans, &shutdown).unwrap().join(),
        Err("the disk is gone".to_owned())
    );
}

#[test]
fn a_pin_that_is_refused_is_told_and_the_thread_runs() {
    let shutdown = Shutdown::default();
    let requested = shutdown.clone();
    let stages = vec![stage("worker", move || {
        requested.request();
        0
    })];
    let plans = vec![Plan::new(stages, Some(100_000), IdleStrategy::Yield).unwrap()];
    let running = spawn(plans, &shutdown).unwrap();
    assert_eq!(running.refusals().len(), 1);
    assert!(running.refusals()[0].starts_with("thread worker there is no core 100000"));
    assert_eq!(running.join(), Ok(()));
}

/// Items go round a ring of stages on as many threads, some hops each; every item must have arrived before the threads
/// end, although each thread is idle most of the time.
#[test]
fn threads_end_only_when_nothing_is_under_way_between_them() {
    const STAGES: usize = 3;
    const HOPS: u32 = 40;
    const ITEMS: u64 = 50;
    for round in 0..20 {
        let shutdown = Shutdown::default();
        let queues: Arc<Vec<Mutex<VecDeque<u32>>>> =
            Arc::new((0..STAGES).map(|_| Mutex::default()).collect());
        let arrived = Arc::new(AtomicU64::new(0));
        for item in 0..ITEMS {
            let index = usize::try_from(item).unwrap() % STAGES;
            queues[index].lock().unwrap().push_back(HOPS);
        }
        let plans = (0..STAGES).map(|index| {
            let (queues, arrived) = (Arc::clone(&queues), Arc::clone(&arrived));
            plan(vec![stage("hop", move || {
                let Some(hops) = queues[index].lock().unwrap().pop_front() else {
                    return 0;
                };
                if hops == 0 {
                    arrived.fetch_add(1, Ordering::Relaxed);
                } else {
                    queues[(index + 1) % STAGES].lock().unwrap().push_back(hops - 1);
                }
                1
            })])
        });
        let plans: Vec<_> = plans.collect();
        // Requested before the threads start, or while they run.
        if round % 2 == 0 {
            shutdown.request();
        }
        let running = spawn(plans, &shutdown).unwrap();
        shutdown.request();
        running.join().unwrap();
        assert_eq!(arrived.load(Ordering::Relaxed), ITEMS);
    }
}

/// Work that a helper in the background finishes: the stage says that it is not drained, and the helper wakes it.
struct Background {
    helper: Option<JoinHandle<()>>,
    done: Arc<AtomicBool>,
    release: Option<mpsc::Receiver<()>>,
    finished: Arc<AtomicBool>,
}

impl Stage for Background {
    fn name(&self) -> &'static str {
        "background"
    }

    fn start(&mut self, waker: &Waker) {
        let (waker, done) = (waker.clone(), Arc::clone(&self.done));
        let release = self.release.take().expect("started once");
        self.helper = Some(thread::spawn(move || {
            release.recv().unwrap();
            done.store(true, Ordering::Release);
            waker.wake();
        }));
    }

    fn poll(&mut self) -> usize {
        if self.done.load(Ordering::Acquire)
            && let Some(helper) = self.helper.take()
        {
            helper.join().unwrap();
            self.finished.store(true, Ordering::Release);
            return 1;
        }
        0
    }

    fn is_drained(&self) -> bool {
        self.helper.is_none()
    }
}

#[test]
fn threads_wait_for_a_stage_that_is_not_drained() {
    let shutdown = Shutdown::default();
    let (release, released) = mpsc::channel();
    let finished = Arc::new(AtomicBool::new(false));
    let background = Background {
        helper: None,
        done: Arc::default(),
        release: Some(released),
        finished: Arc::clone(&finished),
    };
    // The other thread lets the helper go only after it has seen the shutdown and some turns more.
    let (requested, mut turns) = (shutdown.clone(), 0);
    let other = stage("other", move || {
        if requested.is_requested() {
            turns += 1;
            if turns == 100 {
                release.send(()).unwrap();
            }
        }
        0
    });
    let running = spawn(
        vec![plan(vec![Box::new(background)]), plan(vec![other])],
        &shutdown,
    )
    .unwrap();
    shutdown.request();
    assert_eq!(running.join(), Ok(()));
    assert!(finished.load(Ordering::Acquire));
}

#[test]
fn a_stage_that_never_drains_is_named() {
    let shutdown = Shutdown::default();
    shutdown.request();
    let (_release, released) = mpsc::channel();
    let background = Background {
        helper: None,
        done: Arc::default(),
        release: Some(released),
        finished: Arc::default(),
    };
    let plans = vec![plan(vec![Box::new(background)]), plan(vec![idle_stage("idle")])];
    let failure = spawn_within(plans, &shutdown, Duration::from_millis(5))
        .unwrap()
        .join()
        .unwrap_err();
    assert!(
        failure.contains("did not finish its work within 5ms"),
        "{failure}"
    );
}

/// Counts datagrams on a socket that its thread watches.
struct Receiver {
    socket: UdpSocket,
    seen: Arc<AtomicU64>,
}

impl Stage for Receiver {
    fn name(&self) -> &'static str {
        "receiver"
    }

    fn poll(&mut self) -> usize {
        usize::from(self.socket.recv(&mut [0; 8]).is_ok_and(|_| {
            self.seen.fetch_add(1, Ordering::Release);
            true
        }))
    }

    fn watch(&self, watch: &mut Watch) {
        watch.add(self.socket.as_fd());
    }
}

#[test]
fn work_passes_from_a_socket_over_two_threads_with_every_strategy() {
    for idle in [IdleStrategy::Park, IdleStrategy::Yield, IdleStrategy::Spin] {
        let shutdown = Shutdown::default();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let address = socket.local_addr().unwrap();
        let seen = Arc::new(AtomicU64::new(0));
        let receiver = Receiver {
            socket,
            seen: Arc::clone(&seen),
        };
        // The second thread answers what the first has seen.
        let (answers, answered) = mpsc::channel();
        let mut told = 0;
        let teller = stage("teller", move || {
            let seen = seen.load(Ordering::Acquire);
            let new = seen - told;
            for number in told..seen {
                answers.send(number).unwrap();
            }
            told = seen;
            usize::try_from(new).unwrap()
        });
        let plans = vec![
            Plan::new(vec![Box::new(receiver)], None, idle).unwrap(),
            Plan::new(vec![teller], None, idle).unwrap(),
        ];
        let running = spawn(plans, &shutdown).unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        for number in 0..50 {
            sender.send_to(b"x", address).unwrap();
            assert_eq!(answered.recv().unwrap(), number);
        }
        shutdown.request();
        assert_eq!(running.join(), Ok(()));
    }
}

#[test]
fn a_thread_helps_only_in_turns_in_which_it_has_nothing_to_do() {
    let shutdown = Shutdown::default();
    let (turns, helped) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let busy = {
        let turns = Arc::clone(&turns);
        stage("busy", move || {
            usize::from(turns.fetch_add(1, Ordering::SeqCst) < 1_000)
        })
    };
    let mut plan = plan(vec![busy]);
    plan.help(Box::new(Helping({
        let (turns, helped, shutdown) = (Arc::clone(&turns), Arc::clone(&helped), shutdown.clone());
        move || {
            // The turn without work has been counted, too.
            assert!(turns.load(Ordering::SeqCst) > 1_000);
            if helped.fetch_add(1, Ordering::SeqCst) == 9 {
                shutdown.request();
            }
            1
        }
    })));
    spawn(vec![plan], &shutdown).unwrap().join().expect("in order");
    assert_eq!(helped.load(Ordering::SeqCst), 10);
}
