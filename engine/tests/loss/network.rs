//! What loses: the kernel, where we may tell it to; else the subscribers' sockets, on purpose.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use feed_handler::receiver::{Datagrams, Receiver};
use protocol::testing::Random;

use crate::exchange::Exchange;

/// Set in the process that has a network of its own.
const INSIDE: &str = "LOSS_HAS_ITS_NETWORK";
/// Of a hundred packets of TCP, where the kernel loses.
const TCP_SHARE: u32 = 1;

/// Runs this program again in a network namespace of its own; its exit code. `None`: go on here.
pub(crate) fn enter() -> Option<ExitCode> {
    if std::env::var_os(INSIDE).is_some() {
        return None;
    }
    let probe = "ip link set lo up && nft add table inet probe";
    let may = quiet("unshare", &["-n", "--", "sh", "-c", probe]);
    if !may {
        println!(
            "skipped: nftables in a namespace of its own is not to be had here (root, unshare, ip, nft)"
        );
        return None;
    }
    let program = std::env::current_exe().expect("this program has a path");
    let status = Command::new("unshare")
        .args(["-n", "--", "sh", "-c", "ip link set lo up && exec \"$0\" \"$@\""])
        .arg(program)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, "1")
        .status()
        .expect("it was tried before");
    Some(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// True when the command succeeds.
fn quiet(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The network between exchange and subscribers.
pub(crate) struct Network {
    lines: [SocketAddr; 2],
    /// Gap recovery and snapshots.
    doors: [SocketAddr; 2],
    /// Requests over UDP and their answers.
    requests: SocketAddr,
    is_kernel: bool,
    /// What sockets lose on purpose: of a hundred datagrams, and lines that are cut.
    share: AtomicU32,
    cut: [AtomicBool; 2],
}

impl Network {
    pub(crate) fn new(exchange: &Exchange) -> Self {
        Self {
            lines: [exchange.address("line_a"), exchange.address("line_b")],
            doors: [exchange.address("recovery_tcp"), exchange.address("snapshot_tcp")],
            requests: exchange.address("retransmission_udp"),
            is_kernel: std::env::var_os(INSIDE).is_some(),
            share: AtomicU32::new(0),
            cut: [AtomicBool::new(false), AtomicBool::new(false)],
        }
    }

    pub(crate) fn means(&self) -> &'static str {
        if self.is_kernel {
            "the kernel: nftables"
        } else {
            "the subscribers' sockets"
        }
    }

    /// From now on so many of a hundred datagrams are lost on each line, and all on one that is cut.
    pub(crate) fn lose(&self, share: u32, cut: [bool; 2]) {
        if !self.is_kernel {
            self.share.store(share, Ordering::Relaxed);
            for (line, cut) in self.cut.iter().zip(cut) {
                line.store(cut, Ordering::Relaxed);
            }
            return;
        }
        let mut rules = String::from(
            "add table inet loss\ndelete table inet loss\nadd table inet loss\n\
             add chain inet loss arriving { type filter hook input priority 0; }\n",
        );
        for (line, cut) in self.lines.iter().zip(cut) {
            let which = if cut {
                String::new()
            } else {
                format!("numgen random mod 100 < {share} ")
            };
            rules += &format!(
                "add rule inet loss arriving ip daddr {} udp dport {} {which}drop\n",
                line.ip(),
                line.port()
            );
        }
        for way in ["dport", "sport"] {
            rules += &format!(
                "add rule inet loss arriving udp {way} {} numgen random mod 100 < {share} drop\n",
                self.requests.port()
            );
        }
        for door in self.doors {
            rules += &format!(
                "add rule inet loss arriving tcp sport {} numgen random mod 100 < {TCP_SHARE} drop\n",
                door.port()
            );
        }
        let mut nft = Command::new("nft")
            .args(["-f", "-"])
            .stdin(Stdio::piped())
            .spawn()
            .expect("it was tried before");
        let mut stdin = nft.stdin.take().expect("it is piped");
        stdin.write_all(rules.as_bytes()).expect("nft reads");
        drop(stdin);
        assert!(
            nft.wait().expect("it was started").success(),
            "nft refuses:\n{rules}"
        );
    }
}

/// A line as a subscriber hears it.
pub(crate) struct Line {
    pub(crate) receiver: Receiver,
    pub(crate) network: std::sync::Arc<Network>,
    pub(crate) index: usize,
    pub(crate) random: Random,
}

impl Datagrams for Line {
    fn receive<'a>(&mut self, buffer: &'a mut [u8]) -> io::Result<Option<&'a [u8]>> {
        loop {
            let Some(length) = self.receiver.receive(buffer)?.map(<[u8]>::len) else {
                return Ok(None);
            };
            let share = u64::from(self.network.share.load(Ordering::Relaxed));
            let is_cut = self.network.cut[self.index].load(Ordering::Relaxed);
            if !is_cut && !self.random.chance(share, 100) {
                return Ok(Some(&buffer[..length]));
            }
        }
    }
}
