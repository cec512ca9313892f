//! One definition per message: a zerocopy struct, its size checked at compile time, and a table of its fields that the
//! documents in `docs/protocol` are checked against.

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
