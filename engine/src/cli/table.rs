//! Rows as columns, for people.

use serde_json::{Map, Value};

/// A value without its quotes.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// The rows, below the names of the first one's columns.
pub(super) fn table(rows: &[Value]) -> String {
    let Some(Value::Object(first)) = rows.first() else {
        return "nothing\n".to_owned();
    };
    let names: Vec<_> = first.keys().cloned().collect();
    let mut lines = vec![names.clone()];
    for row in rows {
        let cell = |name: &String| row.get(name).map_or_else(String::new, plain);
        lines.push(names.iter().map(cell).collect());
    }
    let width = |column: usize| {
        let cells = lines
            .iter()
            .map(|line: &Vec<String>| line[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..names.len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let cells = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}

/// Names and values, one below the other.
pub(super) fn facts(facts: &Map<String, Value>) -> String {
    let width = facts.keys().map(String::len).max().unwrap_or(0);
    let lines = facts
        .iter()
        .map(|(name, value)| format!("{name:<width$}  {}\n", plain(value)));
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_stands_in_them() {
        let row =
            |name: &str, count: u32| serde_json::json!({ "name": name, "count": count, "list": ["a", "b"] });
        let text = table(&[row("x", 1), row("longer", 22_222_222)]);
        assert_eq!(
            text,
            "name    count     list\nx       1         a b\nlonger  22222222  a b\n"
        );
        assert_eq!(table(&[]), "nothing\n");
    }
}
