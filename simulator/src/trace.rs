//! The readable log: the world's trace, with the names of the scenario in place of the world's own.

use std::collections::BTreeMap;

/// Hands lines on, and calls peers as the scenario does.
pub(crate) struct Log {
    sink: Box<dyn FnMut(&str) + Send>,
    labels: BTreeMap<u64, String>,
}

/// How the world calls its peers: this, and a number.
const PEER: &str = "peer-";

impl Log {
    pub(crate) fn new(sink: Box<dyn FnMut(&str) + Send>) -> Self {
        Log { sink, labels: BTreeMap::new() }
    }

    /// A peer is called so from now on.
    pub(crate) fn call(&mut self, peer: &str, label: &str) {
        if let Some(number) = peer.strip_prefix(PEER).and_then(|number| number.parse().ok()) {
            self.labels.insert(number, label.to_owned());
        }
    }

    pub(crate) fn line(&mut self, line: &str) {
        let mut text = String::with_capacity(line.len() + 16);
        let mut rest = line;
        while let Some(at) = rest.find(PEER) {
            text.push_str(&rest[..at]);
            rest = &rest[at + PEER.len()..];
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            match rest[..end].parse().ok().and_then(|number: u64| self.labels.get(&number)) {
                Some(label) => text.push_str(label),
                None => {
                    text.push_str("stranger-");
                    text.push_str(&rest[..end]);
                }
            }
            rest = &rest[end..];
        }
        text.push_str(rest);
        (self.sink)(&text);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    #[test]
    fn peers_are_called_as_in_the_scenario_and_numbers_are_not_confused() {
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = lines.clone();
        let mut log = Log::new(Box::new(move |line| kept.lock().push(line.to_owned())));
        log.call("peer-1", "site");
        log.call("peer-12", "readers-11");
        log.line("peer-12 gets 3 blocks from peer-1 (fetch 1), not from peer-7");
        assert_eq!(*lines.lock(), ["readers-11 gets 3 blocks from site (fetch 1), not from stranger-7"]);
    }
}
