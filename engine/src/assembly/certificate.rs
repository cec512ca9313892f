//! The certificate of the TCP doors, and who looks whether it was renewed.
//!
//! A certificate lives for months and an exchange as well: what is in its files counts for connections that come from then on,
//! without a restart.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tls::{Date, Identity, Refused};

use crate::config::Tls;
use crate::runtime::helper::Helper;
use crate::runtime::notices::Notices;

/// Between two looks at the files.
const LOOK: Duration = Duration::from_secs(2);
/// From so many days before its end on, its operator is told each day.
const DAYS_TOLD: i64 = 14;

/// What tells one state of a file from another: nobody writes a file and leaves all of this as it was.
type State = Option<(u64, u64, i64, i64)>;

/// The certificate.
pub(super) struct Certificate {
    files: Tls,
    identity: Identity,
    /// The files as they were read.
    states: Vec<State>,
}

impl Certificate {
    /// Reads the files.
    pub(super) fn read(files: &Tls) -> Result<Self, Refused> {
        // Before they are read: what changes meanwhile is read again.
        let states = states(files);
        Ok(Self {
            files: files.clone(),
            identity: files.identity()?,
            states,
        })
    }

    /// What the doors show.
    pub(super) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// How long it is valid.
    pub(super) fn sentence(&self) -> String {
        let until = self.identity.valid_until();
        let days = until.days_from(Date::now());
        format!("certificate valid until {until}, {days} days from now")
    }

    /// Reads the files again when they have changed, on a thread of its own.
    pub(super) fn look_after(mut self, notices: Notices) -> io::Result<Helper> {
        Helper::start("certificate", move |stop: &AtomicBool| {
            let (mut seen, mut told_days) = (self.states.clone(), i64::MAX);
            while !stop.load(Ordering::Acquire) {
                thread::park_timeout(LOOK);
                let now = states(&self.files);
                // Certificate and key are two files: they are read when both are there, and nobody writes to them any more.
                if now != self.states && now == seen {
                    notices.tell(self.renew());
                    self.states.clone_from(&now);
                }
                seen = now;
                let days = self.identity.valid_until().days_from(Date::now());
                if days < DAYS_TOLD && days < told_days {
                    notices.tell(format!("TLS: {}", self.sentence()));
                }
                told_days = days;
            }
        })
    }

    /// Takes what is in the files now; what to tell of it.
    fn renew(&self) -> String {
        match self.identity.renew(&self.files.files()) {
            Ok(()) => format!("TLS: renewed, {}", self.sentence()),
            Err(refused) => format!(
                "TLS: not renewed, {refused}. Remedy: {}. Until then: {}",
                refused.remedy(),
                self.sentence()
            ),
        }
    }
}

fn states(files: &Tls) -> Vec<State> {
    let paths = [
        Some(&files.certificate),
        Some(&files.key),
        files.client_authority.as_ref(),
    ];
    let state = |path: &std::path::PathBuf| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((
            metadata.ino(),
            metadata.len(),
            metadata.mtime(),
            metadata.mtime_nsec(),
        ))
    };
    paths.into_iter().flatten().map(state).collect()
}
