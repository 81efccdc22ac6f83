//! How much memory a process and its children hold, as Linux tells in `/proc`.

use std::fs::read_to_string;

/// Processes that are added up: a daemon behind a wrapper or two, not a whole session.
const MOST: usize = 64;

/// Resident memory in bytes; `None` if the process is gone or the system does not tell.
pub(super) fn resident(pid: u32) -> Option<u64> {
    let mut sum = own(pid)?;
    let mut found = children(pid);
    let mut at = 0;
    while let Some(pid) = found.get(at).copied().filter(|_| at < MOST) {
        sum += own(pid).unwrap_or(0);
        found.extend(children(pid));
        at += 1;
    }
    Some(sum)
}

fn own(pid: u32) -> Option<u64> {
    let text = read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}

fn children(pid: u32) -> Vec<u32> {
    let text = read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_a_process_is_seen_and_that_of_none_is_not() {
        assert!(resident(std::process::id()).is_some_and(|bytes| bytes > 100_000));
        assert_eq!(resident(u32::MAX), None);
    }
}
