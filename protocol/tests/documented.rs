//! The tables in `docs/protocol` say what the code does: messages, fields, options, values, in both directions.

use protocol::layout::Layout;
use protocol::{market_data, order_entry, packet, soup};
use std::path::PathBuf;

/// A message as a document has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Message {
    name: String,
    /// 0 where the heading has none.
    message_type: u8,
    size: usize,
    /// Name, offset, length.
    fields: Vec<(String, usize, usize)>,
}

impl Message {
    fn of(layout: &Layout) -> Self {
        let fields = layout
            .fields
            .iter()
            .map(|field| (field.name.to_owned(), field.offset, field.length))
            .collect();
        Self {
            name: layout.name.to_owned(),
            message_type: layout.message_type,
            size: layout.size,
            fields,
        }
    }
}

fn document(name: &str) -> String {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", "docs", "protocol", name]
        .iter()
        .collect();
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The cells of a table's row.
fn cells(line: &str) -> Vec<&str> {
    line.trim_start_matches('|')
        .trim_end_matches('|')
        .split('|')
        .map(str::trim)
        .collect()
}

/// The messages that a document has tables of. Only those of `sender` (`client`, `exchange`), where one is given.
fn messages(document_name: &str, sender: Option<&str>) -> Vec<Message> {
    let text = document(document_name);
    let mut messages: Vec<(Message, bool)> = Vec::new();
    let mut heading = "";
    let mut is_table = false;
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("### ") {
            heading = title;
        } else if let Some((from, size)) = size_line(line) {
            let (name, message_type) = match heading.strip_suffix('`').and_then(|rest| rest.split_once(" `"))
            {
                Some((name, type_text)) => (name, type_text.as_bytes()[0]),
                None => (heading, 0),
            };
            let message = Message {
                name: name.to_owned(),
                message_type,
                size,
                fields: Vec::new(),
            };
            messages.push((message, sender.is_none_or(|sender| sender == from)));
        } else if line.starts_with("| Offset | Length | Field |") {
            is_table = true;
        } else if !line.starts_with('|') {
            is_table = false;
        } else if is_table && !line.starts_with("| ---") {
            let cells = cells(line);
            let number = |cell: &str| cell.parse().unwrap_or_else(|_| panic!("{document_name}: {line}"));
            let (message, _) = messages
                .last_mut()
                .expect("a line with the size stands before each table");
            message
                .fields
                .push((cells[2].to_owned(), number(cells[0]), number(cells[1])));
        }
    }
    messages
        .into_iter()
        .filter(|(_, is_wanted)| *is_wanted)
        .map(|(message, _)| message)
        .collect()
}

/// `client to exchange; 47 bytes...`: who sends the message, and its size.
fn size_line(line: &str) -> Option<(&str, usize)> {
    let (direction, rest) = line.split_once("; ")?;
    let (from, _) = direction.split_once(" to ")?;
    if !["client", "exchange"].contains(&from) {
        return None;
    }
    Some((from, rest.split(' ').next()?.parse().ok()?))
}

#[track_caller]
fn compare(documented: Vec<Message>, layouts: &[&[Layout]]) {
    let coded: Vec<_> = layouts
        .iter()
        .flat_map(|layouts| layouts.iter().map(Message::of))
        .collect();
    assert!(!documented.is_empty(), "the document has no tables");
    for message in &documented {
        assert!(coded.contains(message), "only in the document:\n{message:#?}");
    }
    for message in &coded {
        assert!(documented.contains(message), "only in the code:\n{message:#?}");
    }
    assert_eq!(documented.len(), coded.len(), "something stands twice");
}

#[test]
fn requests_are_documented() {
    compare(
        messages("order-entry.md", Some("client")),
        &[order_entry::requests::LAYOUTS],
    );
}

#[test]
fn responses_are_documented() {
    compare(
        messages("order-entry.md", Some("exchange")),
        &[order_entry::responses::LAYOUTS],
    );
}

#[test]
fn own_messages_are_documented() {
    compare(messages("own-messages.md", None), &[order_entry::own::LAYOUTS]);
}

#[test]
fn order_datagrams_are_documented() {
    compare(
        messages("order-datagrams.md", None),
        &[order_entry::datagram::LAYOUTS],
    );
}

#[test]
fn market_data_is_documented() {
    let layouts = [market_data::messages::LAYOUTS, market_data::glimpse::LAYOUTS];
    compare(messages("market-data.md", None), &layouts);
}

#[test]
fn packets_are_documented() {
    compare(
        messages("packets.md", None),
        &[packet::messages::LAYOUTS, soup::messages::LAYOUTS],
    );
}

#[test]
fn fields_lie_one_behind_the_other_and_fill_the_message() {
    let all = [
        order_entry::requests::LAYOUTS,
        order_entry::responses::LAYOUTS,
        order_entry::own::LAYOUTS,
        order_entry::datagram::LAYOUTS,
        market_data::messages::LAYOUTS,
        market_data::glimpse::LAYOUTS,
        packet::messages::LAYOUTS,
        soup::messages::LAYOUTS,
    ];
    for layout in all.into_iter().flatten() {
        let end = layout.fields.iter().fold(0, |end, field| {
            assert_eq!(field.offset, end, "{} of {}", field.name, layout.name);
            end + field.length
        });
        assert_eq!(end, layout.size, "{}", layout.name);
    }
}

#[test]
fn options_are_documented() {
    let text = document("order-entry.md");
    let rows = text
        .lines()
        .skip_while(|line| !line.starts_with("| Tag | Name | Bytes |"))
        .skip(2);
    let documented: Vec<_> = rows
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            cells(line)[..4]
                .iter()
                .map(|cell| (*cell).to_owned())
                .collect::<Vec<_>>()
        })
        .collect();
    let coded: Vec<_> = order_entry::options::DEFINITIONS
        .iter()
        .map(|option| {
            let values: Vec<_> = option
                .values
                .iter()
                .map(|value| {
                    if *value == b' ' {
                        "blank".to_owned()
                    } else {
                        char::from(*value).to_string()
                    }
                })
                .collect();
            vec![
                option.tag.to_string(),
                option.name.to_owned(),
                option.size.to_string(),
                values.join(" "),
            ]
        })
        .collect();
    assert_eq!(documented, coded);
}

/// Title, and value with meaning of each row, of a document's lists of values.
type Lists = Vec<(String, Vec<(String, String)>)>;

fn documented_lists(name: &str) -> Lists {
    let mut lists = Lists::new();
    let mut is_table = false;
    for line in document(name).lines() {
        if let Some(title) = line.strip_prefix("### Values: ") {
            lists.push((title.to_owned(), Vec::new()));
        } else if line.starts_with("| Value | Meaning |") {
            is_table = true;
        } else if !line.starts_with('|') {
            is_table = false;
        } else if is_table && !line.starts_with("| ---") {
            let cells = cells(line);
            let (_, values) = lists.last_mut().expect("a title stands before each list");
            values.push((cells[0].to_owned(), cells[1].to_owned()));
        }
    }
    lists
}

fn coded_lists(lists: &[(&str, &[(u64, &str)])]) -> Lists {
    let text = |title: &str, value: u64| match (title, u8::try_from(value)) {
        ("Reject Reason", _) => format!("0x{value:04X}"),
        (_, Ok(byte)) => char::from(byte).to_string(),
        _ => panic!("{title}: {value} is no character"),
    };
    lists
        .iter()
        .map(|(title, values)| {
            let values = values
                .iter()
                .map(|(value, meaning)| (text(title, *value), (*meaning).to_owned()));
            ((*title).to_owned(), values.collect())
        })
        .collect()
}

#[test]
fn values_are_documented() {
    assert_eq!(
        documented_lists("order-entry.md"),
        coded_lists(order_entry::values::LISTS)
    );
    assert_eq!(
        documented_lists("market-data.md"),
        coded_lists(market_data::values::LISTS)
    );
}
