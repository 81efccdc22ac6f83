//! Values with units, as people write them: "40 ms", "30 %", "1.5 MB", "8 Mbit/s".

use std::fmt;
use std::time::Duration;

use serde::de::{self, Deserializer, Visitor};

/// A span of time: "40 ms", "2 h", "1 h 30 min", "7 d".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span(pub Duration);

/// A span that may be negative: "-5 min".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shift {
    /// In milliseconds.
    pub millis: i64,
}

/// A part of something: "30 %", from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Part(pub f64);

/// A number of bytes: "425 B", "1.5 kB", "2 MB", "1 GiB".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Size(pub u64);

/// Bytes a second: "250 kB/s", "8 Mbit/s".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bandwidth(pub u64);

/// How often something happens: "20 /s", "3 /min".
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Often {
    /// Times a second.
    pub per_second: f64,
}

/// Anything from one value to another: "0 s .. 5 min", "40 .. 600 B"; or one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Between<T> {
    /// At least.
    pub least: T,
    /// At most.
    pub most: T,
}

const TIMES: &[(&str, f64)] = &[
    ("us", 1e-6),
    ("µs", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("min", 60.0),
    ("h", 3600.0),
    ("d", 86_400.0),
    ("day", 86_400.0),
    ("days", 86_400.0),
    ("week", 604_800.0),
    ("weeks", 604_800.0),
];

const SIZES: &[(&str, f64)] = &[
    ("B", 1.0),
    ("kB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("KiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
];

const BANDWIDTHS: &[(&str, f64)] = &[
    ("B/s", 1.0),
    ("kB/s", 1e3),
    ("MB/s", 1e6),
    ("GB/s", 1e9),
    ("kbit/s", 125.0),
    ("Mbit/s", 125e3),
    ("Gbit/s", 125e6),
];

const RATES: &[(&str, f64)] = &[("/s", 1.0), ("/min", 1.0 / 60.0), ("/h", 1.0 / 3600.0), ("/d", 1.0 / 86_400.0)];

/// The longest span that a simulation takes: beyond, virtual time in microseconds is no worry, but patience is.
const LONGEST: f64 = 400.0 * 86_400.0;

/// A unit's value, read from text.
pub(super) trait Unit: Sized {
    /// What to write, for errors.
    const EXAMPLE: &'static str;
    /// Its units.
    const UNITS: &'static [(&'static str, f64)];
    /// From a number of the smallest unit.
    fn from_number(number: f64) -> Option<Self>;

    /// Reads it; several are added up.
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not {}", Self::EXAMPLE);
        let mut sum = 0.0;
        let mut rest = text.trim();
        let mut is_first = true;
        while is_first || !rest.is_empty() {
            is_first = false;
            let end = rest.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '_')).unwrap_or(rest.len());
            let number: f64 = rest[..end].replace('_', "").parse().map_err(|_| wrong())?;
            rest = rest[end..].trim_start();
            let end = rest.find(|c: char| c.is_ascii_digit() || c.is_whitespace()).unwrap_or(rest.len());
            let unit = &rest[..end];
            let Some((_, factor)) = Self::UNITS.iter().find(|(name, _)| *name == unit) else {
                let units: Vec<&str> = Self::UNITS.iter().map(|(name, _)| *name).collect();
                return Err(format!("{}; units are {}", wrong(), units.join(", ")));
            };
            sum += number * factor;
            rest = rest[end..].trim_start();
        }
        Self::from_number(sum).ok_or_else(|| format!("{text:?} is out of range"))
    }
}

impl Unit for Span {
    const EXAMPLE: &'static str = "a span of time as in \"40 ms\" or \"1 h 30 min\"";
    const UNITS: &'static [(&'static str, f64)] = TIMES;
    fn from_number(number: f64) -> Option<Self> {
        (number <= LONGEST).then(|| Span(Duration::from_micros((number * 1e6).round() as u64)))
    }
}

impl Unit for Part {
    const EXAMPLE: &'static str = "a part as in \"30 %\"";
    const UNITS: &'static [(&'static str, f64)] = &[("%", 0.01)];
    fn from_number(number: f64) -> Option<Self> {
        (number <= 1.0).then_some(Part(number))
    }
}

impl Unit for Size {
    const EXAMPLE: &'static str = "a size as in \"425 B\" or \"1.5 MB\"";
    const UNITS: &'static [(&'static str, f64)] = SIZES;
    fn from_number(number: f64) -> Option<Self> {
        (number <= 1e12).then_some(Size(number.round() as u64))
    }
}

impl Unit for Bandwidth {
    const EXAMPLE: &'static str = "a bandwidth as in \"250 kB/s\" or \"8 Mbit/s\"";
    const UNITS: &'static [(&'static str, f64)] = BANDWIDTHS;
    fn from_number(number: f64) -> Option<Self> {
        (1.0..=1e12).contains(&number).then_some(Bandwidth(number.round() as u64))
    }
}

impl Unit for Often {
    const EXAMPLE: &'static str = "a rate as in \"20 /s\" or \"3 /min\"";
    const UNITS: &'static [(&'static str, f64)] = RATES;
    fn from_number(number: f64) -> Option<Self> {
        (number > 0.0 && number <= 1e5).then_some(Often { per_second: number })
    }
}

impl Shift {
    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (sign, rest) = match text.strip_prefix(['-', '−']) {
            Some(rest) => (-1, rest),
            None => (1, text.strip_prefix('+').unwrap_or(text)),
        };
        let Span(span) = Span::parse(rest)?;
        Ok(Shift { millis: sign * span.as_millis() as i64 })
    }
}

/// One value, or two with ".." between them.
fn between<T: Unit + Copy + PartialOrd>(text: &str) -> Result<Between<T>, String> {
    let Some((least, most)) = text.split_once("..") else {
        let one = T::parse(text)?;
        return Ok(Between { least: one, most: one });
    };
    let (least, top) = (least.trim(), T::parse(most)?);
    // "40 .. 600 B": the unit at the end is meant for both.
    let is_bare = !least.is_empty() && least.chars().all(|c| c.is_ascii_digit() || c == '.');
    let unit = most.trim().trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ' '));
    let bottom = T::parse(&if is_bare { format!("{least} {unit}") } else { least.to_owned() })?;
    if bottom > top {
        return Err(format!("{text:?} ends before it begins"));
    }
    Ok(Between { least: bottom, most: top })
}

/// Reads a value from text, and says of anything else what to write.
pub(super) fn from_text<'de, T, D: Deserializer<'de>>(
    deserializer: D,
    example: &'static str,
    parse: fn(&str) -> Result<T, String>,
) -> Result<T, D::Error> {
    struct Text<T>(&'static str, fn(&str) -> Result<T, String>);
    impl<T> Visitor<'_> for Text<T> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
            (self.1)(text).map_err(E::custom)
        }
    }
    deserializer.deserialize_str(Text(example, parse))
}

macro_rules! reads_text {
    ($($kind:ty, $example:expr, $parse:path;)+) => {$(
        impl<'de> serde::Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                from_text(deserializer, $example, $parse)
            }
        }
    )+};
}

reads_text! {
    Span, Span::EXAMPLE, Span::parse;
    Part, Part::EXAMPLE, Part::parse;
    Size, Size::EXAMPLE, Size::parse;
    Bandwidth, Bandwidth::EXAMPLE, Bandwidth::parse;
    Often, Often::EXAMPLE, Often::parse;
    Shift, "a shift of the clock as in \"-5 min\" or \"2 s\"", Shift::parse;
    Between<Span>, "a span of time or two, as in \"0 s .. 5 min\"", between;
    Between<Size>, "a size or two, as in \"40 .. 600 B\"", between;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_as_people_write_them() {
        assert_eq!(Span::parse("40 ms"), Ok(Span(Duration::from_millis(40))));
        assert_eq!(Span::parse("1h 30min"), Ok(Span(Duration::from_secs(5400))));
        assert_eq!(Span::parse("1.5 d"), Ok(Span(Duration::from_secs(129_600))));
        assert_eq!(Part::parse("30 %"), Ok(Part(0.3)));
        assert_eq!(Size::parse("1.5kB"), Ok(Size(1500)));
        assert_eq!(Bandwidth::parse("8 Mbit/s"), Ok(Bandwidth(1_000_000)));
        assert_eq!(Often::parse("30 /min"), Ok(Often { per_second: 0.5 }));
        assert_eq!(Shift::parse("-5 min"), Ok(Shift { millis: -300_000 }));
        assert_eq!(between("40 .. 600 B"), Ok(Between { least: Size(40), most: Size(600) }));
        let zero = Span::default();
        assert_eq!(between("0 s .. 2 s"), Ok(Between { least: zero, most: Span(Duration::from_secs(2)) }));
    }

    #[test]
    fn a_value_without_a_unit_or_of_a_wrong_one_is_refused_with_an_example() {
        for text in ["40", "", "ms", "40 sec", "-1 s", "1 s 2", "999999 d", "..", "nan s"] {
            assert!(Span::parse(text).is_err(), "{text}");
        }
        assert!(Span::parse("40 sec").is_err_and(|why| why.contains("40 ms") && why.contains("min")));
        assert!(Part::parse("130 %").is_err_and(|why| why.contains("range")));
        assert!(Bandwidth::parse("0 B/s").is_err());
        assert!(between::<Size>("9 .. 3 B").is_err());
    }
}
