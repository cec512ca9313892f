//! A chart as characters: a column for each interval, or every second or third when there are few; two steps of price in a
//! row.
//!
//! Rising candles are thin bars and falling ones are blocks, so that they differ without colors too.

use super::view::{View, needs_seconds, price, price_ticks, time, time_ticks};

/// What a character stands for: gives it its color.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Dim,
    Up,
    Down,
    Average,
}

/// A character and what it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) symbol: char,
    pub(crate) tone: Tone,
}

impl Cell {
    const BLANK: Self = Self {
        symbol: ' ',
        tone: Tone::Plain,
    };
}

/// One line of characters.
pub(crate) type Row = Vec<Cell>;

/// Columns at the right, for prices.
const LABELS: u16 = 12;
const VOLUME_ROWS: usize = 4;
/// Candles further apart would no longer be seen as a line.
const STRIDE_MAX: usize = 3;
const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// How many candles a chart of that width shows.
pub(crate) fn candles_that_fit(width: u16) -> u16 {
    width.saturating_sub(LABELS).max(2)
}

/// The chart in that many columns and rows; less when it does not fit.
pub(crate) fn draw(view: &View, width: u16, height: u16) -> Vec<Row> {
    let columns = usize::from(candles_that_fit(width));
    let height = usize::from(height);
    // Head, time axis; volume when there is room.
    let volume_rows = if height >= 14 { VOLUME_ROWS } else { 0 };
    let price_rows = height.saturating_sub(2 + volume_rows);
    let mut grid = vec![vec![Cell::BLANK; usize::from(width)]; height];
    if price_rows == 0 || usize::from(width) <= usize::from(LABELS) {
        return grid;
    }
    let canvas = Canvas::new(view, columns, price_rows);
    head(&mut grid[0], view);
    canvas.labels(&mut grid[1..=price_rows], view);
    canvas.average(&mut grid[1..=price_rows], view);
    canvas.candles(&mut grid[1..=price_rows], view);
    if volume_rows > 0 {
        canvas.volumes(&mut grid[1 + price_rows..1 + price_rows + volume_rows], view);
    }
    canvas.times(&mut grid[height - 1], view);
    grid
}

/// The line as text, with escape sequences for colors or without.
pub(crate) fn line(row: &[Cell], is_colored: bool) -> String {
    let end = row
        .iter()
        .rposition(|cell| cell.symbol != ' ')
        .map_or(0, |last| last + 1);
    let mut text = String::new();
    let mut tone = Tone::Plain;
    for cell in &row[..end] {
        if is_colored && cell.tone != tone && cell.symbol != ' ' {
            tone = cell.tone;
            text += match tone {
                Tone::Plain => "\x1b[0m",
                Tone::Dim => "\x1b[0;2m",
                Tone::Up => "\x1b[0;32m",
                Tone::Down => "\x1b[0;31m",
                Tone::Average => "\x1b[0;33m",
            };
        }
        text.push(cell.symbol);
    }
    if tone != Tone::Plain {
        text += "\x1b[0m";
    }
    text
}

fn put(row: &mut [Cell], at: usize, text: &str, tone: Tone) {
    for (cell, symbol) in row.iter_mut().skip(at).zip(text.chars()) {
        *cell = Cell { symbol, tone };
    }
}

fn head(row: &mut [Cell], view: &View) {
    let title = format!("{} {}", view.symbol, view.interval);
    put(row, 0, &title, Tone::Plain);
    let mut at = title.chars().count();
    for (name, value) in view.summary() {
        // Whole pairs only.
        if at + 3 + name.len() + value.len() > row.len() {
            return;
        }
        put(row, at + 2, name, Tone::Dim);
        let tone = if name == "vwap" {
            Tone::Average
        } else {
            Tone::Plain
        };
        put(row, at + 3 + name.len(), &value, tone);
        at += 3 + name.len() + value.len();
    }
}

/// Where prices and intervals lie.
struct Canvas {
    low: u64,
    high: u64,
    /// Two a row.
    steps: u64,
    columns: usize,
    /// Columns from one interval to the next.
    stride: usize,
    /// The first interval that is drawn.
    first: usize,
}

impl Canvas {
    fn new(view: &View, columns: usize, rows: usize) -> Self {
        let (low, high) = view.prices();
        Self {
            low: low.into(),
            high: high.into(),
            steps: 2 * rows as u64,
            columns,
            stride: (columns / view.slots().max(1)).clamp(1, STRIDE_MAX),
            first: view.slots().saturating_sub(columns),
        }
    }

    /// Steps from the top, 0 the highest price.
    fn step(&self, price: u32) -> usize {
        let down = self.high.saturating_sub(price.into());
        // In between two steps the nearer one.
        let span = self.high - self.low;
        ((down * (self.steps - 1) + span / 2) / span).min(self.steps - 1) as usize
    }

    fn visible<'a>(
        &self,
        view: &'a View,
    ) -> impl Iterator<Item = (usize, &'a (feed_handler::candle::Candle, u32))> {
        let (first, stride) = (self.first, self.stride);
        view.candles
            .iter()
            .filter_map(move |candle| Some((view.slot(&candle.0).checked_sub(first)? * stride, candle)))
    }

    fn labels(&self, rows: &mut [Row], view: &View) {
        let (low, high) = view.prices();
        let (ticks, places) = price_ticks(low, high, (rows.len() as u32 / 3).clamp(1, 8));
        for tick in ticks {
            let row = &mut rows[self.step(tick) / 2];
            put(row, 0, &"┈".repeat(self.columns), Tone::Dim);
            put(row, self.columns + 1, &price(tick, places), Tone::Dim);
        }
        let bar = &view.last().bar;
        let tone = if bar.close < bar.open {
            Tone::Down
        } else {
            Tone::Up
        };
        let row = &mut rows[self.step(bar.close) / 2];
        row[self.columns..].fill(Cell::BLANK);
        put(
            row,
            self.columns,
            &format!("◂{}", price(bar.close, view.places())),
            tone,
        );
    }

    fn average(&self, rows: &mut [Row], view: &View) {
        for (column, (_, average)) in self.visible(view) {
            rows[self.step(*average) / 2][column] = Cell {
                symbol: '•',
                tone: Tone::Average,
            };
        }
    }

    fn candles(&self, rows: &mut [Row], view: &View) {
        for (column, (candle, _)) in self.visible(view) {
            let bar = &candle.bar;
            let is_down = bar.close < bar.open;
            let wick = self.step(bar.high)..=self.step(bar.low);
            let body = self.step(bar.open.max(bar.close))..=self.step(bar.open.min(bar.close));
            for (index, row) in rows.iter_mut().enumerate() {
                let part = |step: usize| match (wick.contains(&step), body.contains(&step)) {
                    (_, true) => Part::Body,
                    (true, false) => Part::Wick,
                    (false, false) => Part::Nothing,
                };
                if let Some(symbol) = symbol(part(2 * index), part(2 * index + 1), is_down) {
                    let tone = if is_down { Tone::Down } else { Tone::Up };
                    row[column] = Cell { symbol, tone };
                }
            }
        }
    }

    fn volumes(&self, rows: &mut [Row], view: &View) {
        let most = u128::from(view.volume_max());
        let eighths_max = 8 * rows.len() as u128;
        for (column, (candle, _)) in self.visible(view) {
            let bar = &candle.bar;
            // Every trade is seen.
            let eighths = (u128::from(bar.volume) * eighths_max).div_ceil(most) as usize;
            for (index, row) in rows.iter_mut().rev().enumerate() {
                let part = eighths.saturating_sub(8 * index).min(8);
                if part > 0 {
                    row[column] = Cell {
                        symbol: BARS[part],
                        tone: if bar.close < bar.open {
                            Tone::Down
                        } else {
                            Tone::Up
                        },
                    };
                }
            }
        }
        put(
            &mut rows[0],
            self.columns + 1,
            &view.quantity(view.volume_max()),
            Tone::Dim,
        );
        if rows.len() > 1 {
            put(&mut rows[1], self.columns + 1, "volume", Tone::Dim);
        }
    }

    fn times(&self, row: &mut [Cell], view: &View) {
        let interval_ns = view.interval.ns();
        let begin_ns = view.begin_ns() + self.first as u64 * interval_ns;
        let slots = (self.columns / self.stride) as u64;
        let end_ns = begin_ns + slots.saturating_sub(1) * interval_ns;
        let ticks = time_ticks(begin_ns, end_ns, self.columns as u64 / 14);
        let seconds = needs_seconds(&ticks);
        let mut free = 0;
        for tick in ticks {
            let column = ((tick - begin_ns) / interval_ns) as usize * self.stride;
            let text = time(tick, seconds);
            if column >= free && column + text.len() < row.len() {
                put(row, column, &format!("╵{text}"), Tone::Dim);
                free = column + text.len() + 3;
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Nothing,
    Wick,
    Body,
}

/// The character of an upper and a lower half; `None` for nothing.
fn symbol(upper: Part, lower: Part, is_down: bool) -> Option<char> {
    use Part::{Body, Nothing, Wick};
    Some(match (upper, lower, is_down) {
        (Nothing, Nothing, _) => return None,
        (Wick, Wick, _) => '│',
        (Wick, Nothing, _) => '╵',
        (Nothing, Wick, _) => '╷',
        (Body, Body, false) => '┃',
        (Body, Nothing, false) => '╹',
        (Nothing, Body, false) => '╻',
        (Wick, Body, false) => '╽',
        (Body, Wick, false) => '╿',
        (Body, Body, true) => '█',
        (Body, Nothing | Wick, true) => '▀',
        (Nothing | Wick, Body, true) => '▄',
    })
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::view;
    use super::*;

    fn plain(view: &View, width: u16, height: u16) -> String {
        let grid = draw(view, width, height);
        assert_eq!(grid.len(), usize::from(height));
        grid.iter().map(|row| line(row, false) + "\n").collect()
    }

    #[test]
    fn a_chart_looks_like_this() {
        crate::cli::snapshot::check("chart.txt", &plain(&view(60), 76, 24));
    }

    #[test]
    fn colors_are_only_where_they_are_wanted() {
        let grid = draw(&view(30), 60, 20);
        assert!(grid.iter().any(|row| line(row, true).contains("\x1b[0;31m")));
        assert!(grid.iter().all(|row| !line(row, false).contains('\x1b')));
    }

    #[test]
    fn no_size_does_harm() {
        for candles in [1, 2, 300] {
            for (width, height) in [(0, 0), (1, 1), (12, 3), (13, 3), (14, 40), (300, 5), (200, 80)] {
                plain(&view(candles), width, height);
            }
        }
    }
}
