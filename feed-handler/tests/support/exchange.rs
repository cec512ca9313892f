//! An exchange that only publishes, and the binary beside it.

use super::Script;
use super::publisher::Publisher;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// A publisher that says heartbeats until it is dropped.
pub struct Exchange {
    pub publisher: Arc<Publisher>,
    stop: Option<mpsc::Sender<()>>,
    heart: Option<thread::JoinHandle<()>>,
}

impl Exchange {
    pub fn new(script: &Script) -> Self {
        let publisher = Arc::new(Publisher::new());
        publisher.publish_unheard(&script.messages);
        let (stop, stopped) = mpsc::channel();
        let beating = Arc::clone(&publisher);
        let heart = thread::spawn(move || {
            while stopped.recv_timeout(Duration::from_millis(20)) == Err(RecvTimeoutError::Timeout) {
                beating.heartbeat();
            }
        });
        Self {
            publisher,
            stop: Some(stop),
            heart: Some(heart),
        }
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(arguments);
        command
            .arg(format!("--a={}", self.publisher.lines[0]))
            .arg(format!("--b={}", self.publisher.lines[1]))
            .arg(format!("--recovery={}", self.publisher.recovery));
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(heart) = self.heart.take() {
            heart.join().unwrap();
        }
    }
}

pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_feed-handler"));
    command.args(arguments);
    command
}
