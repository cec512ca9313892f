//! The order-entry socket: io_uring where the kernel allows it, `recvmmsg` where not.

use std::fmt;
use std::fs;
use std::io;
use std::net::SocketAddrV4;
use std::str::FromStr;
use std::sync::Arc;

use socket2::Socket;

use super::hugepage::Backing;
use super::parker::Watch;
use super::received::SourceCounters as Counters;
use super::recvmmsg::RecvmmsgSource;
use super::socket::{OpenError, ReceiveBuffer, Transport, local_address, open_udp};
use super::udp::UdpSink;
use super::uring::UringSource;
use crate::runtime::counters::CachePadded;
use crate::runtime::seams::DatagramSource;
use crate::token::TokenMint;

pub use super::received::SourceCounters;

/// How datagrams are received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// io_uring if possible, `recvmmsg` otherwise.
    #[default]
    Auto,
    /// io_uring or an error.
    IoUring,
    /// `recvmmsg`.
    Recvmmsg,
}

impl FromStr for Method {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "io_uring" => Ok(Self::IoUring),
            "recvmmsg" => Ok(Self::Recvmmsg),
            _ => Err(format!(
                "{text:?} is no way to receive: auto, io_uring or recvmmsg"
            )),
        }
    }
}

/// What a source is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How to receive.
    pub method: Method,
    /// The socket's receive buffer in the kernel, bytes. With 16 MiB an overload queues for 20-90 ms before it drops:
    /// 1-2 MiB is better.
    pub receive_buffer_bytes: usize,
    /// Receive buffers of io_uring: a power of two.
    pub buffer_count: u16,
    /// Bytes of a receive buffer, of which 80 are needed for other than the datagram; a multiple of 8.
    pub buffer_bytes: usize,
    /// Let the kernel join datagrams of one sender and equal size (`UDP_GRO`). Needs buffers of 64 KiB.
    pub offload: bool,
    /// Let the kernel drop what begins with no token of this mint.
    pub tokens: Option<TokenMint>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            method: Method::Auto,
            receive_buffer_bytes: 1 << 20,
            buffer_count: 1_024,
            buffer_bytes: 2_048,
            offload: false,
            tokens: None,
        }
    }
}

impl Options {
    /// With receive offload and the buffers that it needs: 256 of 68 KiB.
    pub fn with_offload() -> Self {
        Self {
            buffer_count: 256,
            buffer_bytes: 68 << 10,
            offload: true,
            ..Self::default()
        }
    }
}

/// A source of either kind.
#[expect(clippy::large_enum_variant, reason = "there is one, made at start")]
pub enum Source {
    /// Through a ring.
    IoUring(UringSource),
    /// Through system calls.
    Recvmmsg(RecvmmsgSource),
}

/// What [`open`] achieved, to be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Where it listens; the port is the real one if 0 was asked for.
    pub address: SocketAddrV4,
    /// `io_uring` or `recvmmsg`.
    pub method: &'static str,
    /// Why it is not io_uring although that would have been preferred.
    pub fallback: Option<String>,
    /// The kernel's receive buffer.
    pub receive_buffer: ReceiveBuffer,
    /// What the receive buffers lie in.
    pub backing: Backing,
    /// Whether datagrams are joined.
    pub offload: bool,
    /// How to grant what is missing, a sentence each.
    pub hints: Vec<String>,
}

impl fmt::Display for Description {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "UDP {} through {}", self.address, self.method)?;
        if let Some(reason) = &self.fallback {
            write!(formatter, " (not io_uring: {reason})")?;
        }
        if self.offload {
            formatter.write_str(" with receive offload")?;
        }
        let ReceiveBuffer { asked, granted } = self.receive_buffer;
        write!(formatter, ", socket buffer {} KiB", granted / 1024)?;
        if granted < asked {
            write!(formatter, " of {} KiB asked for", asked / 1024)?;
        }
        write!(formatter, ", receive buffers in {}", self.backing)
    }
}

/// Opens a source on `address` (port 0: one that is free). It belongs to the thread that polls it first.
///
/// # Errors
///
/// When the socket can not be opened, when there is no memory for the buffers, and with [`Method::IoUring`] when the
/// kernel refuses io_uring.
pub fn open(address: SocketAddrV4, options: &Options) -> Result<(Source, Description), OpenError> {
    let wrong = |error| OpenError::new(Transport::Udp, address, error);
    let (socket, receive_buffer) = open_udp(address, options.receive_buffer_bytes, options.offload)?;
    let unfiltered = options
        .tokens
        .and_then(|mint| socket.attach_filter(&mint.filter()).err())
        .map(|error| format!("junk is not dropped by the kernel, which takes no filter: {error}"));
    let address = local_address(&socket).map_err(wrong)?;
    let plain = |socket| RecvmmsgSource::new(socket, options.buffer_bytes).map(Source::Recvmmsg);
    let ring =
        |socket| UringSource::new(socket, options.buffer_count, options.buffer_bytes).map(Source::IoUring);
    let mut fallback = None;
    let source = match options.method {
        Method::Recvmmsg => plain(socket).map_err(wrong)?,
        Method::IoUring => ring(socket).map_err(|error| {
            wrong(io::Error::new(
                error.kind(),
                format!("io_uring: {}", refusal(&error)),
            ))
        })?,
        Method::Auto => match ring(socket.try_clone().map_err(wrong)?) {
            Ok(source) => source,
            // Nonsense in the options is no reason to fall back.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput && error.raw_os_error().is_none() => {
                return Err(wrong(error));
            }
            Err(error) => {
                fallback = Some(refusal(&error));
                plain(socket).map_err(wrong)?
            }
        },
    };
    let memory = match &source {
        Source::IoUring(source) => source.memory(),
        Source::Recvmmsg(source) => source.memory(),
    };
    let description = Description {
        address,
        method: match source {
            Source::IoUring(_) => "io_uring",
            Source::Recvmmsg(_) => "recvmmsg",
        },
        fallback,
        receive_buffer,
        backing: memory.backing(),
        offload: options.offload,
        hints: memory
            .hint()
            .into_iter()
            .chain(receive_buffer.hint())
            .chain(unfiltered)
            .collect(),
    };
    Ok((source, description))
}

impl Source {
    /// A sink that sends from this socket, so that answers come from where the orders went; in bursts with `offload`, else
    /// datagram by datagram.
    ///
    /// # Errors
    ///
    /// When the process has no descriptor left.
    pub fn sink(&self, offload: bool) -> io::Result<UdpSink> {
        Ok(UdpSink::new(self.socket().try_clone()?, offload))
    }

    /// What it counts.
    pub fn counters(&self) -> &Arc<CachePadded<Counters>> {
        match self {
            Self::IoUring(source) => source.counters(),
            Self::Recvmmsg(source) => source.counters(),
        }
    }

    fn socket(&self) -> &Socket {
        match self {
            Self::IoUring(source) => source.socket(),
            Self::Recvmmsg(source) => source.socket(),
        }
    }
}

impl DatagramSource for Source {
    #[inline]
    fn poll(&mut self, max: usize, take: impl FnMut(SocketAddrV4, &[u8])) -> usize {
        match self {
            Self::IoUring(source) => source.poll(max, take),
            Self::Recvmmsg(source) => source.poll(max, take),
        }
    }

    fn watch(&self, watch: &mut Watch) {
        match self {
            Self::IoUring(source) => source.watch(watch),
            Self::Recvmmsg(source) => source.watch(watch),
        }
    }
}

/// Why the kernel refused io_uring, and what to do about it.
fn refusal(error: &io::Error) -> String {
    let setting = fs::read_to_string("/proc/sys/kernel/io_uring_disabled");
    let advice = advice(
        error.raw_os_error(),
        setting.as_deref().unwrap_or_default().trim(),
    );
    if advice.is_empty() {
        error.to_string()
    } else {
        format!("{error}: {advice}")
    }
}

/// `setting` is `kernel.io_uring_disabled`.
fn advice(code: Option<i32>, setting: &str) -> &'static str {
    match (code, setting) {
        (Some(libc::EPERM), "2") => "it is switched off (sysctl -w kernel.io_uring_disabled=0)",
        (Some(libc::EPERM), "1") => {
            "it is for members of kernel.io_uring_group only (sysctl -w kernel.io_uring_disabled=0, or join the group)"
        }
        (Some(libc::EPERM | libc::EACCES), _) => {
            "a container's system call filter or a security module forbids it"
        }
        (Some(libc::ENOSYS), _) => "this kernel, or the container's system call filter, has none",
        (Some(libc::EINVAL), _) => "this kernel is too old for deferred task work (Linux 6.1)",
        (Some(libc::ENOMEM), _) => "not enough memory (raise `ulimit -l`)",
        _ => "",
    }
}

#[cfg(test)]
mod tests;
