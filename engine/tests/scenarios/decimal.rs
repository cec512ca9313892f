//! Decimal numbers as people write them, exactly.

/// `text` in units of the last of `decimals` places. `None` when it is no number, has more places, or is too large.
pub(crate) fn parse(text: &str, decimals: u8) -> Option<u128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let ends_well = !text.ends_with('.') && !whole.is_empty();
    let fraction = fraction.trim_end_matches('0');
    if !ends_well || !digits(whole) || !digits(fraction) || fraction.len() > usize::from(decimals) {
        return None;
    }
    let zeros = usize::from(decimals) - fraction.len();
    format!("{whole}{fraction}{}", "0".repeat(zeros)).parse().ok()
}

/// The number as text, with at least `least` places.
pub(crate) fn show(value: i128, decimals: u8, least: u8) -> String {
    let scale = 10_u128.pow(u32::from(decimals));
    let magnitude = value.unsigned_abs();
    let (whole, fraction) = (magnitude / scale, magnitude % scale);
    let mut text = format!("{fraction:0width$}", width = usize::from(decimals));
    if decimals == 0 {
        text.clear();
    }
    while text.len() > usize::from(least.min(decimals)) && text.ends_with('0') {
        text.pop();
    }
    let sign = if value < 0 { "-" } else { "" };
    let point = if text.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{text}")
}

/// Parts per million of `2bp`, `-0.5bp`, `10%`, `0`.
pub(crate) fn parse_rate(text: &str) -> Option<i32> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let value = if text == "0" {
        0
    } else if let Some(points) = text.strip_suffix("bp") {
        parse(points, 2)?
    } else {
        parse(text.strip_suffix('%')?, 4)?
    };
    i32::try_from(value).ok().map(|value| sign * value)
}

/// True when both are the same number, however many zeros they end with.
pub(crate) fn is_equal(one: &str, other: &str) -> bool {
    let (one, other) = (parse(one, 30), parse(other, 30));
    one.is_some() && one == other
}

#[test]
fn decimals_are_exact() {
    assert_eq!(parse("60.00", 4), Some(600_000));
    assert_eq!(parse("0.00001", 4), None);
    assert_eq!(parse(".5", 4), None);
    assert_eq!(parse("5.", 4), None);
    assert_eq!(show(60_012_000_000, 8, 2), "600.12");
    assert_eq!(show(-1, 8, 2), "-0.00000001");
    assert_eq!(show(5, 0, 2), "5");
    assert_eq!(parse_rate("-0.5bp"), Some(-50));
    assert_eq!(parse_rate("10%"), Some(100_000));
    assert_eq!(parse_rate("10"), None);
    assert!(is_equal("60", "60.00") && !is_equal("6", "60") && !is_equal("x", "x"));
}
