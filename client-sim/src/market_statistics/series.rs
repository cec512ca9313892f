//! Statistics of a series of numbers.

/// 0 for nothing.
pub(super) fn mean(values: &[f64]) -> f64 {
    match values.len() {
        0 => 0.0,
        count => values.iter().sum::<f64>() / count as f64,
    }
}

/// The mean of the `power`-th powers of the distances from the mean.
fn moment(values: &[f64], power: i32) -> f64 {
    let middle = mean(values);
    match values.len() {
        0 => 0.0,
        count => {
            values
                .iter()
                .map(|value| (value - middle).powi(power))
                .sum::<f64>()
                / count as f64
        }
    }
}

/// A quotient, 0 where it has no meaning.
fn ratio(value: f64, of: f64) -> f64 {
    if of > 0.0 { value / of } else { 0.0 }
}

pub(super) fn standard_deviation(values: &[f64]) -> f64 {
    moment(values, 2).sqrt()
}

/// 3 for a normal variable; 0 where nothing moves.
pub(super) fn kurtosis(values: &[f64]) -> f64 {
    ratio(moment(values, 4), moment(values, 2).powi(2))
}

/// Correlation of a series with itself `lag` steps later.
pub(super) fn autocorrelation(values: &[f64], lag: usize) -> f64 {
    let middle = mean(values);
    let Some(later) = values.get(lag..) else {
        return 0.0;
    };
    let product: f64 = values
        .iter()
        .zip(later)
        .map(|(one, other)| (one - middle) * (other - middle))
        .sum();
    ratio(product, moment(values, 2) * values.len() as f64)
}

/// Correlation of two series, over what both have, from the end: the one that began later has fewer.
pub(super) fn correlation(one: &[f64], other: &[f64]) -> f64 {
    let count = one.len().min(other.len());
    let (one, other) = (&one[one.len() - count..], &other[other.len() - count..]);
    let (middle, other_middle) = (mean(one), mean(other));
    let product: f64 = one
        .iter()
        .zip(other)
        .map(|(value, other)| (value - middle) * (other - other_middle))
        .sum();
    ratio(product, (moment(one, 2) * moment(other, 2)).sqrt() * count as f64)
}

/// The value that a `share` of all are at most; 0 for nothing.
pub(super) fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = (share * sorted.len() as f64).ceil() as usize;
    sorted
        .get(index.clamp(1, sorted.len().max(1)) - 1)
        .copied()
        .unwrap_or(0.0)
}

/// Hill's estimator of the tail index over the largest `share`; 0 where there are too few.
pub(super) fn hill(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(|one, other| other.total_cmp(one));
    let count = (share * sorted.len() as f64) as usize;
    let Some(threshold) = sorted.get(count).filter(|value| count > 1 && **value > 0.0) else {
        return 0.0;
    };
    let sum: f64 = sorted[..count].iter().map(|value| (value / threshold).ln()).sum();
    ratio(count as f64, sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_series_have_known_statistics() {
        let alternating: Vec<f64> = (0..1_000)
            .map(|index| if index % 2 == 0 { 1.0 } else { -1.0 })
            .collect();
        assert!((mean(&alternating)).abs() < 1e-9 && (standard_deviation(&alternating) - 1.0).abs() < 1e-9);
        assert!((kurtosis(&alternating) - 1.0).abs() < 1e-9);
        assert!(autocorrelation(&alternating, 1) < -0.99 && autocorrelation(&alternating, 2) > 0.99);
        let double: Vec<f64> = alternating.iter().map(|value| 2.0 * value + 1.0).collect();
        assert!((correlation(&alternating, &double) - 1.0).abs() < 1e-9);
        assert!(
            correlation(&alternating[1..], &double) > 0.99,
            "aligned at the end"
        );
        let ramp: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(
            (
                percentile(&ramp, 0.5),
                percentile(&ramp, 0.99),
                percentile(&ramp, 1.0)
            ),
            (50.0, 99.0, 100.0)
        );
        // A Pareto variable's quantiles: the estimator finds its index.
        let pareto: Vec<f64> = (0..20_000)
            .map(|index| (1.0 - (f64::from(index) + 0.5) / 2e4).powf(-0.5))
            .collect();
        assert!(
            (1.9..2.1).contains(&hill(&pareto, 0.05)),
            "{}",
            hill(&pareto, 0.05)
        );
        assert_eq!(
            [mean(&[]), kurtosis(&[]), percentile(&[], 0.5), hill(&[], 0.05)],
            [0.0; 4]
        );
    }
}
