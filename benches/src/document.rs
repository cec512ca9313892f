//! Tables, and their places in `docs/performance.md`: between `<!-- NAME: begin -->` and `<!-- NAME: end -->`.

use std::fmt;
use std::fs;
use std::path::Path;

/// A table as Markdown has them.
#[derive(Debug)]
pub struct Table {
    columns: usize,
    text: String,
}

impl Table {
    /// With a head.
    pub fn new(head: &[&str]) -> Self {
        let rule: String = head.iter().map(|_| "| --- ").collect();
        Self {
            columns: head.len(),
            text: format!("| {} |\n{rule}|\n", head.join(" | ")),
        }
    }

    /// Adds a row.
    ///
    /// # Panics
    /// When it has not as many cells as the head.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells: Vec<String> = cells.into_iter().collect();
        assert_eq!(cells.len(), self.columns, "{cells:?}");
        self.text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Puts `text` into the document in the place of that name.
pub fn write(name: &str, text: &str) -> Result<(), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/performance.md");
    let told = |error: std::io::Error| format!("{}: {error}", path.display());
    let before = fs::read_to_string(&path).map_err(told)?;
    let after = replaced(&before, name, text)
        .ok_or_else(|| format!("no place for {name:?} in {}", path.display()))?;
    fs::write(&path, after).map_err(told)
}

/// The document with another text in a place.
fn replaced(document: &str, name: &str, text: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name}: begin -->"), format!("<!-- {name}: end -->"));
    let (before, rest) = document.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n\n{}\n\n{end}{after}", text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let document = "one\n<!-- a: begin -->\nold\n<!-- a: end -->\ntwo\n";
        let new = replaced(document, "a", "new\n").expect("it has such a place");
        assert_eq!(new, "one\n<!-- a: begin -->\n\nnew\n\n<!-- a: end -->\ntwo\n");
        assert_eq!(replaced(&new, "a", "new\n"), Some(new.clone()), "twice is once");
        assert_eq!(replaced(document, "b", "new"), None);
    }

    #[test]
    fn a_table() {
        let mut table = Table::new(&["a", "b"]);
        table.row(["1".to_owned(), "2".to_owned()]);
        assert_eq!(table.to_string(), "| a | b |\n| --- | --- |\n| 1 | 2 |\n");
    }
}
