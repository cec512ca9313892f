//! Who is at the other end of a connection: the kernel says so.

use std::fs;
use std::io;
use std::os::unix::net::UnixStream;

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::{Uid, User};

/// Of a process that nobody logged in for.
const NO_LOGIN: u32 = u32::MAX;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Whose process it is.
    pub user: u32,
    /// Who logged in to start it, where the kernel knows: whoever became the owner by `sudo` is told by name.
    pub login: Option<u32>,
}

impl Peer {
    /// The process at the other end, as it was when it connected.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn of(stream: &UnixStream) -> io::Result<Self> {
        let credentials = getsockopt(stream, PeerCredentials).map_err(io::Error::from)?;
        Ok(Self {
            user: credentials.uid(),
            login: login_of(credentials.pid()),
        })
    }

    /// True for the user that this process runs as.
    pub fn is_owner(&self) -> bool {
        self.user == Uid::effective().as_raw()
    }

    /// The number that the journal has.
    pub fn who(&self) -> u32 {
        self.login.unwrap_or(self.user)
    }
}

fn login_of(process: i32) -> Option<u32> {
    let text = fs::read_to_string(format!("/proc/{process}/loginuid")).ok()?;
    text.trim().parse().ok().filter(|login| *login != NO_LOGIN)
}

/// The user's name, or its number where it has none.
pub fn name(user: u32) -> String {
    let known = User::from_uid(Uid::from_raw(user)).ok().flatten();
    known.map_or_else(|| format!("user {user}"), |known| known.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_knows_who_is_there() {
        let (here, _there) = UnixStream::pair().expect("there are descriptors");
        let peer = Peer::of(&here).expect("the kernel knows");
        assert!(peer.is_owner());
        let another = Peer {
            user: peer.user.wrapping_add(1),
            login: Some(7),
        };
        assert!(!another.is_owner());
        assert_eq!(another.who(), 7);
        assert_eq!(name(u32::MAX - 7), "user 4294967288");
    }
}
