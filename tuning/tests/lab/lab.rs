//! The test network of `lab.sh`, and programs that run on its hosts.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long a program may take to say its first word.
const PATIENCE: Duration = Duration::from_secs(30);

/// A network of its own. Taken down when dropped.
pub(crate) struct Lab {
    name: String,
}

impl Lab {
    /// Makes the network; `Err` says why there can be none here.
    pub(crate) fn up(name: &str) -> Result<Self, String> {
        let name = format!("{name}{}", std::process::id());
        let check = script(&name).arg("check").output().expect("there is a shell");
        if !check.status.success() {
            return Err(text(&check.stderr).trim().to_owned());
        }
        let lab = Self { name };
        lab.script(&["up"]);
        Ok(lab)
    }

    /// Runs the script and expects that it succeeds; gives what it printed.
    pub(crate) fn script(&self, arguments: &[&str]) -> String {
        let output = script(&self.name)
            .args(arguments)
            .output()
            .expect("there is a shell");
        let errors = text(&output.stderr);
        assert!(output.status.success(), "lab.sh {arguments:?}: {errors}");
        text(&output.stdout)
    }

    /// A command on a host, its outputs piped.
    fn command(&self, host: &str, program: &Path, arguments: &[&str]) -> Command {
        let mut command = script(&self.name);
        command
            .args(["run", host])
            .arg(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a program on a host to its end.
    pub(crate) fn run(&self, host: &str, program: &Path, arguments: &[&str]) -> Output {
        self.command(host, program, arguments)
            .output()
            .expect("there is a shell")
    }

    /// Starts a program on a host.
    pub(crate) fn start(&self, host: &str, program: &Path, arguments: &[&str]) -> Running {
        let mut child = self
            .command(host, program, arguments)
            .spawn()
            .expect("there is a shell");
        let out = child.stdout.take().expect("it is piped");
        let errors = child.stderr.take().expect("it is piped");
        let (first, first_line) = mpsc::channel();
        Running {
            child,
            first_line,
            out: thread::spawn(move || {
                let mut out = BufReader::new(out);
                let mut line = String::new();
                out.read_line(&mut line).expect("the pipe can be read");
                // Nobody may be interested in it.
                let _ = first.send(line.clone());
                out.read_to_string(&mut line).expect("it is text");
                line
            }),
            errors: thread::spawn(move || {
                let mut text = String::new();
                BufReader::new(errors)
                    .read_to_string(&mut text)
                    .expect("it is text");
                text
            }),
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // Also after a failure: it ends what runs there.
        let _ = script(&self.name).arg("down").output();
    }
}

/// A program on a host.
pub(crate) struct Running {
    child: Child,
    first_line: mpsc::Receiver<String>,
    out: JoinHandle<String>,
    errors: JoinHandle<String>,
}

impl Running {
    /// The first line of its output.
    pub(crate) fn first_line(&self) -> Option<String> {
        self.first_line.recv_timeout(PATIENCE).ok()
    }

    /// Asks it to end in order.
    pub(crate) fn interrupt(&self) {
        let process = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", "INT", &process]).status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "kill -s INT {process}"
        );
    }

    /// Waits for its end; gives whether it succeeded, and both outputs.
    pub(crate) fn ended(mut self) -> (bool, String, String) {
        let status = self.child.wait().expect("it was started");
        let join = |thread: JoinHandle<String>| thread.join().expect("collecting does not panic");
        (status.success(), join(self.out), join(self.errors))
    }
}

fn script(name: &str) -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("lab.sh"));
    command.env("LAB", name);
    command
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The other programs of the workspace, as they lie beside this one. They are built where they are not there yet: only
/// `cargo test --workspace` builds them by itself.
pub(crate) fn programs() -> [PathBuf; 3] {
    let test = std::env::current_exe().expect("a test has a file");
    let directory = test
        .parent()
        .and_then(Path::parent)
        .expect("it lies in target/PROFILE/deps");
    let paths = ["exchange", "client-sim", "feed-handler"].map(|name| directory.join(name));
    if !paths.iter().all(|path| path.exists()) {
        let mut command = Command::new(env!("CARGO"));
        command.args([
            "build",
            "--bins",
            "-p",
            "engine",
            "-p",
            "client-sim",
            "-p",
            "feed-handler",
        ]);
        if directory.ends_with("release") {
            command.arg("--release");
        }
        let status = command.current_dir(env!("CARGO_MANIFEST_DIR")).status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "the other programs can be built"
        );
    }
    paths
}
