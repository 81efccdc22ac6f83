//! What a scenario expects, compared with what came of it.

use serde::Serialize;

use super::Report;
use super::table::{bytes, span};
use crate::scenario::{Expect, Span};

/// Something that had to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Expectation {
    /// The key in `[expect]`.
    pub key: &'static str,
    /// What was wanted.
    pub wanted: String,
    /// What came of it.
    pub got: String,
    /// Whether that is good enough.
    pub met: bool,
}

pub(super) fn judge(expect: &Expect, report: &Report) -> Vec<Expectation> {
    let findings = &report.findings;
    let mut all = Vec::new();
    if expect.nothing_lost {
        let got = match findings.lost {
            0 => "nothing is lost".to_owned(),
            lost => format!("{lost} copies are lost: {}", findings.examples.join("; ")),
        };
        all.push(Expectation { key: "nothing_lost", wanted: "nothing lost".to_owned(), got, met: findings.lost == 0 });
    }
    if expect.nothing_foreign {
        let got = match findings.foreign {
            0 => "nothing foreign is anywhere".to_owned(),
            foreign => format!("{foreign} foreign entries came in: {}", findings.examples.join("; ")),
        };
        let met = findings.foreign == 0;
        all.push(Expectation { key: "nothing_foreign", wanted: "nothing foreign".to_owned(), got, met });
    }
    // That all agree in the end is always expected; how soon is up to the scenario.
    let within = expect.converged_within.map_or(u64::MAX, micros);
    all.push(Expectation {
        key: "converged_within",
        wanted: expect.converged_within.map_or_else(|| "all agree".to_owned(), |within| at_most(micros(within))),
        got: report.converged_us.map_or_else(|| "they do not agree".to_owned(), |took| format!("after {}", span(took))),
        met: report.converged_us.is_some_and(|took| took <= within) && findings.split == 0 && findings.lacking == 0,
    });
    let total = &report.total;
    let times = [
        ("p50", expect.p50, total.news.p50_us),
        ("p99", expect.p99, total.news.p99_us),
        ("last", expect.last, total.news.last_us),
        ("caught_up_within", expect.caught_up_within, total.caught_up.last_us),
    ];
    for (key, wanted, got) in times {
        let Some(wanted) = wanted else { continue };
        all.push(Expectation {
            key,
            wanted: at_most(micros(wanted)),
            // What never came up is not shown to hold.
            got: got.map_or_else(|| "there was none".to_owned(), span),
            met: got.is_some_and(|got| got <= micros(wanted)),
        });
    }
    if let Some(most) = expect.bytes_per_node {
        let (wanted, got) = (format!("at most {}", bytes(most.0)), bytes(total.bytes.max));
        all.push(Expectation { key: "bytes_per_node", wanted, got, met: total.bytes.max <= most.0 });
    }
    if let Some(least) = expect.demerits_at_least {
        let (wanted, got) = (format!("at least {least}"), report.demerits.to_string());
        all.push(Expectation { key: "demerits_at_least", wanted, got, met: report.demerits >= least });
    }
    all
}

fn micros(span: Span) -> u64 {
    span.0.as_micros() as u64
}

fn at_most(micros: u64) -> String {
    format!("within {}", span(micros))
}
