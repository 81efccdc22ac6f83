//! Writing: what nodes say, and what they are told of it.

use std::time::Duration;

use tidings_ledger::vocabulary::{file, post, redact, reply};
use tidings_ledger::{AuthorKey, Draft, Entry, EntryId};

use super::stage::Stage;
use crate::measure::Tally;
use crate::plan::Writing;

/// Posts of a history that are written together.
const TOGETHER: usize = 1024;

/// Everybody who writes.
pub(super) struct Writers {
    keys: Vec<AuthorKey>,
    rng: fastrand::Rng,
    /// The last posts of each node, that may be taken back.
    own: Vec<Vec<EntryId>>,
    /// The last post of each topic, for those who answer and those who forge.
    latest: Vec<Option<Entry>>,
    /// Writers that were not running when they should have written.
    pub(super) silent: u64,
    /// Posts that a ledger refused, and why the first one was.
    pub(super) refused: (u64, Option<String>),
}

impl Writers {
    pub(super) fn new(nodes: usize, topics: usize, seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed ^ 0x6b65_7973);
        let keys = (0..nodes).map(|_| AuthorKey::from_seed(&std::array::from_fn(|_| rng.u8(..)))).collect();
        let (own, latest) = (vec![Vec::new(); nodes], vec![None; topics]);
        Writers { keys, rng, own, latest, silent: 0, refused: (0, None) }
    }

    /// The latest post of a topic.
    pub(super) fn latest(&self, topic: usize) -> Option<&Entry> {
        self.latest[topic].as_ref()
    }

    /// A node writes; gives the number of the post.
    pub(super) fn write(&mut self, stage: &mut Stage, tally: &mut Tally, writing: &Writing) -> Option<usize> {
        let Some(ledger) = stage.ledger(writing.node).cloned() else {
            self.silent += 1;
            return None;
        };
        let mut draft = self.draft(stage, writing);
        if writing.file > 0 {
            let bytes: Vec<u8> = std::iter::repeat_with(|| self.rng.u8(..)).take(writing.file).collect();
            let name = format!("picture-{}.bin", tally.posts.len());
            let Ok(link) = ledger.attach(&bytes[..], &name, "application/octet-stream") else {
                self.refuse("its file was not taken");
                return None;
            };
            draft = file(link, draft_text(&draft));
        }
        let topic = ledger.topic(&stage.topics[writing.topic]);
        match stage.world.wait(topic.append(&self.keys[writing.node], draft)) {
            Ok(entry) => {
                let now = stage.now();
                tally.wrote(entry.id(), writing.node, writing.topic, now, false);
                if entry.header().redacts.is_empty() {
                    self.own[writing.node].push(entry.id());
                }
                self.latest[writing.topic] = Some(entry);
                Some(tally.posts.len() - 1)
            }
            Err(error) => {
                self.refuse(&error.to_string());
                None
            }
        }
    }

    fn refuse(&mut self, why: &str) {
        self.refused.0 += 1;
        self.refused.1.get_or_insert_with(|| why.to_owned());
    }

    fn draft(&mut self, stage: &Stage, writing: &Writing) -> Draft {
        if writing.is_redaction
            && let Some(id) = self.own[writing.node].pop()
        {
            return redact(id, "");
        }
        let text = self.text(writing.text);
        let answered = self.latest[writing.topic].as_ref().filter(|latest| {
            let ledger = stage.ledger(writing.node);
            writing.is_reply && ledger.is_some_and(|ledger| matches!(ledger.entry(&latest.id()), Ok(Some(_))))
        });
        answered.map_or_else(|| post(text.clone()), |latest| reply(latest.id(), text.clone()))
    }

    /// Something of that length to say.
    fn text(&mut self, length: usize) -> String {
        const WORDS: [&str; 16] = [
            "well", "said", "the", "weather", "in", "spring", "and", "nobody", "asked", "why", "it", "rains", "on",
            "Sundays", "or", "snows",
        ];
        let mut text = String::with_capacity(length + 8);
        while text.len() < length {
            text.push_str(WORDS[self.rng.usize(0..WORDS.len())]);
            text.push(' ');
        }
        text.truncate(length.max(1));
        text
    }

    /// Writes what is there before the run begins, a minute apart, up to the beginning of time.
    pub(super) fn history(&mut self, stage: &mut Stage, tally: &mut Tally, topic: usize, count: usize) {
        let node = stage.cast.of_history[topic];
        let Some(ledger) = stage.ledger(node).cloned() else { return };
        let handle = ledger.topic(&stage.topics[topic]);
        let begin = tidings_transport_mem::EPOCH.as_millis();
        for from in (0..count).step_by(TOGETHER) {
            let drafts: Vec<Draft> = (from..count.min(from + TOGETHER))
                .map(|at| {
                    let before = Duration::from_secs(60) * (count - at) as u32;
                    let time = tidings_ledger::Time::from_millis(begin.saturating_sub(before.as_millis() as u64));
                    let length = self.rng.usize(40..600);
                    post(self.text(length)).at(time)
                })
                .collect();
            match stage.world.wait(handle.append_all(&self.keys[node], drafts)) {
                Ok(entries) => {
                    let now = stage.now();
                    entries.iter().for_each(|entry| tally.wrote(entry.id(), node, topic, now, true));
                }
                Err(error) => self.refuse(&error.to_string()),
            }
        }
    }
}

fn draft_text(draft: &Draft) -> String {
    String::from_utf8_lossy(&draft.body).into_owned()
}
