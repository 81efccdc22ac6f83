//! What a run came to: figures for programs, a table for people, and a page to look at.

mod expectations;
mod figures;
mod table;

pub use expectations::Expectation;
pub use figures::{PhaseFigures, Spread, Times};

use serde::Serialize;

use crate::page::Picture;
use crate::run::{Findings, Run};

/// The report of a run. It holds nothing of the machine that it ran on: the same scenario and seed give the same report.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The scenario's name.
    pub name: String,
    /// What it is about.
    pub about: String,
    /// The version of Tidings that ran it.
    pub version: &'static str,
    /// The seed.
    pub seed: u64,
    /// The hash of everything that happened.
    pub trace: String,
    /// Nodes.
    pub nodes: usize,
    /// Topics.
    pub topics: usize,
    /// Virtual time in which there was writing, in microseconds.
    pub length_us: u64,
    /// How long after that all who were there held the same, in microseconds; `None` if they did not in time.
    pub converged_us: Option<u64>,
    /// Each part of the run.
    pub phases: Vec<PhaseFigures>,
    /// The whole run.
    pub total: PhaseFigures,
    /// What was found at the end.
    pub findings: Findings,
    /// Hostile acts, and how often nodes held something against a peer.
    pub hostile_acts: u64,
    /// How often nodes held something against a peer.
    pub demerits: u64,
    /// Attached files that readers opened, and that they could not open.
    pub files_opened: u64,
    /// Files that readers could not open.
    pub files_failed: u64,
    /// Bytes that a node stores at the end.
    pub stored: Spread,
    /// What had to hold, and whether it did.
    pub expectations: Vec<Expectation>,
    /// What one should know about the run.
    pub remarks: Vec<String>,
    /// What the page is made of.
    #[serde(skip)]
    pub(crate) picture: Option<Picture>,
}

impl Report {
    pub(crate) fn of(run: &Run, seed: u64) -> Report {
        let findings = run.look();
        let phases: Vec<PhaseFigures> = figures::of_phases(run);
        let total = figures::total(run);
        let mut report = Report {
            name: run.scenario.name.clone(),
            about: paragraphs(&run.scenario.about),
            version: env!("CARGO_PKG_VERSION"),
            seed,
            trace: format!("{:016x}", run.trace()),
            nodes: run.members(),
            topics: run.scenario.topic.len(),
            length_us: run.scenario.length.0.as_micros() as u64,
            converged_us: run.converged,
            phases,
            total,
            findings,
            hostile_acts: run.hostile_acts,
            demerits: run.demerits(),
            files_opened: run.opened().0,
            files_failed: run.opened().1,
            stored: Spread::of(run.stored()),
            expectations: Vec::new(),
            remarks: Vec::new(),
            picture: Picture::of(run),
        };
        report.expectations = expectations::judge(&run.scenario.expect, &report);
        report.remarks = remarks(run, &report);
        report
    }

    /// Whether all expectations were met.
    pub fn is_good(&self) -> bool {
        self.expectations.iter().all(|expectation| expectation.met)
    }

    /// The report as people read it, in lines of at most 110 characters.
    pub fn to_text(&self) -> String {
        table::text(self)
    }

    /// The report as one page of HTML that needs nothing else, if the run kept a film.
    pub fn to_html(&self) -> Option<String> {
        self.picture.as_ref().map(|picture| crate::page::html(self, picture))
    }
}

/// Lines are joined; an empty line begins a paragraph.
fn paragraphs(text: &str) -> String {
    let joined = text.trim().split("\n\n").map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
    joined.collect::<Vec<_>>().join("\n\n")
}

/// Faults that never came, and what else would be read wrongly.
fn remarks(run: &Run, report: &Report) -> Vec<String> {
    let mut remarks = Vec::new();
    let mut say = |when: bool, what: String| remarks.extend(when.then_some(what));
    let is_lossy = |keys: &crate::scenario::LinkKeys| keys.loss.is_some_and(|loss| loss.0 > 0.0);
    let scenario = &run.scenario;
    let wants_loss = is_lossy(&scenario.link)
        || scenario.group.iter().any(|group| is_lossy(&group.link))
        || scenario.event.iter().any(|event| is_lossy(&event.link_keys()));
    say(wants_loss && report.total.lost == 0, "Loss is configured, and nothing got lost.".to_owned());
    say(report.total.posts == 0, "Nobody wrote anything.".to_owned());
    let (silent, (refused, why)) = (run.silent(), run.refused());
    say(silent > 0, format!("{silent} posts were not written, because their writers were not running."));
    say(refused > 0, format!("{refused} posts were refused; the first: {}.", why.unwrap_or_default()));
    let gone = report.findings.gone;
    say(gone > 0, format!("{gone} posts went with the only node that had them."));
    say(
        report.findings.lacking > 0,
        format!("{} copies had not arrived when patience ended.", report.findings.lacking),
    );
    remarks
}
