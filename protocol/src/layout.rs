//! One definition per message: a zerocopy struct, its size checked at compile time, and a table of its fields that the
//! documents in `docs/protocol` are checked against.

use crate::malformed::Malformed;

/// One field of a wire message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Name as in the protocol tables.
    pub name: &'static str,
    /// Bytes from the start of the message.
    pub offset: usize,
    /// Bytes.
    pub length: usize,
}

/// A message as the protocol tables describe it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Name as in the protocol tables.
    pub name: &'static str,
    /// First byte of the message; 0 where the layout has no type byte of its own in front.
    pub message_type: u8,
    /// Bytes of the fixed part.
    pub size: usize,
    /// The fields in order.
    pub fields: &'static [Field],
}

impl Layout {
    /// True when the fixed part ends with the field Appendage Length, after which OUCH options may follow.
    pub const fn has_appendage_length(&self) -> bool {
        const NAME: &[u8] = b"Appendage Length";
        let [.., last] = self.fields else { return false };
        let name = last.name.as_bytes();
        if name.len() != NAME.len() {
            return false;
        }
        let mut index = 0;
        while index < NAME.len() {
            if name[index] != NAME[index] {
                return false;
            }
            index += 1;
        }
        true
    }
}

/// A message with a fixed layout.
pub trait WireMessage:
    zerocopy::FromBytes + zerocopy::IntoBytes + zerocopy::KnownLayout + zerocopy::Immutable + zerocopy::Unaligned
{
    /// Its table.
    const LAYOUT: Layout;

    /// Views the front of `bytes` as this message; `None` when too short. The type byte is the caller's to check.
    fn view(bytes: &[u8]) -> Option<&Self> {
        Self::ref_from_prefix(bytes).ok().map(|(message, _rest)| message)
    }

    /// Writes it to the front of `buffer`. Returns the bytes written; `None`, with `buffer` as it was, when there is
    /// no room.
    fn write(&self, buffer: &mut [u8]) -> Option<usize> {
        let bytes = self.as_bytes();
        buffer.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(bytes.len())
    }
}

/// Views `bytes` as one whole message of type `T` that has one form only. The type byte is
/// the caller's to check.
pub fn exact<T: WireMessage>(bytes: &[u8]) -> Result<&T, Malformed> {
    match T::ref_from_prefix(bytes) {
        Ok((message, [])) => Ok(message),
        Ok(_) => Err(Malformed::Long),
        Err(_) => Err(Malformed::Short),
    }
}

/// Defines messages: `struct Name = "table name", type byte, size { field: Type = "field name", ... }`.
macro_rules! wire_messages {
    ($( $(#[$meta:meta])* struct $name:ident = $title:literal, $message_type:expr, $size:literal {
        $( $(#[$field_meta:meta])* $field:ident : $field_type:ty = $field_name:literal, )*
    } )*) => {
        $(
            $(#[$meta])*
            #[derive(
                Debug, Clone, Copy, PartialEq, Eq,
                zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::KnownLayout, zerocopy::Immutable, zerocopy::Unaligned,
            )]
            #[repr(C)]
            pub struct $name {
                $( $(#[$field_meta])* pub $field: $field_type, )*
            }

            const _: () = assert!(size_of::<$name>() == $size);

            impl crate::layout::WireMessage for $name {
                const LAYOUT: crate::layout::Layout = crate::layout::Layout {
                    name: $title,
                    message_type: $message_type,
                    size: $size,
                    fields: &[ $( crate::layout::Field {
                        name: $field_name,
                        offset: core::mem::offset_of!($name, $field),
                        length: size_of::<$field_type>(),
                    }, )* ],
                };
            }
        )*

        /// The layouts of this module's messages, in the order of the tables.
        pub const LAYOUTS: &[crate::layout::Layout] =
            &[ $( <$name as crate::layout::WireMessage>::LAYOUT, )* ];
    };
}
pub(crate) use wire_messages;

/// Defines the values of one field: `mod name: type = "title" { NAME = value, "meaning"; ... }`.
macro_rules! values {
    ($(#[$meta:meta])* mod $module:ident: $value_type:ty = $title:literal {
        $( $name:ident = $value:expr, $meaning:literal; )*
    }) => {
        $(#[$meta])*
        pub mod $module {
            /// The title of the list in the documents.
            pub const TITLE: &str = $title;
            $(
                #[doc = concat!("`", stringify!($value), "`: ", $meaning, ".")]
                pub const $name: $value_type = $value;
            )*

            /// Every value and its meaning, in the order of the documents.
            pub const ALL: &[(u64, &str)] = &[ $( ($value as u64, $meaning), )* ];

            /// The meaning of a value, for people; `None` when it is undefined.
            pub fn meaning(value: $value_type) -> Option<&'static str> {
                ALL.iter().find_map(|(defined, meaning)| (*defined == value as u64).then_some(*meaning))
            }
        }
    };
}
pub(crate) use values;
