//! Addresses that begin with the same bits, as a configuration names them.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// IPv4 addresses whose first bits are those of one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subnet {
    address: Ipv4Addr,
    /// How many bits, 0 to 32.
    prefix: u8,
}

/// A text that names no subnet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubnetError {
    /// Not an address, or not 0 to 32 bits.
    #[error("{0:?} is not an IPv4 network")]
    Text(String),
    /// It has bits behind the ones that count.
    #[error("{0} has bits behind the first {1}")]
    Bits(Ipv4Addr, u8),
}

impl Subnet {
    /// This machine.
    pub const LOOPBACK: Self = Self {
        address: Ipv4Addr::new(127, 0, 0, 0),
        prefix: 8,
    };

    /// True when the address is one of it.
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        (address.to_bits() ^ self.address.to_bits()) & mask(self.prefix) == 0
    }
}

/// The first `prefix` bits.
fn mask(prefix: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0)
}

impl FromStr for Subnet {
    type Err = SubnetError;

    /// `10.1.0.0/16`, or an address alone.
    fn from_str(text: &str) -> Result<Self, SubnetError> {
        let wrong = || SubnetError::Text(text.to_owned());
        let (address, prefix) = text.split_once('/').unwrap_or((text, "32"));
        let address: Ipv4Addr = address.parse().map_err(|_| wrong())?;
        let prefix: u8 = prefix.parse().map_err(|_| wrong())?;
        if prefix > 32 {
            return Err(wrong());
        }
        if address.to_bits() & !mask(prefix) != 0 {
            return Err(SubnetError::Bits(address, prefix));
        }
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_has_the_addresses_that_begin_as_it_does() {
        for (text, inside, outside) in [
            ("10.1.0.0/16", "10.1.255.3", "10.2.0.0"),
            ("127.0.0.0/8", "127.0.0.1", "128.0.0.1"),
            ("10.1.2.3", "10.1.2.3", "10.1.2.2"),
            ("10.1.2.2/31", "10.1.2.3", "10.1.2.4"),
        ] {
            let subnet: Subnet = text.parse().expect("it is one");
            let has = |address: &str| subnet.contains(address.parse().expect("an address"));
            assert!(has(inside) && !has(outside), "{text}");
        }
        let all: Subnet = "0.0.0.0/0".parse().expect("it is one");
        assert!(all.contains(Ipv4Addr::BROADCAST) && all.to_string() == "0.0.0.0/0");
    }

    #[test]
    fn what_is_no_subnet_is_refused() {
        for text in [
            "",
            "localhost",
            "10.0.0.0/33",
            "10.0.0.0/-1",
            "10.0.0.0/",
            "10.0.0/8",
            "::1/64",
        ] {
            assert_eq!(text.parse::<Subnet>(), Err(SubnetError::Text(text.to_owned())));
        }
        let address = Ipv4Addr::new(10, 1, 2, 3);
        assert_eq!(
            "10.1.2.3/16".parse::<Subnet>(),
            Err(SubnetError::Bits(address, 16))
        );
        assert_eq!("10.1.2.3/0".parse::<Subnet>(), Err(SubnetError::Bits(address, 0)));
    }
}
