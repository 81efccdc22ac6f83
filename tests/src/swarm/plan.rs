//! A whole run as data: the seed of the world, the faults that last, and the operations, one on each line.

use std::fmt;
use std::str::FromStr;

use super::faults::Faults;
use super::op::Op;

/// What a run is going to be. Its text is what `tests/regressions/` holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The seed of the world: delays, losses, jitter.
    pub seed: u64,
    /// What lasts.
    pub faults: Faults,
    /// What happens, in order.
    pub ops: Vec<Op>,
}

/// A plan's text is not one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadPlan {
    /// The line, counted from 1.
    pub line: usize,
    /// What stands there.
    pub text: String,
}

impl fmt::Display for BadPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: neither `name = number` nor an operation: {}", self.line, self.text)
    }
}

impl std::error::Error for BadPlan {}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed = {}", self.seed)?;
        for (name, value) in self.faults.clone().fields() {
            if *value > 0 {
                writeln!(f, "{name} = {value}")?;
            }
        }
        self.ops.iter().try_for_each(|op| writeln!(f, "{}", op.to_line()))
    }
}

impl FromStr for Plan {
    type Err = BadPlan;

    /// Reads a plan; empty lines and what stands behind `#` are for people.
    fn from_str(text: &str) -> Result<Plan, BadPlan> {
        let mut plan = Plan { seed: 0, faults: Faults::default(), ops: Vec::new() };
        for (at, line) in text.lines().enumerate() {
            let content = line.split('#').next().unwrap_or_default().trim();
            if !content.is_empty() && plan.take(content).is_none() {
                return Err(BadPlan { line: at + 1, text: line.to_owned() });
            }
        }
        plan.faults.peers = plan.faults.peers.max(1);
        plan.faults.sync_every = plan.faults.sync_every.max(1);
        Ok(plan)
    }
}

impl Plan {
    fn take(&mut self, line: &str) -> Option<()> {
        let Some((name, value)) = line.split_once('=') else {
            self.ops.push(Op::from_line(line)?);
            return Some(());
        };
        let (name, value) = (name.trim(), value.trim().parse().ok()?);
        if name == "seed" {
            self.seed = value;
            return Some(());
        }
        let fields = self.faults.fields();
        let (_, field) = fields.into_iter().find(|(known, _)| *known == name)?;
        *field = value;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_reads_back_as_it_was_written() {
        for seed in 0..200 {
            let plan = Plan::draw(seed);
            assert_eq!(plan.to_string().parse(), Ok(plan));
        }
    }

    #[test]
    fn what_is_no_plan_is_named_with_its_line() {
        let bad = "seed = 1\n\nwait 5\nwait five\n".parse::<Plan>().expect_err("no number");
        assert_eq!((bad.line, bad.text.as_str()), (4, "wait five"));
        assert_eq!("colour = 3".parse::<Plan>().expect_err("no such fault").line, 1);
    }
}
