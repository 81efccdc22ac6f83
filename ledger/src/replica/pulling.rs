//! Running pulls: which begin, what their answers mean, how they end.

use cid::Cid;

use super::Replica;
use super::effects::{Arrival, Arrived, FetchRequest};
use super::goals::{Avoided, Goal};
use super::insert::{Origin, known_by_name};
use super::pull::{Asked, Fault, Pull, What};
use super::step::Step;
use super::timers::Timer;
use super::topics::CATALOG;
use crate::admission::Refusal;
use crate::content::digest_of;
use crate::entry::Entry;
use crate::folder::{self, Item, Kind, Node};
use crate::marks::mark;
use crate::store::{StoreError, Table};
use crate::time::Time;
use crate::topic::TopicId;
use crate::transport::{Demerit, Peer};

/// A pull whose root did not come in this part of the patience gives way to another root of its topic. Whoever announced
/// the first may be out of reach, while the second is a neighbour's.
const GIVE_WAY: u32 = 3;

/// Folders that a catalog listed and that wait to be pulled, before no more of the catalog is read.
const LISTED_AHEAD: usize = 4096;

impl Replica {
    /// Somebody says that a topic has this root: pull it, unless it is held or known to lead nowhere; says whether it is
    /// going to be pulled.
    pub(super) fn consider(
        &mut self,
        now: Time,
        topic: TopicId,
        root: Cid,
        from: Option<&Peer>,
        not_before: Time,
    ) -> Result<bool, StoreError> {
        if self.goals.len() >= self.options.limits.topics {
            return Ok(false);
        }
        let not_before = match self.remembered.avoids(&root, now, from) {
            None => not_before,
            Some(Avoided::Empty) => return Ok(false),
            Some(Avoided::Until(at)) => {
                mark!("a root that was not to be had is asked for again");
                not_before.max(at)
            }
        };
        if self.store_is_full() {
            self.counters.pulls_given_up += 1;
            return Ok(false);
        }
        let patience = self.options.patience / GIVE_WAY;
        let mut begin = not_before;
        match self.pulls.get_mut(&topic) {
            Some(pull) if pull.root == root => {
                pull.announced_by(from);
                return Ok(true);
            }
            Some(pull) => begin = pull.gives_way(patience).map_or(begin, |at| at.max(begin)),
            None => {}
        }
        self.goals.add(topic, root, from, not_before);
        self.timers.by(Timer::Pull(topic), begin);
        Ok(true)
    }

    /// Begins pulls as far as the limit allows, and lets those under way ask for more.
    pub(super) fn advance(&mut self, step: &mut Step<'_>) -> Result<(), StoreError> {
        // A pull that ends makes room for the next, which nothing else might begin: so on until nothing stirs.
        loop {
            self.begin_all(step)?;
            let topics: Vec<TopicId> = std::mem::take(&mut self.stirred).into_iter().collect();
            if topics.is_empty() {
                return Ok(());
            }
            for topic in topics {
                self.ask(step, &topic)?;
            }
        }
    }

    fn begin_all(&mut self, step: &mut Step<'_>) -> Result<(), StoreError> {
        while let Some((topic, goal)) = self.next_goal(step.now) {
            if topic == self.catalog_id {
                // What it is compared with is all that is here.
                self.settle(step, CATALOG)?;
            }
            self.begin(step, topic, goal.root, goal.peers)?;
            // There is room for more of what a catalog lists.
            if self.pulls.contains_key(&self.catalog_id) {
                self.stirred.insert(self.catalog_id);
            }
        }
        if let Some(at) = self.goals.next_catalog().filter(|at| *at > step.now) {
            self.timers.by(Timer::Pull(self.catalog_id), at);
        }
        Ok(())
    }

    /// What to pull next, if anything may begin.
    fn next_goal(&mut self, now: Time) -> Option<(TopicId, Goal)> {
        let (pulls, patience) = (&self.pulls, self.options.patience / GIVE_WAY);
        let gives_way = |pull: &Pull| pull.gives_way(patience).is_some_and(|at| at <= now);
        if pulls.len() < self.options.limits.pulls {
            return self.goals.take(now, |topic| pulls.get(topic).is_none_or(gives_way));
        }
        // A hundred thousand may wait for room, and are not looked through at every step: only those that need none. The
        // catalog's own pull does not count: it is what leads to the others.
        let catalog = (!pulls.contains_key(&self.catalog_id)).then_some(self.catalog_id);
        let stuck = pulls.iter().filter(|(_, pull)| gives_way(pull)).map(|(topic, _)| *topic);
        let needs_none: Vec<TopicId> = catalog.into_iter().chain(stuck).collect();
        needs_none.into_iter().find_map(|topic| Some((topic, self.goals.take_of(&topic, now)?)))
    }

    fn begin(&mut self, step: &Step<'_>, topic: TopicId, root: Cid, peers: Vec<Peer>) -> Result<(), StoreError> {
        let number = self.topics.number(&topic);
        let ours = number.and_then(|number| self.topics.get(number));
        let held = digest_of(&root).is_some_and(|digest| step.nodes.contains(&digest));
        if held || self.is_held(step, &root)? || self.known.is_behind(&root) {
            // The rest of a burst came by itself, and perhaps more than the announcer has.
            if let (Some(number), true) = (number, ours.is_some_and(|ours| ours.record.tree.root != Some(root))) {
                self.correct(step.now, number);
            }
            return Ok(());
        }
        if self.remembered.avoids(&root, step.now, peers.first()).is_some() {
            return Ok(());
        }
        // An honest folder that is behind ours has about as many nodes as ours, and no entry for us.
        let items = if topic == self.catalog_id {
            self.topics.len() as u64
        } else {
            ours.map_or(0, |ours| ours.record.entries)
        };
        self.counters.pulls += 1;
        if let Some(stuck) = self.pulls.insert(topic, Pull::new(root, peers, items, step.now)) {
            mark!("a pull whose root does not come gives way to another");
            self.forget_wanted(&stuck);
        }
        self.stirred.insert(topic);
        Ok(())
    }

    /// What the pull asked for is of no interest any more; answers that still come are passed over.
    fn forget_wanted(&mut self, pull: &Pull) {
        for cid in pull.outstanding() {
            self.wanted.remove(cid);
        }
    }

    fn ask(&mut self, step: &mut Step<'_>, topic: &TopicId) -> Result<(), StoreError> {
        // What a catalog lists is pulled first, before more of it is read: what waits stays bounded, and what was listed shows
        // whether the catalog is one.
        let is_far_ahead = *topic == self.catalog_id && self.goals.len() >= LISTED_AHEAD;
        let Some(pull) = self.pulls.get_mut(topic).filter(|_| !is_far_ahead) else { return Ok(()) };
        while let Some(mut cids) = pull.next() {
            // Another pull may have asked for the same block already: a folder that two topics claim is a lie of one.
            let taken: Vec<Cid> = cids.extract_if(.., |cid| self.wanted.contains_key(cid)).collect();
            for cid in taken {
                pull.answered(&cid);
                pull.tally.missing += 1;
            }
            self.wanted.extend(cids.iter().map(|cid| (*cid, *topic)));
            if !cids.is_empty() {
                step.effects.fetch.push(FetchRequest { cids, ask_first: pull.peers.clone() });
            }
        }
        if pull.is_done() {
            self.take_in_aside(step, topic)?;
            self.finish(step, topic)?;
        }
        Ok(())
    }

    /// Answers arrived.
    pub(super) fn fetched(&mut self, step: &mut Step<'_>, arrivals: Vec<Arrival>) -> Result<(), StoreError> {
        let mut entries: Vec<(TopicId, Option<Peer>, Entry)> = Vec::new();
        for Arrival { cid, from, content } in arrivals {
            let Some(topic) = self.wanted.remove(&cid) else { continue };
            let Some(asked) = self.pulls.get_mut(&topic).and_then(|pull| pull.answered(&cid)) else { continue };
            self.stirred.insert(topic);
            if let Arrived::Missing = content {
                self.missing(&topic, &asked);
                continue;
            }
            let outcome = match (asked.what, content) {
                (What::Node(depth), Arrived::Node(bytes)) => self.walk(step, &topic, depth, &bytes)?,
                (What::File { name, size }, Arrived::Entry(Ok(entry), len))
                    if len as u64 == size && entry.topic() == topic && is_named(&entry, &name) =>
                {
                    entries.push((topic, from.clone(), entry));
                    Ok(())
                }
                _ => self.refused(&topic),
            };
            if let Err(fault) = outcome {
                self.give_up(step, &topic, from.as_ref(), &fault);
            }
        }
        self.take_in(step, entries)
    }

    /// A node arrived: find what in it is not held.
    fn walk(
        &mut self,
        step: &Step<'_>,
        topic: &TopicId,
        depth: usize,
        bytes: &bytes::Bytes,
    ) -> Result<Result<(), Fault>, StoreError> {
        let kind = if *topic == self.catalog_id { Kind::Catalog } else { Kind::Topic };
        let Some(pull) = self.pulls.get_mut(topic) else { return Ok(Ok(())) };
        self.counters.nodes_fetched += 1;
        self.counters.node_bytes += bytes.len() as u64;
        match pull.read(kind, bytes) {
            Err(fault) => Ok(Err(fault)),
            Ok(Node::Inner(mut children)) => {
                let mut held = Vec::new();
                for child in &children {
                    held.push(self.is_held(step, &child.cid)?);
                }
                let mut held = held.into_iter();
                children.retain(|_| !held.next().unwrap_or(false));
                let Some(pull) = self.pulls.get_mut(topic) else { return Ok(Ok(())) };
                Ok(pull.descend(depth, children))
            }
            Ok(Node::Leaf(items)) if kind == Kind::Catalog => {
                let peers = pull.peers.clone();
                let listed = self.consider_listed(step, &items, &peers)?;
                if let Some(pull) = self.pulls.get_mut(topic) {
                    pull.tally.listed += listed;
                }
                Ok(Ok(()))
            }
            Ok(Node::Leaf(items)) => {
                let number = self.topics.number(topic);
                for item in items {
                    let known = match number {
                        Some(number) => known_by_name(step.store, number, &item.key)?.is_some(),
                        None => false,
                    };
                    if let (false, Some(pull)) = (known, self.pulls.get_mut(topic)) {
                        pull.want(item);
                    }
                }
                Ok(Ok(()))
            }
        }
    }

    /// A catalog lists these topics; says how many of them are worth a pull.
    fn consider_listed(&mut self, step: &Step<'_>, items: &[Item], peers: &[Peer]) -> Result<u64, StoreError> {
        let mut listed = 0;
        for item in items {
            let Ok(topic) = item.key.parse::<TopicId>() else { continue };
            let ours = self.topics.by_id(&topic).and_then(|topic| topic.record.tree.root);
            if ours != Some(item.cid) && !self.is_held(step, &item.cid)? {
                listed += u64::from(self.consider(step.now, topic, item.cid, peers.first(), step.now)?);
            }
        }
        Ok(listed)
    }

    /// Whether the node and all below it are here.
    pub(super) fn is_held(&self, step: &Step<'_>, cid: &Cid) -> Result<bool, StoreError> {
        Ok(step.store.get(Table::Nodes, cid.hash().digest())?.is_some())
    }

    /// Entries arrived and were admitted: take them in, together.
    fn take_in(&mut self, step: &mut Step<'_>, arrived: Vec<(TopicId, Option<Peer>, Entry)>) -> Result<(), StoreError> {
        let (sources, entries): (Vec<_>, Vec<_>) =
            arrived.into_iter().map(|(topic, from, entry)| ((topic, from), entry)).unzip();
        let bare: Vec<Option<Entry>> = entries.iter().map(|entry| entry.is_redacted().then(|| entry.clone())).collect();
        let results = self.insert(step, entries, Origin::Peer)?;
        for (((topic, from), bare), result) in sources.into_iter().zip(bare).zip(results) {
            let Some(pull) = self.pulls.get_mut(&topic) else { continue };
            if let (Err(Refusal::NoBody(_)), Some(entry)) = (&result, bare) {
                pull.tally.put_off += u64::from(!pull.keep_aside(entry));
                continue;
            }
            if let Err(fault) = pull.judged(&result) {
                self.give_up(step, &topic, from.as_ref(), &fault);
            }
            if let (Ok(true), Some(catalog)) = (&result, self.pulls.get_mut(&self.catalog_id)) {
                catalog.allow_more();
            }
        }
        Ok(())
    }

    /// All the rest is there: now those without a body come in, or are refused for good.
    fn take_in_aside(&mut self, step: &mut Step<'_>, topic: &TopicId) -> Result<(), StoreError> {
        let entries = self.pulls.get_mut(topic).map(Pull::take_aside).unwrap_or_default();
        for result in self.insert(step, entries, Origin::Peer)? {
            let Some(pull) = self.pulls.get_mut(topic) else { break };
            if let Err(fault) = pull.judged(&result) {
                self.give_up(step, topic, None, &fault);
            }
        }
        Ok(())
    }

    fn missing(&mut self, topic: &TopicId, asked: &Asked) {
        if let Some(pull) = self.pulls.get_mut(topic) {
            pull.missed(asked);
        }
        self.counters.missing += 1;
    }

    fn refused(&mut self, topic: &TopicId) -> Result<(), Fault> {
        self.counters.refused += 1;
        let Some(pull) = self.pulls.get_mut(topic) else { return Ok(()) };
        pull.tally.refused += 1;
        pull.judged(&Ok(false))
    }

    /// The pull got all that there was to get.
    fn finish(&mut self, step: &mut Step<'_>, topic: &TopicId) -> Result<(), StoreError> {
        let Some(pull) = self.pulls.remove(topic) else { return Ok(()) };
        let number = self.topics.number(topic);
        if let Some(number) = number {
            self.settle(step, number)?;
        }
        self.counters.rounds += pull.tally.rounds;
        // What a mirror has after the last pull may be more than anybody announced: the others should know.
        if self.options.mirror && self.pulls.is_empty() && self.goals.len() == 0 {
            self.correct(step.now, CATALOG);
        }
        let ours = number.and_then(|number| self.topics.get(number)).and_then(|topic| topic.record.tree.root);
        if ours == Some(pull.root) {
            return Ok(());
        }
        // The catalog's own pull ends before those that it led to; what became of them shows in the next announcement.
        if *topic == self.catalog_id && pull.tally.missing == 0 {
            // Nothing in it for us: two mirrors of different rules would fetch each other's for ever.
            if pull.tally.listed == 0 {
                self.remembered.disappointed(pull.root, step.now);
            }
            return Ok(());
        }
        if pull.tally.missing > 0 {
            mark!("a root is not to be had");
            let (relied_on, heard_since) = pull.relied_on();
            self.remembered.withheld(pull.root, step.now, relied_on);
            for peer in heard_since {
                mark!("a root is not to be had from its announcer and asked of another");
                self.consider(step.now, *topic, pull.root, Some(peer), step.now)?;
            }
        } else if pull.tally.put_off > 0 || pull.tally.refused > 0 {
            self.remembered.disappointed(pull.root, step.now);
        } else {
            // Whoever announces it again is behind, and wants an answer and no pull.
            mark!("a root that was pulled is behind ours");
            self.known.caught_up(pull.root);
        }
        if pull.tally.missing > 0 && pull.tally.accepted == 0 {
            let withheld = pull.peers.first().map(|peer| (peer.clone(), Demerit::Withheld));
            self.demerits(step, withheld);
        }
        // Ours differs, so there is something here that the announcer lacks.
        if let Some(number) = number {
            self.correct(step.now, number);
        }
        Ok(())
    }

    /// The pull leads nowhere.
    fn give_up(&mut self, step: &mut Step<'_>, topic: &TopicId, from: Option<&Peer>, fault: &Fault) {
        let Some(pull) = self.pulls.remove(topic) else { return };
        self.forget_wanted(&pull);
        self.remembered.disappointed(pull.root, step.now);
        let demerit = match fault {
            Fault::Entries => Some(Demerit::BadEntry),
            Fault::Node(_) | Fault::TooDeep | Fault::Allowance => Some(Demerit::BadFolder),
            Fault::PutOff => None,
        };
        // Blocks hash to what was asked for, so the fault is that of whoever announced the root.
        let culprit = pull.peers.first().or(from).cloned().zip(demerit);
        self.demerits(step, culprit);
        self.counters.pulls_given_up += 1;
        // An answer to somebody may have waited for what this would bring.
        if let Some(number) = self.topics.number(topic) {
            self.correct(step.now, number);
        }
    }

    pub(super) fn demerits(&mut self, step: &mut Step<'_>, demerits: impl IntoIterator<Item = (Peer, Demerit)>) {
        for (peer, demerit) in demerits {
            self.counters.demerits += 1;
            step.effects.demerits.push((peer, demerit));
        }
    }
}

/// Whether an honest folder lists the entry under this name.
fn is_named(entry: &Entry, name: &str) -> bool {
    let (time, id) = (entry.time(), entry.id());
    folder::short(time, &id) == name || folder::long(time, &id) == name
}
