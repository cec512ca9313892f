//! Tokens of bindings, and what the kernel can tell of them.
//!
//! A token is seven random bytes and one that follows from four of them, by a secret of this process. The socket of order
//! entry carries a filter that knows the secret: a datagram that begins with no such token is dropped by the kernel, before it
//! takes a place in the receive buffer and before any thread of ours is woken. One made-up token in 256 gets past it, to the
//! engine, which knows what is bound; all that the filter spares is time.

use std::fmt;
use std::io;

use socket2::SockFilter;

/// The kernel shows a UDP socket's filter the datagram with its header, which has so many bytes.
const UDP_HEADER_BYTES: u32 = 8;
/// Where the byte that follows lies in a token.
const MARK: usize = 7;
/// All of the datagram is let in.
const WHOLE: u32 = u32::MAX;

/// Makes tokens.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenMint {
    /// What is added (exclusive or), and what is multiplied by.
    mask: u32,
    factor: u32,
}

impl TokenMint {
    /// With this secret, which should come from the operating system's random source.
    pub const fn new(secret: u64) -> Self {
        Self {
            mask: secret as u32,
            // Odd, so that no bit of a token is without effect.
            factor: (secret >> 32) as u32 | 1,
        }
    }

    /// A new token.
    ///
    /// # Errors
    ///
    /// When the operating system gives no random numbers.
    pub fn mint(&self) -> io::Result<[u8; 8]> {
        let mut token = [0; 8];
        getrandom::fill(&mut token).map_err(io::Error::other)?;
        token[MARK] = self.mark(token);
        Ok(token)
    }

    /// Whether it can be one of ours: always of one of ours, and of one in 256 others.
    pub fn may_be_ours(&self, token: [u8; 8]) -> bool {
        token[MARK] == self.mark(token)
    }

    /// Multiply-shift: the upper bits of a product depend on all bits of its factors.
    fn mark(&self, token: [u8; 8]) -> u8 {
        let [a, b, c, d, ..] = token;
        let product = (u32::from_be_bytes([a, b, c, d]) ^ self.mask).wrapping_mul(self.factor);
        (product >> 24) as u8
    }

    /// [`Self::may_be_ours`] of a datagram's first eight bytes, for `SO_ATTACH_FILTER`. Datagrams that are shorter are dropped.
    /// Of datagrams that the kernel has joined the first is looked at: they have one sender.
    pub fn filter(&self) -> [SockFilter; 9] {
        use libc::{
            BPF_ABS, BPF_ALU, BPF_B, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_MISC, BPF_MUL, BPF_RET, BPF_RSH,
            BPF_TAX, BPF_W, BPF_X, BPF_XOR,
        };
        let step = |code: u32, k| SockFilter::new(code as u16, 0, 0, k);
        [
            step(BPF_LD | BPF_W | BPF_ABS, UDP_HEADER_BYTES),
            step(BPF_ALU | BPF_XOR | BPF_K, self.mask),
            step(BPF_ALU | BPF_MUL | BPF_K, self.factor),
            step(BPF_ALU | BPF_RSH | BPF_K, 24),
            step(BPF_MISC | BPF_TAX, 0),
            step(BPF_LD | BPF_B | BPF_ABS, UDP_HEADER_BYTES + MARK as u32),
            SockFilter::new((BPF_JMP | BPF_JEQ | BPF_X) as u16, 0, 1, 0),
            step(BPF_RET | BPF_K, WHOLE),
            step(BPF_RET | BPF_K, 0),
        ]
    }
}

impl fmt::Debug for TokenMint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenMint")
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use socket2::SockRef;

    use super::*;

    #[test]
    fn a_token_is_known_and_one_in_256_others_is_not_told_from_it() {
        let mint = TokenMint::new(0x9e37_79b9_7f4a_7c15);
        let tokens: Vec<_> = (0..1_000).map(|_| mint.mint().unwrap()).collect();
        assert!(tokens.iter().all(|&token| mint.may_be_ours(token)));
        let another = TokenMint::new(0xd1b5_4a32_d192_ed03);
        let mistaken = (0..20_000)
            .filter(|_| another.may_be_ours(mint.mint().unwrap()))
            .count();
        assert!(
            (30..140).contains(&mistaken),
            "{mistaken} of 20,000, 78 were expected"
        );
        for bit in (0..32).chain(56..64) {
            let mistaken = tokens.iter().filter(|&&token| {
                let mut token = token;
                token[bit / 8] ^= 0x80 >> (bit % 8);
                mint.may_be_ours(token)
            });
            let mistaken = mistaken.count();
            assert!(mistaken < 1_000, "bit {bit} has no effect");
        }
    }

    #[test]
    fn the_kernel_judges_as_we_do() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mint = TokenMint::new(0x0123_4567_89ab_cdef);
        SockRef::from(&socket).attach_filter(&mint.filter()).unwrap();
        socket.set_nonblocking(true).unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut random = protocol::testing::Random::new(7);
        let (mut ours, mut others, mut received) = (0, 0, [0; 2_048]);
        for round in 0..4_000 {
            let mut datagram = [0; 1_400];
            let token: [u8; 8] = match round % 4 {
                0 => mint.mint().unwrap(),
                _ => random.next_u64().to_le_bytes(),
            };
            datagram[..8].copy_from_slice(&token);
            let length = 8 + (round % 1_392) as usize;
            // Over loopback it is there, or was dropped, when the call returns.
            sender
                .send_to(&datagram[..length], socket.local_addr().unwrap())
                .unwrap();
            let has_come = socket.recv(&mut received).is_ok();
            assert_eq!(has_come, mint.may_be_ours(token), "{token:?}");
            (ours, others) = if has_come {
                (ours + 1, others)
            } else {
                (ours, others + 1)
            };
        }
        assert!(ours >= 1_000 && others > 2_900, "{ours}, {others}");
        for length in 0..8 {
            sender
                .send_to(&mint.mint().unwrap()[..length], socket.local_addr().unwrap())
                .unwrap();
            assert!(socket.recv(&mut received).is_err(), "{length} bytes are no token");
        }
    }
}
