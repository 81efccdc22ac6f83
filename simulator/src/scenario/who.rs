//! Which nodes are meant: "all", "readers", "readers-7", "5 of readers", "30 % of readers".

use std::fmt;

use serde::de::Deserializer;

use super::units::{self, Unit};

/// A choice of nodes. Those that are counted off are drawn by the seed, once for each place that names them.
#[derive(Debug, Clone, PartialEq)]
pub struct Who {
    pub(crate) amount: Amount,
    /// The group's name, a node's label, or "all".
    pub(crate) of: String,
}

/// How many of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Amount {
    All,
    Count(usize),
    Part(f64),
}

impl Who {
    fn parse(text: &str) -> Result<Self, String> {
        let Some((amount, of)) = text.split_once(" of ") else {
            return Ok(Who { amount: Amount::All, of: text.trim().to_owned() });
        };
        let (amount, of) = (amount.trim(), of.trim().to_owned());
        let amount = match amount.parse() {
            _ if amount == "one" => Amount::Count(1),
            _ if amount == "half" => Amount::Part(0.5),
            Ok(count) => Amount::Count(count),
            Err(_) => Amount::Part(units::Part::parse(amount).map_err(|_| format!("{text:?} is not {EXAMPLE}"))?.0),
        };
        Ok(Who { amount, of })
    }

    /// How many of so many that is: at least one, if there are any.
    pub(crate) fn count(&self, all: usize) -> usize {
        match self.amount {
            Amount::All => all,
            Amount::Count(count) => count.min(all),
            Amount::Part(part) => ((all as f64 * part).round() as usize).clamp(1.min(all), all),
        }
    }
}

const EXAMPLE: &str =
    "a choice of nodes as in \"all\", \"readers\", \"readers-7\", \"5 of readers\" or \"30 % of all\"";

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.amount {
            Amount::All => f.write_str(&self.of),
            Amount::Count(count) => write!(f, "{count} of {}", self.of),
            Amount::Part(part) => write!(f, "{} % of {}", (part * 1000.0).round() / 10.0, self.of),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Who {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        units::from_text(deserializer, EXAMPLE, Who::parse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_reads_back_as_it_was_written() {
        for text in ["all", "readers", "readers-7", "5 of readers", "30 % of all", "12.5 % of all"] {
            assert_eq!(Who::parse(text).map(|who| who.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(Who::parse("one of readers").map(|who| who.count(9)), Ok(1));
        assert_eq!(Who::parse("half of readers").map(|who| who.count(9)), Ok(5));
        assert_eq!(Who::parse("1 % of readers").map(|who| who.count(9)), Ok(1));
        assert!(Who::parse("some of readers").is_err_and(|why| why.contains("30 % of all")));
    }
}
