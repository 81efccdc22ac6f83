//! Whether a scenario that reads well also makes sense.

use std::collections::BTreeSet;

use tidings_ledger::TopicName;

use super::error::ScenarioError;
use super::schema::{Event, LinkKeys, Scenario, Shape, What};
use super::who::{Amount, Who};

/// More nodes than this do not fit into most machines' memory.
const MOST_NODES: usize = 20_000;
/// More posts than this would take hours.
const MOST_POSTS: f64 = 200_000.0;
/// Posts times nodes: what a run has to carry about.
const MOST_COPIES: f64 = 30_000_000.0;
/// Everyone with everyone is for small networks: connections grow with the square.
const MOST_FULL: usize = 300;
/// Acts of hostile strangers in one event.
const MOST_ACTS: f64 = 200_000.0;
/// Names of more letters than this break every table.
const LONGEST_NAME: usize = 32;

impl Scenario {
    pub(super) fn check(&self, text: &str) -> Result<(), ScenarioError> {
        if self.length.0.is_zero() {
            return Err(ScenarioError::at("length", "a run of no length shows nothing"));
        }
        self.check_groups(text)?;
        self.check_topics(text)?;
        self.check_network()?;
        self.check_posts(text)?;
        for (at, event) in self.event.iter().enumerate() {
            let place = Place { text, table: "event", at };
            self.check_event(event, &place)?;
        }
        for (at, phase) in self.phase.iter().enumerate() {
            let place = Place { text, table: "phase", at };
            let before = at.checked_sub(1).map(|before| self.phase[before].from);
            if before.is_some_and(|before| before >= phase.from) || phase.from >= self.length {
                return Err(place.wrong("from", "phases begin one after the other, and before the run ends"));
            }
            place.name(&phase.name)?;
        }
        Ok(())
    }

    fn check_groups(&self, text: &str) -> Result<(), ScenarioError> {
        let mut names = BTreeSet::new();
        for (at, group) in self.group.iter().enumerate() {
            let place = Place { text, table: "group", at };
            place.name(&group.name)?;
            let is_plain = group.name.chars().all(|c| c.is_alphanumeric() || c == '_');
            if group.name == "all" || !is_plain {
                let message = "a group's name has letters, digits and _ only, and is not \"all\"";
                return Err(place.wrong("name", message));
            }
            if !names.insert(&group.name) {
                return Err(place.wrong("name", "two groups have this name"));
            }
            if group.count == 0 {
                return Err(place.wrong("count", "a group has one node at least"));
            }
            for topic in group.follow.iter().flatten() {
                self.topic_named(topic, &place, "follow")?;
            }
            if let Some(who) = &group.connect {
                self.check_who(who, &place, "connect")?;
            }
            if group.join.most >= self.length {
                return Err(place.wrong("join", "nobody joins after the end"));
            }
        }
        match self.nodes() {
            0 => Err(ScenarioError::at("group", "there is no node: add a [[group]]")),
            nodes if nodes > MOST_NODES => {
                Err(ScenarioError::at("group.count", format!("{nodes} nodes are too many; the most is {MOST_NODES}")))
            }
            _ => Ok(()),
        }
    }

    fn check_topics(&self, text: &str) -> Result<(), ScenarioError> {
        let mut names = BTreeSet::new();
        for (at, topic) in self.topic.iter().enumerate() {
            let place = Place { text, table: "topic", at };
            let parsed = TopicName::parse(&topic.name).map_err(|error| place.wrong("name", &error.to_string()))?;
            if !names.insert(parsed.id()) {
                return Err(place.wrong("name", "two topics have this name"));
            }
            if let Some(who) = &topic.history_at {
                self.check_who(who, &place, "history_at")?;
            }
        }
        if self.topic.is_empty() { Err(ScenarioError::at("topic", "there is none: add a [[topic]]")) } else { Ok(()) }
    }

    fn check_network(&self) -> Result<(), ScenarioError> {
        let network = &self.network;
        let nodes = self.nodes();
        if network.shape == Shape::Full && nodes > MOST_FULL {
            let message = format!("{nodes} nodes are too many for this; the most is {MOST_FULL}");
            return Err(ScenarioError::at("network.shape", message));
        }
        if network.neighbours == 0 || network.mesh == 0 || network.bridges == 0 || network.clusters == 0 {
            return Err(ScenarioError::at("network", "neighbours, clusters, bridges and mesh are 1 at least"));
        }
        if network.shape == Shape::Clusters && network.clusters > nodes {
            return Err(ScenarioError::at("network.clusters", "there are more clusters than nodes"));
        }
        if network.reannounce.0.as_secs() < 1 {
            return Err(ScenarioError::at("network.reannounce", "less than a second would only make noise"));
        }
        if self.link.loss.is_some_and(|loss| loss.0 >= 1.0) {
            return Err(ScenarioError::at("link.loss", "if everything is lost there is no network; use a partition"));
        }
        Ok(())
    }

    fn check_posts(&self, text: &str) -> Result<(), ScenarioError> {
        let mut posts: f64 = self.topic.iter().map(|topic| topic.history as f64).sum();
        for (at, some) in self.posts.iter().enumerate() {
            let place = Place { text, table: "posts", at };
            self.check_who(&some.by, &place, "by")?;
            if let Some(topic) = &some.topic {
                self.topic_named(topic, &place, "topic")?;
            }
            if some.every.0.is_zero() {
                return Err(place.wrong("every", "a pause has some length"));
            }
            let until = some.until.unwrap_or(self.length);
            if until > self.length || some.from >= until {
                return Err(place.wrong("from", "writing begins before it ends, and ends with the run at the latest"));
            }
            if some.text.most.0 > 64_000 {
                return Err(place.wrong("text", "a text has 64 kB at most"));
            }
            let writers = some.by.count(self.named(&some.by.of).unwrap_or(0)) as f64;
            posts += writers * (until.0 - some.from.0).as_secs_f64() / some.every.0.as_secs_f64();
        }
        posts += self.event.iter().map(|event| self.burst(event)).sum::<f64>();
        if posts > MOST_POSTS || posts * self.nodes() as f64 > MOST_COPIES {
            let message = format!(
                "about {posts:.0} posts for {} nodes are too many for one run: at most {MOST_POSTS}, and {MOST_COPIES} \
                 posts times nodes",
                self.nodes()
            );
            return Err(ScenarioError::at("posts", message));
        }
        Ok(())
    }

    fn burst(&self, event: &Event) -> f64 {
        let writers = event.who.as_ref().map_or(self.nodes(), |who| who.count(self.named(&who.of).unwrap_or(0)));
        event.posts.unwrap_or(0) as f64 * writers as f64
    }

    fn check_event(&self, event: &Event, place: &Place<'_>) -> Result<(), ScenarioError> {
        let (needed, optional) = event.what.keys();
        let given = event.given();
        if let Some(key) = needed.iter().find(|key| !given.contains(key)) {
            return Err(place.wrong(key, "this key is missing"));
        }
        let is_known = |key: &&&str| needed.contains(key) || optional.contains(key);
        if let Some(key) = given.iter().find(|key| !is_known(key)) {
            let list: Vec<&str> = ["at"].iter().chain(needed).chain(optional).copied().collect();
            let message = "this event does not take such a key";
            return Err(place.wrong(key, message).hint(format!("it takes {}", list.join(", "))));
        }
        if event.at >= self.length {
            return Err(place.wrong("at", "this is after the end"));
        }
        if let Some(who) = &event.who {
            self.check_who(who, place, "who")?;
        }
        if let Some(topic) = &event.topic {
            self.topic_named(topic, place, "topic")?;
        }
        if event.what == What::Link && given.iter().all(|key| matches!(*key, "who" | "for")) {
            return Err(place.wrong(
                "do",
                "say what is different: latency, jitter, loss, duplicates, replays, reordered or bandwidth",
            ));
        }
        let acts = event.rate.map_or(0.0, |rate| rate.per_second * event.span(self).as_secs_f64());
        if acts > MOST_ACTS {
            return Err(place.wrong("rate", &format!("{acts:.0} acts are too many; the most is {MOST_ACTS}")));
        }
        if event.strangers.is_some_and(|strangers| !(1..=100).contains(&strangers)) {
            return Err(place.wrong("strangers", "there are 1 to 100"));
        }
        Ok(())
    }

    /// How many nodes a group's name, a node's label, or "all" stands for.
    fn named(&self, name: &str) -> Option<usize> {
        if name == "all" {
            return Some(self.nodes());
        }
        if let Some(group) = self.group.iter().find(|group| group.name == name) {
            return Some(group.count);
        }
        let (group, number) = name.rsplit_once('-')?;
        let group = self.group.iter().find(|known| known.name == group)?;
        number.parse().ok().filter(|number| (1..=group.count).contains(number)).map(|_| 1)
    }

    fn check_who(&self, who: &Who, place: &Place<'_>, key: &str) -> Result<(), ScenarioError> {
        let Some(all) = self.named(&who.of) else {
            let names = self.group.iter().map(|group| &group.name[..]).chain(["all"]);
            return Err(place
                .wrong(key, &format!("there is no group or node {:?}", who.of))
                .instead_of(&who.of, names));
        };
        match who.amount {
            Amount::Count(count) if count > all => {
                Err(place.wrong(key, &format!("there are only {all} {}, not {count}", who.of)))
            }
            Amount::Count(0) => Err(place.wrong(key, "none of them is nobody")),
            _ => Ok(()),
        }
    }

    fn topic_named(&self, name: &str, place: &Place<'_>, key: &str) -> Result<(), ScenarioError> {
        if self.topic.iter().any(|topic| topic.name == name) {
            return Ok(());
        }
        let names = self.topic.iter().map(|topic| &topic.name[..]);
        Err(place.wrong(key, &format!("there is no [[topic]] {name:?}")).instead_of(name, names))
    }
}

impl Event {
    /// How long it lasts in this scenario.
    pub(crate) fn span(&self, scenario: &Scenario) -> std::time::Duration {
        let rest = scenario.length.0.saturating_sub(self.at.0);
        self.lasts.map_or(rest, |lasts| lasts.0.min(rest))
    }

    /// What it changes about connections.
    pub(crate) fn link_keys(&self) -> LinkKeys {
        let Event { latency, jitter, loss, duplicates, replays, reordered, bandwidth, .. } = *self;
        LinkKeys { latency, jitter, loss, duplicates, replays, reordered, bandwidth }
    }

    /// The keys that it gives, beside `at` and `do`.
    fn given(&self) -> Vec<&'static str> {
        let keys = [
            ("who", self.who.is_some()),
            ("for", self.lasts.is_some()),
            ("by", self.by.is_some()),
            ("rate", self.rate.is_some()),
            ("strangers", self.strangers.is_some()),
            ("part", self.part.is_some()),
            ("answer", self.answer.is_some()),
            ("posts", self.posts.is_some()),
            ("topic", self.topic.is_some()),
            ("latency", self.latency.is_some()),
            ("jitter", self.jitter.is_some()),
            ("loss", self.loss.is_some()),
            ("duplicates", self.duplicates.is_some()),
            ("replays", self.replays.is_some()),
            ("reordered", self.reordered.is_some()),
            ("bandwidth", self.bandwidth.is_some()),
        ];
        keys.into_iter().filter(|(_, given)| *given).map(|(key, _)| key).collect()
    }
}

impl What {
    /// The keys that an event needs beside `at` and `do`, and those that it may have.
    fn keys(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            What::Partition
            | What::Mute
            | What::Deafen
            | What::Clog
            | What::Offline
            | What::Crash
            | What::Wipe
            | What::Full => (&["who"], &["for"]),
            What::Leave => (&["who"], &[]),
            What::Link => {
                (&[], &["who", "for", "latency", "jitter", "loss", "duplicates", "replays", "reordered", "bandwidth"])
            }
            What::Clock => (&["who", "by"], &["for"]),
            What::Flood => (&["who", "rate"], &["for", "strangers"]),
            What::Withhold => (&["who"], &["for", "part", "answer"]),
            What::Burst => (&["who", "posts"], &["topic"]),
        }
    }
}

/// The table that an error is about.
struct Place<'a> {
    text: &'a str,
    table: &'static str,
    /// The how-manieth of its kind.
    at: usize,
}

impl Place<'_> {
    fn wrong(&self, key: &str, message: &str) -> ScenarioError {
        let error = ScenarioError::at(format!("{}.{key}", self.table), message);
        match self.line_of(key) {
            Some(line) => ScenarioError { line: Some(line), ..error },
            None => error,
        }
    }

    fn name(&self, name: &str) -> Result<(), ScenarioError> {
        if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            return Err(self.wrong("name", &format!("a name has 1 to {LONGEST_NAME} characters")));
        }
        Ok(())
    }

    /// The line of the key in that table, or of the table's head.
    fn line_of(&self, key: &str) -> Option<usize> {
        let head = format!("[[{}]]", self.table);
        let mut lines = self.text.lines().enumerate();
        let (begin, _) = lines.by_ref().filter(|(_, line)| line.trim_start().starts_with(&head)).nth(self.at)?;
        let of_key = |line: &str| line.split_once('=').is_some_and(|(name, _)| name.trim() == key);
        let inside = lines.take_while(|(_, line)| !line.trim_start().starts_with('['));
        let found = inside.into_iter().find(|(_, line)| of_key(line));
        Some(found.map_or(begin, |(at, _)| at) + 1)
    }
}
