//! What looks random, made cheap: one number of the generator is cut into pieces, and a piece picks from a table of the
//! distribution's values. An order costs a few nanoseconds of chance that way, whatever the distribution.

use std::sync::LazyLock;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// Values of each table: so many equally probable ones.
const VALUES: usize = 1_024;
/// Bits that pick one.
const BITS: u32 = VALUES.trailing_zeros();
/// The tail index of sizes: an order of twice the size is a third as probable.
const SIZE_TAIL: f64 = 1.6;
/// That of the lengths of programs, which is what gives trades their memory.
const PROGRAM_TAIL: f64 = 1.0;

struct Tables {
    /// A normal variable.
    normal: Box<[f32; VALUES]>,
    /// Multiples of the smallest size, in sixteenths.
    size: Box<[u32; VALUES]>,
    /// Orders of a program.
    program: Box<[u16; VALUES]>,
    /// An exponential variable of mean 1.
    exponential: Box<[f32; VALUES]>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let each = |value: fn(f64) -> f64| move |index: usize| value((index as f64 + 0.5) / VALUES as f64);
    let uniform = |of: &dyn Fn(usize) -> f64| -> Vec<f64> { (0..VALUES).map(of).collect() };
    let pareto = |tail: f64, share: f64| (1.0 - share).powf(-1.0 / tail);
    let sizes = uniform(&each(|share| 16.0 * (1.0 - share).powf(-1.0 / SIZE_TAIL)));
    let programs = uniform(&|index| pareto(PROGRAM_TAIL, (index as f64 + 0.5) / VALUES as f64).min(64.0));
    let exponentials = uniform(&each(|share| -(1.0 - share).ln()));
    let normals = normal_quantiles();
    Tables {
        normal: Box::new(std::array::from_fn(|index| normals[index] as f32)),
        size: Box::new(std::array::from_fn(|index| sizes[index] as u32)),
        program: Box::new(std::array::from_fn(|index| programs[index] as u16)),
        exponential: Box::new(std::array::from_fn(|index| exponentials[index] as f32)),
    }
});

/// The middle of each of [`VALUES`] equally probable parts of a normal variable, by adding up its density.
fn normal_quantiles() -> Vec<f64> {
    const STEP: f64 = 1.0 / 4_096.0;
    let density = |x: f64| (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let mut quantiles = Vec::with_capacity(VALUES);
    let (mut x, mut below) = (-6.0, 0.0);
    while quantiles.len() < VALUES {
        below += STEP * density(x + STEP / 2.0);
        x += STEP;
        let wanted = (quantiles.len() as f64 + 0.5) / VALUES as f64;
        if below >= wanted || x > 6.0 {
            quantiles.push(x);
        }
    }
    quantiles
}

/// A source of chance.
#[derive(Debug, Clone)]
pub struct Draws(Pcg64Mcg);

impl Draws {
    /// Everything follows from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Pcg64Mcg::seed_from_u64(seed))
    }

    /// Pieces for one decision.
    pub fn pieces(&mut self) -> Pieces {
        Pieces(self.0.random())
    }
}

/// A number of the generator, cut off piece by piece: 64 bits in all.
#[derive(Debug, Clone, Copy)]
pub struct Pieces(u64);

impl Pieces {
    fn bits(&mut self, count: u32) -> u64 {
        let piece = self.0 & ((1 << count) - 1);
        self.0 >>= count;
        piece
    }

    fn index(&mut self) -> usize {
        self.bits(BITS) as usize
    }

    /// True in `of_64` of 64 cases (6 bits).
    pub fn is(&mut self, of_64: u64) -> bool {
        self.bits(6) < of_64
    }

    /// Below `end`, which is at most 4,096 (12 bits).
    pub fn below(&mut self, end: usize) -> usize {
        (self.bits(12) as usize * end) >> 12
    }

    /// A normal variable (10 bits).
    pub fn normal(&mut self) -> f32 {
        TABLES.normal[self.index()]
    }

    /// A size in sixteenths of the smallest, most near it and a few a hundred times as large (10 bits).
    pub fn size(&mut self) -> u32 {
        TABLES.size[self.index()]
    }

    /// The number of orders of a program, most often one (10 bits).
    pub fn program(&mut self) -> u16 {
        TABLES.program[self.index()]
    }

    /// An exponential variable of mean 1 (10 bits).
    pub fn exponential(&mut self) -> f32 {
        TABLES.exponential[self.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample<T>(seed: u64, mut draw: impl FnMut(&mut Pieces) -> T) -> Vec<T> {
        let mut draws = Draws::new(seed);
        (0..50_000).map(|_| draw(&mut draws.pieces())).collect()
    }

    #[test]
    fn the_distributions_are_what_they_are_called() {
        let normal = sample(1, Pieces::normal);
        let mean = normal.iter().sum::<f32>() / normal.len() as f32;
        let variance = normal.iter().map(|value| value * value).sum::<f32>() / normal.len() as f32;
        assert!(
            mean.abs() < 0.02 && (0.95..1.05).contains(&variance),
            "{mean} {variance}"
        );

        let exponential = sample(2, Pieces::exponential);
        let mean = exponential.iter().sum::<f32>() / exponential.len() as f32;
        assert!((0.95..1.05).contains(&mean), "{mean}");

        let size = sample(3, Pieces::size);
        assert!(size.iter().all(|size| *size >= 16));
        let beyond = |times: u32| size.iter().filter(|size| **size > 16 * times).count() as f64;
        // Four times as large: 4^1.6 times as rare.
        let ratio = beyond(4) / beyond(16);
        assert!((7.0..12.0).contains(&ratio), "{ratio}");

        let program = sample(4, Pieces::program);
        let longest = program.iter().max().copied();
        assert!(program.iter().all(|length| *length >= 1) && longest == Some(64));
    }

    #[test]
    fn pieces_are_fair_and_repeat_with_their_seed() {
        let below = sample(5, |pieces| pieces.below(3));
        for value in 0..3 {
            let count = below.iter().filter(|drawn| **drawn == value).count();
            assert!((16_000..17_500).contains(&count), "{value}: {count}");
        }
        let is = sample(6, |pieces| pieces.is(16))
            .into_iter()
            .filter(|is| *is)
            .count();
        assert!((12_000..13_000).contains(&is), "{is}");
        assert_eq!(sample(7, Pieces::size), sample(7, Pieces::size));
        assert_ne!(sample(7, Pieces::size), sample(8, Pieces::size));
    }
}
