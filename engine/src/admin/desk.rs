//! The recovery stage's end: looks at the replica for who asks, hands changes to the engine one at a time, and says what
//! became of each.
//!
//! A change goes the way of every command: through the ring to the engine, into the journal, and is told here when the
//! replica has applied it, which is when it is durable. So an answer is never about something that a crash takes back. The
//! next change waits until then: what is asked of one rests on what the one before did.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::time::Duration;

use crate::exchange::command::Command;
use crate::recovery::drop_copy::Reading;
use crate::recovery::replica::{Operated, Replica};
use crate::runtime::links::Rouse;

/// Jobs that wait for the stage.
const JOBS: usize = 32;
/// Jobs that it does in one turn.
const JOBS_PER_TURN: usize = 4;
/// How long somebody waits for the stage. A sync of a slow disk takes seconds; what takes longer may still be done.
const PATIENCE: Duration = Duration::from_secs(20);

/// The same for what can be left out.
const GLANCE: Duration = Duration::from_millis(100);

/// What the stage is asked to do.
enum Job {
    /// Looks at the replica, briefly: the stage's other work waits.
    Look(Box<dyn FnOnce(&Replica) + Send>),
    /// Tells the connections of drop copies.
    Readings(SyncSender<Vec<Reading>>),
    /// Has a command sequenced.
    Change(Command, SyncSender<Outcome>),
    /// Takes a snapshot soon; told is the last command that it will know at least. `None`: nobody takes any.
    Snapshot(SyncSender<Option<u64>>),
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Its command.
    pub operated: Operated,
    /// What the command's time counts from, as [`crate::exchange::Exchange::midnight_ns`].
    pub midnight_ns: Option<u64>,
}

/// Why nothing was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// Too many ask.
    #[error("too many ask at once: ask again")]
    Busy,
    /// It took too long.
    #[error(
        "there was no answer within 20 s: what was asked for may still be done, `exchange audit` shows it then; look at the disk"
    )]
    Late,
    /// The exchange ends.
    #[error("the exchange is ending")]
    Ending,
}

/// The end of those who ask; cheap to clone.
#[derive(Debug, Clone)]
pub struct Bell {
    jobs: SyncSender<Job>,
    /// Ends the rest of the stage with the desk.
    rouse: Rouse,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Look(_) => "Look",
            Self::Readings(_) => "Readings",
            Self::Change(..) => "Change",
            Self::Snapshot(_) => "Snapshot",
        })
    }
}

impl Bell {
    /// What `look` sees in the replica, between two commands. It must be brief.
    ///
    /// # Errors
    /// Nobody answered.
    pub fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Replica) -> T + Send + 'static,
    ) -> Result<T, Unanswered> {
        self.ask(|answer: SyncSender<T>| {
            Job::Look(Box::new(move |replica| {
                // Whoever asked may have given up.
                let _ = answer.send(look(replica));
            }))
        })
    }

    /// The connections of drop copies, in no order.
    ///
    /// # Errors
    /// Nobody answered.
    pub fn readings(&self) -> Result<Vec<Reading>, Unanswered> {
        self.ask(Job::Readings)
    }

    /// Has `command` sequenced; returns when it is durable and applied.
    ///
    /// # Errors
    /// Nobody answered.
    pub fn change(&self, command: Command) -> Result<Outcome, Unanswered> {
        self.ask(|answer| Job::Change(command, answer))
    }

    /// Has a snapshot taken soon, which will know this command at least; `None` when none are taken.
    ///
    /// # Errors
    /// Nobody answered.
    pub fn snapshot(&self) -> Result<Option<u64>, Unanswered> {
        self.ask(Job::Snapshot)
    }

    /// The login name of a session, unless the stage has something better to do.
    pub fn session_name(&self, session: u32) -> Option<String> {
        let (answer, answered) = sync_channel(1);
        let look = move |replica: &Replica| {
            let session = replica.exchange().session(session);
            let name =
                session.map(|session| String::from_utf8_lossy(&session.username).trim_end().to_owned());
            // Whoever asked may have given up.
            let _ = answer.send(name);
        };
        self.jobs.try_send(Job::Look(Box::new(look))).ok()?;
        self.rouse.rouse();
        answered.recv_timeout(GLANCE).ok().flatten()
    }

    fn ask<T>(&self, job: impl FnOnce(SyncSender<T>) -> Job) -> Result<T, Unanswered> {
        let (answer, answered) = sync_channel(1);
        match self.jobs.try_send(job(answer)) {
            Ok(()) => self.rouse.rouse(),
            Err(TrySendError::Full(_)) => return Err(Unanswered::Busy),
            Err(TrySendError::Disconnected(_)) => return Err(Unanswered::Ending),
        }
        answered.recv_timeout(PATIENCE).map_err(|error| match error {
            RecvTimeoutError::Timeout => Unanswered::Late,
            RecvTimeoutError::Disconnected => Unanswered::Ending,
        })
    }
}

/// A change on its way.
#[derive(Debug)]
struct Change {
    command: Command,
    answer: SyncSender<Outcome>,
    /// The engine was told, when the operator's last command was this one.
    sent_after: Option<u64>,
}

/// The stage's end.
#[derive(Debug)]
pub struct Desk {
    jobs: Receiver<Job>,
    change: Option<Change>,
    /// A job that came while a change was on its way, and is one too.
    next: Option<Change>,
    wants_snapshot: bool,
}

/// Both ends. `rouse` ends the rest of the stage that polls the desk.
pub fn desk(rouse: Rouse) -> (Bell, Desk) {
    let (jobs, asked) = sync_channel(JOBS);
    let desk = Desk {
        jobs: asked,
        change: None,
        next: None,
        wants_snapshot: false,
    };
    (Bell { jobs, rouse }, desk)
}

impl Desk {
    /// One turn; returns the work done. `replica` is `None` while it is lent: then everybody waits. `newest` is the last
    /// command that a snapshot knows or will know, `None` when none are taken; `operate` tells the engine, and is false
    /// while there is no room; `readings` are the connections of drop copies.
    pub fn poll(
        &mut self,
        replica: Option<&Replica>,
        newest: Option<u64>,
        mut operate: impl FnMut(Command) -> bool,
        readings: impl Fn() -> Vec<Reading>,
    ) -> usize {
        let Some(replica) = replica.filter(|replica| replica.is_between_commands()) else {
            return 0;
        };
        let mut work = self.carry_on(replica, &mut operate);
        for _ in 0..JOBS_PER_TURN {
            if self.next.is_some() {
                break;
            }
            let job = match self.jobs.try_recv() {
                Ok(job) => job,
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            };
            work += 1;
            match job {
                Job::Look(look) => look(replica),
                Job::Readings(answer) => {
                    // Whoever asked may have given up.
                    let _ = answer.send(readings());
                }
                Job::Change(command, answer) => {
                    self.next = Some(Change {
                        command,
                        answer,
                        sent_after: None,
                    });
                    work += self.carry_on(replica, &mut operate);
                }
                Job::Snapshot(answer) => {
                    self.wants_snapshot = newest.is_some_and(|newest| replica.applied() > newest);
                    let knows = newest.map(|newest| newest.max(replica.applied()));
                    // Whoever asked may have given up.
                    let _ = answer.send(knows);
                }
            }
        }
        work
    }

    /// True while somebody waits for something that takes more than a turn.
    pub fn is_at_work(&self) -> bool {
        self.change.is_some() || self.next.is_some() || self.wants_snapshot
    }

    /// True once when somebody wants a snapshot.
    pub fn wants_snapshot(&self) -> bool {
        self.wants_snapshot
    }

    /// It is being taken.
    pub fn takes_snapshot(&mut self) {
        self.wants_snapshot = false;
    }

    fn carry_on(&mut self, replica: &Replica, operate: &mut impl FnMut(Command) -> bool) -> usize {
        let mut work = 0;
        let operated = replica.operated();
        if let Some(change) = &self.change
            && change.sent_after.is_some_and(|before| operated.sequence > before)
        {
            // Whoever asked may have given up.
            let _ = change.answer.send(Outcome {
                operated,
                midnight_ns: replica.exchange().midnight_ns(),
            });
            self.change = None;
            work += 1;
        }
        if self.change.is_none() {
            self.change = self.next.take();
        }
        if let Some(change) = &mut self.change
            && change.sent_after.is_none()
            && operate(change.command)
        {
            change.sent_after = Some(operated.sequence);
            work += 1;
        }
        work
    }
}
