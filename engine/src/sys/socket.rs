//! Opening sockets: buffers that are read back, errors that say what to do.

use std::fmt;
use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::os::fd::AsRawFd;
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use super::control::SO_RXQ_OVFL;

/// How long an address in use is waited for. The kernel lets go of the sockets of a process that was killed while it
/// used io_uring some time after the process is gone (55 ms were seen after a minute of full load), and whoever starts
/// it again must not fail for that.
const ADDRESS_PATIENCE: Duration = Duration::from_secs(1);
/// Between two tries.
const ADDRESS_RETRY: Duration = Duration::from_millis(10);

/// A door that could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("can not open {protocol} {address}: {source}{remedy}")]
pub struct OpenError {
    /// What was to be opened.
    pub protocol: Transport,
    /// Where.
    pub address: SocketAddrV4,
    /// What the kernel said.
    pub source: io::Error,
    remedy: String,
}

/// The two transports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// Connections.
    Tcp,
}

impl fmt::Display for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        })
    }
}

impl OpenError {
    /// Adds to the kernel's error what can be done about it.
    pub fn new(protocol: Transport, address: SocketAddrV4, source: io::Error) -> Self {
        let (ip, port) = (address.ip(), address.port());
        let remedy = match source.raw_os_error() {
            Some(libc::EADDRINUSE) => {
                let kind = if protocol == Transport::Udp { "u" } else { "t" };
                format!(
                    "; another process has it (`ss -{kind}lnp 'sport = :{port}'` names it): stop it or configure another port"
                )
            }
            Some(libc::EADDRNOTAVAIL) => {
                format!("; {ip} is not an address of this machine (`ip -4 address` lists them)")
            }
            Some(libc::EACCES) => {
                format!(
                    "; port {port} needs CAP_NET_BIND_SERVICE, or `sysctl -w net.ipv4.ip_unprivileged_port_start={port}`"
                )
            }
            Some(libc::EMFILE) => "; the process has too many open files: raise `ulimit -n`".to_owned(),
            _ => String::new(),
        };
        Self {
            protocol,
            address,
            source,
            remedy,
        }
    }
}

/// A socket's receive buffer: what was asked and what the kernel gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiveBuffer {
    /// Bytes asked for.
    pub asked: usize,
    /// Bytes granted; the kernel's limits cut silently.
    pub granted: usize,
}

impl ReceiveBuffer {
    /// How to get what was asked for; `None` when it was granted.
    pub fn hint(&self) -> Option<String> {
        (self.granted < self.asked).then(|| {
            format!(
                "for the whole receive buffer: sysctl -w net.core.rmem_max={}",
                self.asked
            )
        })
    }
}

/// Opens, and while the address is in use tries again, for a second.
///
/// # Errors
///
/// What `open` says: at once, or that the address is still in use.
pub(super) fn open_patiently<T>(mut open: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let since = Instant::now();
    loop {
        match open() {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && since.elapsed() < ADDRESS_PATIENCE => {
                thread::sleep(ADDRESS_RETRY);
            }
            result => return result,
        }
    }
}

/// A UDP socket bound to `address`, in blocking mode (its users ask for each call not to block), which counts the
/// kernel's drops and, with `offload`, receives joined datagrams.
///
/// # Errors
///
/// When the socket can not be made or bound, or the kernel lacks what was asked for.
pub fn open_udp(
    address: SocketAddrV4,
    receive_buffer_bytes: usize,
    offload: bool,
) -> Result<(Socket, ReceiveBuffer), OpenError> {
    let open = || -> io::Result<_> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        let buffer = set_receive_buffer(&socket, receive_buffer_bytes)?;
        set_option(&socket, libc::SOL_SOCKET, SO_RXQ_OVFL, 1)?;
        if offload {
            set_option(&socket, libc::SOL_UDP, libc::UDP_GRO, 1)?;
        }
        socket.bind(&SocketAddr::V4(address).into())?;
        Ok((socket, buffer))
    };
    open_patiently(open).map_err(|error| OpenError::new(Transport::Udp, address, error))
}

/// The local address, as IPv4.
///
/// # Errors
///
/// What the kernel says.
pub fn local_address(socket: &Socket) -> io::Result<SocketAddrV4> {
    socket
        .local_addr()?
        .as_socket_ipv4()
        .ok_or_else(|| io::Error::new(io::ErrorKind::AddrNotAvailable, "the socket has no IPv4 address"))
}

fn set_receive_buffer(socket: &Socket, asked: usize) -> io::Result<ReceiveBuffer> {
    let value = libc::c_int::try_from(asked).map_err(|_| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("a receive buffer of {asked} bytes"),
        )
    })?;
    // With CAP_NET_ADMIN the kernel's limit does not count; without it, the ordinary option is cut at the limit.
    if set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, value).is_err() {
        socket.set_recv_buffer_size(asked)?;
    }
    // The kernel doubles what it grants, for its own book-keeping.
    let granted = socket.recv_buffer_size()? / 2;
    Ok(ReceiveBuffer { asked, granted })
}

fn set_option(socket: &Socket, level: libc::c_int, name: libc::c_int, value: libc::c_int) -> io::Result<()> {
    // SAFETY: the value's pointer and size belong to one integer on the stack, which the kernel only reads.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size_of_val(&value) as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn an_address_in_use_is_named_with_its_remedy() {
        let (socket, _) = open_udp(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0), 65_536, false).unwrap();
        let address = local_address(&socket).unwrap();
        let message = open_udp(address, 65_536, false).unwrap_err().to_string();
        assert!(
            message.starts_with(&format!("can not open UDP {address}: ")),
            "{message}"
        );
        assert!(
            message.contains(&format!("ss -ulnp 'sport = :{}'", address.port())),
            "{message}"
        );
    }

    #[test]
    fn an_address_that_is_let_go_is_waited_for() {
        let (socket, _) = open_udp(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0), 65_536, false).unwrap();
        let address = local_address(&socket).unwrap();
        let (mut first, mut tries) = (Some(socket), 0);
        let opened = open_patiently(|| {
            tries += 1;
            let again = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
            let bound = again.bind(&SocketAddr::V4(address).into());
            // The holder goes after it was in the way once.
            first = None;
            bound
        });
        assert!(opened.is_ok() && tries == 2, "{opened:?} after {tries} tries");
    }

    #[test]
    fn a_foreign_address_is_named_with_its_remedy() {
        // TEST-NET-1: no machine has it.
        let address = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), 0);
        let message = open_udp(address, 65_536, false).unwrap_err().to_string();
        assert!(
            message.contains("192.0.2.1 is not an address of this machine"),
            "{message}"
        );
    }

    #[test]
    fn the_receive_buffer_is_read_back() {
        let (socket, buffer) = open_udp(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0), 1 << 26, false).unwrap();
        assert_eq!(buffer.asked, 1 << 26);
        assert_eq!(buffer.granted, socket.recv_buffer_size().unwrap() / 2);
        assert_eq!(buffer.hint().is_some(), buffer.granted < 1 << 26);
        let cut = ReceiveBuffer {
            asked: 1_048_576,
            granted: 212_992,
        };
        assert_eq!(
            cut.hint().unwrap(),
            "for the whole receive buffer: sysctl -w net.core.rmem_max=1048576"
        );
    }
}
