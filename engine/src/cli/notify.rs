//! Tells the service manager that started us how far we are: a datagram to the socket that it names in the environment, as
//! systemd and others understand it.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Where the service manager listens.
const SOCKET: &str = "NOTIFY_SOCKET";

/// The exchange is ready; `status` is a line for people.
pub(super) fn ready(status: &str) {
    tell(&format!("READY=1\nSTATUS={status}\n"));
}

/// It ends in order.
pub(super) fn stopping() {
    tell("STOPPING=1\nSTATUS=ending in order\n");
}

fn tell(state: &str) {
    let Some(socket) = env::var_os(SOCKET) else {
        return;
    };
    if let Err(error) = send(&socket, state) {
        eprintln!("the service manager at {} is not told: {error}", socket.display());
    }
}

fn send(socket: &OsStr, state: &str) -> io::Result<()> {
    let bytes = socket.as_bytes();
    // A name that begins with @ is in the kernel, not among files.
    let address = match bytes.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(manager: &UnixDatagram) -> String {
        let mut bytes = [0; 256];
        let length = manager.recv(&mut bytes).expect("it was sent");
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }

    #[test]
    fn a_manager_is_told_by_path_and_by_name() {
        let path = env::temp_dir().join(format!("notify-{}", std::process::id()));
        let manager = UnixDatagram::bind(&path).expect("it can be made");
        send(path.as_os_str(), "READY=1\n").expect("it is there");
        assert_eq!(received(&manager), "READY=1\n");
        std::fs::remove_file(&path).expect("it is ours");

        let name = format!("exchange-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("short");
        let manager = UnixDatagram::bind_addr(&address).expect("it can be made");
        send(OsStr::new(&format!("@{name}")), "STOPPING=1\n").expect("it is there");
        assert_eq!(received(&manager), "STOPPING=1\n");
        assert!(send(OsStr::new("/nowhere/at/all"), "READY=1\n").is_err());
    }
}
