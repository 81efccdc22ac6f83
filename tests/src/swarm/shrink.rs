//! Making a plan that fails smaller, as long as it still fails in the same way.

use super::life::live;
use super::plan::Plan;
use super::verdict::Violation;

/// The smallest plan that was found within so many runs, and what it violates; `None` if the plan does not fail. `progress` hears
/// of the smallest plan as yet, and of the runs that are left.
///
/// First operations are left out, large parts of them before small ones (delta debugging, Zeller 1999); then the faults
/// that last are switched off one by one, peers are taken away, and numbers are halved; and again, until nothing helps.
pub fn shrink(plan: &Plan, runs: usize, progress: &mut dyn FnMut(&Plan, usize)) -> Option<(Plan, Violation)> {
    let (first, _) = live(plan, false).err()?;
    let mut search = Search { plan: plan.clone(), violation: first, runs, progress };
    loop {
        let before = search.plan.clone();
        search.leave_out_ops();
        search.switch_off_faults();
        search.make_numbers_smaller();
        if search.plan == before || search.runs == 0 {
            return Some((search.plan, search.violation));
        }
    }
}

struct Search<'a> {
    plan: Plan,
    violation: Violation,
    runs: usize,
    progress: &'a mut dyn FnMut(&Plan, usize),
}

impl Search<'_> {
    /// Takes the smaller plan if it fails like the one that we have.
    fn try_out(&mut self, smaller: Plan) -> bool {
        if self.runs == 0 || smaller == self.plan {
            return false;
        }
        self.runs -= 1;
        (self.progress)(&self.plan, self.runs);
        match live(&smaller, false) {
            Err((violation, _)) if violation.is_like(&self.violation) => {
                self.plan = smaller;
                self.violation = violation;
                true
            }
            _ => false,
        }
    }

    fn leave_out_ops(&mut self) {
        let mut len = self.plan.ops.len().div_ceil(2).max(1);
        loop {
            let mut at = 0;
            while at < self.plan.ops.len() {
                let mut smaller = self.plan.clone();
                smaller.ops.drain(at..(at + len).min(smaller.ops.len()));
                if !self.try_out(smaller) {
                    at += len;
                }
            }
            if len == 1 || self.runs == 0 {
                return;
            }
            len = len.div_ceil(2);
        }
    }

    fn switch_off_faults(&mut self) {
        for at in 0..self.plan.faults.clone().fields().len() {
            let mut smaller = self.plan.clone();
            let (name, field) = &mut smaller.faults.fields()[at];
            **field = match *name {
                "peers" => field.saturating_sub(1).max(1),
                "sync-every" => 1,
                _ => 0,
            };
            let is_again = *name == "peers";
            while self.try_out(smaller.clone()) && is_again {
                smaller.faults.peers = smaller.faults.peers.saturating_sub(1).max(1);
            }
        }
    }

    fn make_numbers_smaller(&mut self) {
        for at in 0..self.plan.ops.len() {
            for halve in [super::Op::halved, super::Op::with_less_time] {
                loop {
                    let mut smaller = self.plan.clone();
                    smaller.ops[at] = halve(smaller.ops[at]);
                    if !self.try_out(smaller) {
                        break;
                    }
                }
            }
        }
    }
}
