//! The Wireshark dissector in `docs/protocol/exchange.lua` knows the messages and options as the tables of the documents have
//! them, which `documented.rs` compares with the code. `DISSECTOR=write` writes its part anew.

use protocol::layout::Layout;
use protocol::order_entry::{options, own, requests, responses};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

const BEGIN: &str = "-- begin:";
const END: &str = "-- end\n";

fn path(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "docs", "protocol", name]
        .iter()
        .collect()
}

fn read(name: &str) -> String {
    let path = path(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The column Type of each field of a document's tables, by message and field.
fn types(document: &str) -> BTreeMap<(String, String), String> {
    let mut types = BTreeMap::new();
    let mut message = "";
    for line in read(document).lines() {
        if let Some(title) = line.strip_prefix("### ") {
            message = title.split(" `").next().unwrap_or(title);
            continue;
        }
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        if let [_, offset, _, field, kind, ..] = cells[..]
            && offset.parse::<usize>().is_ok()
        {
            types.insert((message.to_owned(), field.to_owned()), kind.to_owned());
        }
    }
    types
}

/// How the dissector shows a type.
fn kind(documented: &str) -> &'static str {
    match documented {
        "char" | "ascii" => "text",
        "price4 u64be" => "price",
        "u8" | "u16be" | "u32be" | "u64be" => "number",
        "bytes" | "u128be" | "i128be" | "i32be" => "bytes",
        other => panic!("a type that the dissector does not know: {other}"),
    }
}

/// The messages of one direction, as a table in Lua.
fn messages(name: &str, layouts: &[(&Layout, bool)]) -> String {
    let mut types_of = types("order-entry.md");
    types_of.extend(types("own-messages.md"));
    let mut known = BTreeMap::new();
    for (layout, is_own) in layouts {
        let before = known.insert(layout.message_type, layout.name);
        assert_eq!(before, None, "two messages of one type: {}", layout.name);
        assert!(!is_own || layout.message_type.is_ascii_lowercase());
    }
    let mut text = format!("local {name} = {{\n");
    for (layout, is_own) in layouts {
        writeln!(
            text,
            "    {} = {{\n        name = \"{}\", size = {}, has_appendage = {}, is_own = {is_own},\n        fields = {{",
            char::from(layout.message_type),
            layout.name,
            layout.size,
            layout.has_appendage_length(),
        )
        .expect("strings take everything");
        for field in layout.fields {
            let documented = &types_of[&(layout.name.to_owned(), field.name.to_owned())];
            writeln!(
                text,
                "            {{ \"{}\", {}, {}, \"{}\" }},",
                field.name,
                field.offset,
                field.length,
                kind(documented)
            )
            .expect("strings take everything");
        }
        text.push_str("        },\n    },\n");
    }
    text + "}\n"
}

fn generated() -> String {
    let of = |ouch: &'static [Layout], is_request: bool| {
        let is_from_client = |layout: &&Layout| {
            let name = layout.name;
            name.ends_with("Request") || name == "Bind UDP" || name == "Re-request"
        };
        let own = own::LAYOUTS
            .iter()
            .filter(move |layout| is_from_client(layout) == is_request)
            .map(|layout| (layout, true));
        ouch.iter()
            .map(|layout| (layout, false))
            .chain(own)
            .collect::<Vec<_>>()
    };
    let mut text = messages("requests", &of(requests::LAYOUTS, true));
    text += &messages("responses", &of(responses::LAYOUTS, false));
    text += "local options = {\n";
    for option in options::DEFINITIONS {
        writeln!(
            text,
            "    [{}] = {{ name = \"{}\", length = {} }},",
            option.tag, option.name, option.size
        )
        .expect("strings take everything");
    }
    text + "}\n"
}

#[test]
fn the_dissector_has_the_tables() {
    let lua = read("exchange.lua");
    let begin = lua.find(BEGIN).expect("the part begins");
    let begin = begin + lua[begin..].find('\n').expect("a line has an end") + 1;
    let end = begin + lua[begin..].find(END).expect("the part ends");
    let expected = generated();
    if std::env::var("DISSECTOR").as_deref() == Ok("write") {
        let written = [&lua[..begin], &expected, &lua[end..]].concat();
        fs::write(path("exchange.lua"), written).expect("the documents can be written");
        return;
    }
    assert!(
        lua[begin..end] == expected,
        "docs/protocol/exchange.lua is not as the tables are: DISSECTOR=write cargo test -p protocol --test dissector"
    );
}

/// The headers that the dissector has by heart.
#[test]
fn the_headers_are_as_the_dissector_has_them() {
    let datagram: Vec<_> = protocol::order_entry::datagram::LAYOUTS[0]
        .fields
        .iter()
        .map(|field| (field.offset, field.length))
        .collect();
    assert_eq!(datagram, [(0, 8), (8, 8), (16, 2)]);
    let downstream: Vec<_> = protocol::packet::messages::LAYOUTS[0]
        .fields
        .iter()
        .map(|field| (field.offset, field.length))
        .collect();
    assert_eq!(downstream, [(0, 10), (10, 8), (18, 2)]);
}
