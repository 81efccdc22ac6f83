//! Figures as they come: lines for people, one JSON value for machines.

use std::time::Duration;

use serde_json::{Value, json};

use super::limits::Limits;
use crate::exit::Failure;
use crate::output::{Out, Style, count};

/// What a figure should be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Goal {
    AtLeast(f64),
    AtMost(f64),
    None,
}

impl Goal {
    fn met(self, figure: f64) -> Option<bool> {
        match self {
            Goal::AtLeast(goal) => Some(figure >= goal),
            Goal::AtMost(goal) => Some(figure <= goal),
            Goal::None => None,
        }
    }
}

/// The table under construction.
pub(super) struct Table<'o> {
    out: &'o mut Out,
    values: Vec<Value>,
}

impl<'o> Table<'o> {
    pub(super) fn new(out: &'o mut Out) -> Self {
        Table { out, values: Vec::new() }
    }

    /// What is going on, for whoever waits.
    pub(super) fn say(&mut self, text: &str) -> Result<(), Failure> {
        eprintln!("· {text}");
        Ok(())
    }

    pub(super) fn limits(&mut self, limits: &Limits) -> Result<(), Failure> {
        for (name, rate) in [
            ("signing, one core", limits.sign_one),
            ("signing, all cores", limits.sign_all),
            ("batch verification, one core", limits.verify_one),
            ("batch verification, all cores", limits.verify_all),
        ] {
            self.values.push(json!({ "limit": name, "value": rate, "unit": "/s", "cores": limits.cores }));
            self.line(name, &format!("{} /s", count(rate as u64)), "a limit of this machine", None)?;
        }
        Ok(())
    }

    /// A rate beside its limit; the goal is of the ratio.
    pub(super) fn rate(&mut self, name: &str, rate: f64, beside: &str, limit: f64, goal: Goal) -> Result<(), Failure> {
        let ratio = if limit > 0.0 { rate / limit } else { 0.0 };
        let met = goal.met(ratio);
        self.values.push(json!({ "name": name.trim(), "value": rate, "unit": "/s", "limit": beside,
            "limit_value": limit, "ratio": ratio, "goal": goal_value(goal), "met": met }));
        let note = format!("{ratio:.2} × {beside}{}", goal_text(goal, "×"));
        self.line(name, &format!("{} /s", count(rate as u64)), &note, met)
    }

    /// A figure by itself.
    pub(super) fn figure(&mut self, name: &str, value: f64, unit: &str, note: &str, goal: Goal) -> Result<(), Failure> {
        let met = goal.met(value);
        let json = json!({ "name": name.trim(), "value": value, "unit": unit, "goal": goal_value(goal), "met": met });
        self.values.push(json);
        let shown = if value >= 100.0 { count(value as u64) } else { format!("{value:.2}") };
        self.line(name, &format!("{shown} {unit}"), &format!("{note}{}", goal_text(goal, unit)), met)
    }

    pub(super) fn time(&mut self, name: &str, span: Duration) -> Result<(), Failure> {
        self.values.push(json!({ "name": name.trim(), "value": span.as_secs_f64(), "unit": "s" }));
        self.line(name, &format!("{:.3} s", span.as_secs_f64()), "", None)
    }

    pub(super) fn plain(&mut self, name: &str, text: &str) -> Result<(), Failure> {
        self.line(name, text, "", None)
    }

    pub(super) fn end(self) -> Result<(), Failure> {
        if self.out.is_json() { self.out.json(&json!({ "measures": self.values })) } else { Ok(()) }
    }

    fn line(&mut self, name: &str, figure: &str, note: &str, met: Option<bool>) -> Result<(), Failure> {
        if self.out.is_json() {
            return Ok(());
        }
        let mark = match met {
            Some(true) => self.out.style(Style::Good, "✓"),
            Some(false) => self.out.style(Style::Bad, "✗"),
            None => " ".to_owned(),
        };
        self.out.line(format!("{mark} {name:<40} {figure:>14}  {note}"))?;
        self.out.flush()
    }
}

fn goal_text(goal: Goal, unit: &str) -> String {
    match goal {
        Goal::AtLeast(goal) => format!("  (goal ≥ {goal:.2} {unit})"),
        Goal::AtMost(goal) => format!("  (goal ≤ {goal} {unit})"),
        Goal::None => String::new(),
    }
}

fn goal_value(goal: Goal) -> Option<f64> {
    match goal {
        Goal::AtLeast(goal) | Goal::AtMost(goal) => Some(goal),
        Goal::None => None,
    }
}
