//! The words of a line, each with its place; and what is said when one is wrong.

use std::fmt::Display;

/// Something is wrong at a place of a file.
#[derive(Debug)]
pub(crate) struct Failure {
    /// From 1.
    pub(crate) line: usize,
    /// From 1; 0 = the whole line.
    pub(crate) column: usize,
    pub(crate) what: String,
}

pub(crate) type Outcome<T> = Result<T, Failure>;

/// A word and where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Word<'a> {
    pub(crate) text: &'a str,
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Word<'_> {
    pub(crate) fn fail(&self, what: impl Display) -> Failure {
        Failure {
            line: self.line,
            column: self.column,
            what: format!("`{}`: {what}", self.text),
        }
    }

    /// The word as a whole number.
    pub(crate) fn number<T: std::str::FromStr>(&self, what: &str) -> Outcome<T> {
        let is_digits = self.text.bytes().all(|byte| byte.is_ascii_digit());
        match self.text.parse() {
            Ok(number) if is_digits => Ok(number),
            _ => Err(self.fail(format!("{what} is a whole number"))),
        }
    }

    /// The word as one character.
    pub(crate) fn character(&self, what: &str) -> Outcome<u8> {
        match self.text.as_bytes() {
            [byte] => Ok(*byte),
            _ => Err(self.fail(format!("{what} is one character"))),
        }
    }

    /// The word as text of `N` characters, padded.
    pub(crate) fn padded<const N: usize>(&self, what: &str) -> Outcome<[u8; N]> {
        protocol::units::text_field(self.text)
            .ok_or_else(|| self.fail(format!("{what} has at most {N} characters")))
    }
}

/// What is left of a line.
#[derive(Debug, Clone)]
pub(crate) struct Words<'a> {
    words: Vec<Word<'a>>,
    next: usize,
    line: usize,
    /// Behind the last word.
    end: usize,
}

impl<'a> Words<'a> {
    /// The words of `text`, which is the beginning of line `line`.
    pub(crate) fn new(text: &'a str, line: usize) -> Self {
        let words: Vec<_> = text
            .split_whitespace()
            .map(|word| Word {
                text: word,
                line,
                column: text[..offset(text, word)].chars().count() + 1,
            })
            .collect();
        Self {
            words,
            next: 0,
            line,
            end: text.trim_end().chars().count() + 1,
        }
    }

    pub(crate) fn peek(&self) -> Option<Word<'a>> {
        self.words.get(self.next).copied()
    }

    pub(crate) fn next(&mut self) -> Option<Word<'a>> {
        let word = self.peek();
        self.next += usize::from(word.is_some());
        word
    }

    /// The next word, which must be there.
    pub(crate) fn need(&mut self, allowed: &str) -> Outcome<Word<'a>> {
        self.next().ok_or_else(|| Failure {
            line: self.line,
            column: self.end,
            what: format!("the line ends too early; allowed here: {allowed}"),
        })
    }

    /// Takes the next word if it is `word`.
    pub(crate) fn take(&mut self, word: &str) -> bool {
        let is_it = self.peek().is_some_and(|next| next.text == word);
        self.next += usize::from(is_it);
        is_it
    }

    /// The next word, which must be `word`.
    pub(crate) fn keyword(&mut self, word: &str) -> Outcome<()> {
        self.one_of(&[(word, ())])
    }

    /// The meaning of the next word, which must be one of these.
    pub(crate) fn one_of<T: Clone>(&mut self, meanings: &[(&str, T)]) -> Outcome<T> {
        let names: Vec<_> = meanings.iter().map(|(name, _)| *name).collect();
        let allowed = names.join(", ");
        let word = self.need(&allowed)?;
        meanings
            .iter()
            .find(|(name, _)| *name == word.text)
            .map(|(_, meaning)| meaning.clone())
            .ok_or_else(|| word.fail(format!("allowed here: {allowed}")))
    }

    /// Nothing may follow.
    pub(crate) fn end(&mut self) -> Outcome<()> {
        match self.next() {
            None => Ok(()),
            Some(word) => Err(word.fail("the line should end before this")),
        }
    }
}

/// Where `part` begins in `whole`, of which it is a part.
fn offset(whole: &str, part: &str) -> usize {
    part.as_ptr() as usize - whole.as_ptr() as usize
}
