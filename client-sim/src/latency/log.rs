//! The interval log that the public tools of HdrHistogram read (`HistogramLogProcessor`, `hdr-plot`, the readers in Java,
//! Python, Go, JavaScript): a line for each interval and kind, with the kind as its tag and the histogram compressed.

use std::fmt::Write as _;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use super::{Kind, Kinds};

/// Values are nanoseconds; the column of the largest one is in milliseconds, as in the tools' own logs.
const NANOSECONDS_OF_A_MILLISECOND: f64 = 1e6;

/// Writes a log.
#[derive(Debug)]
pub struct IntervalLog<W> {
    out: W,
}

impl<W: io::Write> IntervalLog<W> {
    /// Begins the log of a run that began at `began`; `comment` is its first line.
    ///
    /// # Errors
    /// It can not be written.
    pub fn begin(mut out: W, comment: &str, began: SystemTime) -> io::Result<Self> {
        let epoch = began.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let mut head = String::new();
        // Writing to a string does not fail.
        let _ = writeln!(head, "#[{comment}]");
        let _ = writeln!(head, "#[Histogram log format version 1.3]");
        let _ = writeln!(head, "#[StartTime: {epoch:.3} (seconds since epoch)]");
        let _ = writeln!(head, "#[BaseTime: {epoch:.3} (seconds since epoch)]");
        head.push_str(
            "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n",
        );
        out.write_all(head.as_bytes())?;
        Ok(Self { out })
    }

    /// Writes the interval that began `start` after the run's beginning: a line for each kind that was measured.
    ///
    /// # Errors
    /// It can not be written.
    pub fn interval(&mut self, start: Duration, length: Duration, kinds: &Kinds) -> io::Result<()> {
        let mut serializer = V2DeflateSerializer::new();
        let mut lines = Vec::new();
        {
            // The head that this writer puts before its lines was written already, once.
            let mut writer = IntervalLogWriterBuilder::new()
                .with_max_value_divisor(NANOSECONDS_OF_A_MILLISECOND)
                .begin_log_with(&mut lines, &mut serializer)?;
            for kind in Kind::ALL {
                let histogram = kinds.of(kind).histogram();
                if !histogram.is_empty() {
                    writer
                        .write_histogram(histogram, start, length, Tag::new(kind.name()))
                        .map_err(|error| io::Error::other(format!("{error:?}")))?;
                }
            }
        }
        for line in lines
            .split_inclusive(|byte| *byte == b'\n')
            .filter(|line| line.starts_with(b"Tag="))
        {
            self.out.write_all(line)?;
        }
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    #[test]
    fn what_is_written_can_be_read_with_its_tags_and_times() {
        let mut bytes = Vec::new();
        let mut log = IntervalLog::begin(&mut bytes, "a test", UNIX_EPOCH + Duration::from_secs(9))
            .expect("memory takes it");
        for second in 0..3_u64 {
            let mut kinds = Kinds::default();
            for value in 1..=1_000 {
                kinds
                    .of_mut(Kind::OrderAck)
                    .record(0, value * 1_000 * (second + 1));
            }
            kinds.of_mut(Kind::OrderFeed).record(0, 7_000_000);
            log.interval(Duration::from_secs(second), Duration::from_secs(1), &kinds)
                .expect("memory takes it");
        }
        let mut deserializer = Deserializer::new();
        let mut intervals = Vec::new();
        for entry in IntervalLogIterator::new(&bytes) {
            match entry.expect("it is a log") {
                LogEntry::Interval(interval) => {
                    let packed = base64_of(interval.encoded_histogram());
                    let histogram: Histogram<u64> = deserializer
                        .deserialize(&mut &packed[..])
                        .expect("it is a histogram");
                    intervals.push((
                        interval.tag().map(|tag| tag.as_str().to_owned()),
                        interval.start_timestamp().as_secs(),
                        histogram.len(),
                        histogram.max(),
                    ));
                }
                LogEntry::StartTime(time) | LogEntry::BaseTime(time) => assert_eq!(time.as_secs(), 9),
            }
        }
        assert_eq!(intervals.len(), 6);
        let (tag, start, count, max) = &intervals[2];
        assert_eq!((tag.as_deref(), *start, *count), (Some("order-ack"), 1, 1_000));
        assert!(max.abs_diff(2_000_000) < 2_000, "{max}");
        assert_eq!(intervals[5].0.as_deref(), Some("order-feed"));
    }

    /// The bytes of standard base64.
    fn base64_of(text: &str) -> Vec<u8> {
        let value = |byte: u8| match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            _ => 63,
        };
        let mut bytes = Vec::new();
        for group in text.trim_end_matches('=').as_bytes().chunks(4) {
            let bits = group
                .iter()
                .fold(0_u32, |bits, byte| bits << 6 | u32::from(value(*byte)))
                << (6 * (4 - group.len()));
            bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
        }
        bytes
    }
}
