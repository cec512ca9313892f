//! Control messages that come with a datagram: written by the kernel, read here without `unsafe`.

/// Bytes of control data given to the kernel for a datagram: room for the drop count and the segment size.
pub(super) const CONTROL_BYTES: usize = 2 * SPACE_OF_U32;

/// `CMSG_SPACE(4)`: length, level and type, the value, padding.
const SPACE_OF_U32: usize = HEADER_BYTES + ALIGNMENT;
const HEADER_BYTES: usize = size_of::<usize>() + 8;
const ALIGNMENT: usize = size_of::<usize>();

/// `SO_RXQ_OVFL` of every architecture but sparc and parisc; libc does not name it on Linux.
pub(super) const SO_RXQ_OVFL: i32 = 40;

/// What the kernel said about a datagram.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Control {
    /// Datagrams dropped on the socket since it was opened, modulo 2^32; absent while there were none.
    pub(super) dropped: Option<u32>,
    /// The datagram is several ones joined by receive offload, each of this many bytes but the last.
    pub(super) segment: Option<usize>,
}

impl Control {
    /// Reads control data; what is cut off or unknown is passed over.
    pub(super) fn parse(mut bytes: &[u8]) -> Self {
        let mut control = Self::default();
        while bytes.len() >= HEADER_BYTES {
            let (length, rest) = bytes.split_at(size_of::<usize>());
            let length = usize::from_ne_bytes(length.try_into().expect("split at its size"));
            let (Some(level), Some(kind), Some(value)) =
                (i32_at(rest, 0), i32_at(rest, 4), bytes.get(HEADER_BYTES..length))
            else {
                break;
            };
            match (level, kind) {
                (libc::SOL_SOCKET, SO_RXQ_OVFL) => control.dropped = i32_at(value, 0).map(i32::cast_unsigned),
                (libc::SOL_UDP, libc::UDP_GRO) => {
                    control.segment = i32_at(value, 0).and_then(|segment| usize::try_from(segment).ok());
                }
                _ => {}
            }
            bytes = bytes
                .get(length.next_multiple_of(ALIGNMENT)..)
                .unwrap_or_default();
        }
        control
    }
}

fn i32_at(bytes: &[u8], offset: usize) -> Option<i32> {
    let bytes = bytes.get(offset..offset + 4)?;
    Some(i32::from_ne_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(level: i32, kind: i32, value: i32) -> Vec<u8> {
        let mut bytes = (HEADER_BYTES + 4).to_ne_bytes().to_vec();
        bytes.extend(level.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(value.to_ne_bytes());
        bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
        bytes
    }

    #[test]
    fn the_space_is_what_the_c_library_computes() {
        // SAFETY: arithmetic only.
        assert_eq!(SPACE_OF_U32, unsafe { libc::CMSG_SPACE(4) } as usize);
    }

    #[test]
    fn drop_count_and_segment_size_are_found_among_others() {
        let mut bytes = message(libc::SOL_SOCKET, 77, 5);
        bytes.extend(message(libc::SOL_SOCKET, SO_RXQ_OVFL, -2));
        bytes.extend(message(libc::SOL_UDP, libc::UDP_GRO, 1360));
        assert_eq!(
            Control::parse(&bytes),
            Control {
                dropped: Some(u32::MAX - 1),
                segment: Some(1360)
            }
        );
        assert_eq!(Control::parse(&[]), Control::default());
    }

    #[test]
    fn damaged_control_data_ends_the_reading() {
        let good = message(libc::SOL_SOCKET, SO_RXQ_OVFL, 3);
        for length in 0..HEADER_BYTES + 4 {
            assert_eq!(Control::parse(&good[..length]), Control::default());
        }
        for length in [0, 1, HEADER_BYTES - 1, usize::MAX] {
            let mut bytes = good.clone();
            bytes[..size_of::<usize>()].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(Control::parse(&bytes), Control::default());
        }
    }
}
