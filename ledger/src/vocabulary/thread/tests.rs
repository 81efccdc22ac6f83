//! Threads against a slow and simple model, and against hostile sets.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::plan::{Act, Fact, Plan};
use super::thread;
use crate::author::{Author, AuthorKey};
use crate::depth::cases;
use crate::entry::{Draft, Entry, EntryId, Link, Place, sign};
use crate::time::Time;
use crate::topic::TopicId;
use crate::vocabulary::{Profile, edit, file, post, react, redact, reply};

/// Writes entries for tests: each at its own time.
struct Pen {
    key: AuthorKey,
}

impl Pen {
    fn of(seed: u8) -> Self {
        Pen { key: AuthorKey::from_seed(&[seed; 32]) }
    }

    fn write(&self, time: u64, draft: impl Into<Draft>) -> Entry {
        let now = Time::from_millis(time);
        let place = Place { topic: TopicId::from_bytes([0; 32]), topic_name: None, seq: 0, prev: None, now };
        sign(draft.into(), place, &self.key).unwrap()
    }
}

/// What a reader sees, one line a comment.
fn shown(entries: &[Entry]) -> Vec<String> {
    let thread = thread(entries);
    let line = |(depth, node): (usize, &super::ThreadNode<'_>)| {
        let text = node.text().unwrap_or("(taken back)");
        let reactions: String =
            node.reactions().iter().map(|reaction| format!(" {}{}", reaction.symbol, reaction.authors.len())).collect();
        let marks = [(node.is_edited(), " edited"), (node.is_orphan(), " orphan")];
        let marks: String = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
        format!("{}{text}{reactions}{marks}", "  ".repeat(depth))
    };
    thread.walk().map(line).collect()
}

#[test]
fn a_discussion_reads_as_people_wrote_it() {
    let (ada, ben) = (Pen::of(1), Pen::of(2));
    let question = ada.write(10, post("How?"));
    let answer = ben.write(20, reply(question.id(), "So."));
    let thanks = ada.write(30, reply(answer.id(), "Thanks!"));
    let later = ben.write(15, reply(question.id(), "Why do you ask?"));
    let typo = ada.write(40, edit(question.id(), "How is it done?"));
    let likes = [
        ben.write(50, react(question.id(), "👍")),
        ben.write(51, react(question.id(), "👍")),
        ada.write(52, react(typo.id(), "👍")),
    ];
    let entries: Vec<Entry> = [question, answer, thanks, later, typo].into_iter().chain(likes).collect();
    assert_eq!(shown(&entries), ["How is it done? 👍2 edited", "  Why do you ask?", "  So.", "    Thanks!"]);
}

#[test]
fn another_author_can_neither_edit_nor_redact() {
    let (ada, eve) = (Pen::of(1), Pen::of(2));
    let hers = ada.write(10, post("Mine"));
    let edited = eve.write(20, edit(hers.id(), "Eve's"));
    let redacted = eve.write(30, redact(hers.id(), ""));
    let entries = [hers, edited, redacted];
    assert_eq!(shown(&entries), ["Mine"]);
    assert_eq!(thread(&entries).unplaced(), 1);
}

#[test]
fn a_redacted_comment_keeps_its_place_and_shows_nothing_of_it() {
    let (ada, ben) = (Pen::of(1), Pen::of(2));
    let link =
        Link { name: "a.png".into(), cid: crate::content::raw_cid(b"a"), size: 1, media_type: "image/png".into() };
    let said = ada.write(10, file(link, "look"));
    let answered = ben.write(20, reply(said.id(), "nice"));
    let edited = ada.write(30, edit(said.id(), "look here"));
    let taken = ada.write(40, redact(said.id(), "oops"));
    // Whether the bytes are gone already or only asked to go, the reader sees the same.
    for said in [said.redacted(), said] {
        let entries = [said, answered.clone(), edited.clone(), taken.clone()];
        assert_eq!(shown(&entries), ["(taken back)", "  nice"]);
        assert!(thread(&entries).roots().all(|node| node.files().is_empty()));
    }
}

#[test]
fn of_two_edits_the_later_wins_and_a_redacted_edit_is_passed_over() {
    let ada = Pen::of(1);
    let first = ada.write(10, post("one"));
    let second = ada.write(20, edit(first.id(), "two"));
    let third = ada.write(30, edit(second.id(), "three"));
    let undo = ada.write(40, redact(third.id(), ""));
    let mut entries = vec![first, second, third];
    assert_eq!(shown(&entries), ["three edited"]);
    entries.push(undo);
    assert_eq!(shown(&entries), ["two edited"]);
    let texts: Vec<Option<&str>> =
        thread(&entries).walk().next().unwrap().1.versions().iter().map(|version| version.text).collect();
    assert_eq!(texts, [Some("one"), Some("two"), None]);
}

#[test]
fn a_reply_to_what_is_not_there_is_shown_as_an_orphan_until_it_comes() {
    let ada = Pen::of(1);
    let question = ada.write(10, post("?"));
    let answer = ada.write(20, reply(question.id(), "!"));
    assert_eq!(shown(std::slice::from_ref(&answer)), ["! orphan"]);
    assert_eq!(shown(&[answer, question]), ["?", "  !"]);
}

#[test]
fn the_latest_profile_counts_and_a_malformed_one_does_not() {
    let ada = Pen::of(1);
    let named = |name: &str| Draft::from(&Profile { name: Some(name.into()), ..Profile::default() });
    let entries = [
        ada.write(30, named("Ada L.")),
        ada.write(10, named("Ada")),
        ada.write(40, Draft::new("profile", "not a profile")),
    ];
    let thread = thread(&entries);
    assert_eq!(thread.profiles()[&ada.key.author()].name.as_deref(), Some("Ada L."));
    assert!(thread.is_empty());
}

#[test]
fn a_hundred_thousand_replies_deep_does_not_overflow_the_stack() {
    const DEPTH: usize = 100_000;
    let facts = chain(DEPTH);
    let plan = Plan::of(&facts);
    assert_eq!(plan.roots, [0]);
    assert!(plan.places[..DEPTH - 1].iter().enumerate().all(|(at, place)| place.replies == [at + 1]));
    // And as seen by a reader, with real entries, less deep since each takes a signature.
    let ada = Pen::of(1);
    let mut entries = vec![ada.write(0, post("0"))];
    for at in 1..3000u64 {
        let above = entries[at as usize - 1].id();
        entries.push(ada.write(at, reply(above, "")));
    }
    assert_eq!(thread(&entries).walk().map(|(depth, _)| depth).max(), Some(2999));
}

fn chain(len: usize) -> Vec<Fact<'static>> {
    let id = |at: usize| EntryId::from_bytes(crate::content::sha256(&at.to_be_bytes()));
    let fact = |at: usize| Fact {
        id: id(at),
        author: Author::from_bytes([1; 32]),
        time: Time::from_millis(at as u64),
        redacted: false,
        redacts: &[],
        act: Act::Say { to: at.checked_sub(1).map(id), text: None },
    };
    (0..len).map(fact).collect()
}

#[test]
fn comments_that_answer_each_other_in_a_circle_are_all_shown() {
    // No hash allows it; a mistake elsewhere might.
    let mut facts = chain(5);
    let last = facts[4].id;
    facts[1].act = Act::Say { to: Some(last), text: None };
    let plan = Plan::of(&facts);
    assert_eq!(plan.roots, [0, 1]);
    assert!(plan.places[1].orphan && plan.places[4].replies.is_empty());
}

#[test]
fn edits_that_edit_each_other_in_a_circle_change_nothing() {
    let mut facts = chain(4);
    for (at, of) in [(1, 2), (2, 3), (3, 1)] {
        facts[at].act = Act::Edit { of: facts[of].id, text: Some("x") };
    }
    let plan = Plan::of(&facts);
    assert_eq!((plan.comments, plan.unplaced), (vec![0], 3));
}

/// What one random fact does: which of few targets, and how.
#[derive(Debug, Clone)]
struct Random {
    author: u8,
    time: u64,
    act: u8,
    target: u8,
    redacted: bool,
    redacts: Vec<EntryId>,
}

fn random() -> impl Strategy<Value = Random> {
    let redacts = prop::collection::vec((0u8..30).prop_map(|n| EntryId::from_bytes([n; 32])), 0..2);
    (0u8..3, 0u64..8, 0u8..6, 0u8..30, prop::bool::weighted(0.1), redacts).prop_map(
        |(author, time, act, target, redacted, redacts)| Random { author, time, act, target, redacted, redacts },
    )
}

fn facts(randoms: &[Random]) -> Vec<Fact<'_>> {
    let fact = |(n, random): (usize, &'_ Random)| {
        let target = EntryId::from_bytes([random.target; 32]);
        let act = match random.act {
            0 => Act::Say { to: None, text: Some("a") },
            1 | 2 => Act::Say { to: Some(target), text: Some("b") },
            3 => Act::Edit { of: target, text: Some("c") },
            4 => Act::React { to: target, symbol: if random.time % 2 == 0 { "+" } else { "-" } },
            _ => Act::Other,
        };
        Fact {
            id: EntryId::from_bytes([n as u8; 32]),
            author: Author::from_bytes([random.author; 32]),
            time: Time::from_millis(random.time),
            redacted: random.redacted,
            redacts: &[],
            act,
        }
    };
    let mut facts: Vec<Fact<'_>> = randoms.iter().enumerate().map(fact).collect();
    for (fact, random) in facts.iter_mut().zip(randoms) {
        fact.redacts = &random.redacts;
    }
    facts.sort_by_key(|fact| (fact.time, fact.id));
    facts
}

/// The thread in the obvious way, in quadratic time and with recursion.
struct Model<'a>(&'a [Fact<'a>]);

impl<'a> Model<'a> {
    fn find(&self, id: EntryId) -> Option<&'a Fact<'a>> {
        self.0.iter().find(|fact| fact.id == id)
    }

    fn is_gone(&self, fact: &Fact<'_>) -> bool {
        fact.redacted || self.0.iter().any(|by| by.author == fact.author && by.redacts.contains(&fact.id))
    }

    fn subject(&self, fact: &Fact<'_>, fuel: usize) -> Option<EntryId> {
        match fact.act {
            Act::Say { .. } => Some(fact.id),
            Act::Edit { of, .. } if fuel > 0 => {
                let next = self.find(of).filter(|next| next.author == fact.author)?;
                self.subject(next, fuel - 1)
            }
            _ => None,
        }
    }

    fn raw_parent(&self, fact: &Fact<'_>) -> Option<EntryId> {
        match fact.act {
            Act::Say { to: Some(to), .. } => self.find(to).and_then(|to| self.subject(to, self.0.len())),
            _ => None,
        }
    }

    fn parent(&self, fact: &Fact<'_>) -> Option<EntryId> {
        let mut circle = vec![fact.id];
        let mut at = self.raw_parent(fact);
        while let Some(id) = at.filter(|id| *id != fact.id && circle.len() <= self.0.len()) {
            circle.push(id);
            at = self.find(id).and_then(|fact| self.raw_parent(fact));
        }
        let on_circle = at == Some(fact.id);
        let earliest = self.0.iter().find(|fact| circle.contains(&fact.id)).map(|fact| fact.id);
        if on_circle && earliest == Some(fact.id) { None } else { self.raw_parent(fact) }
    }

    fn edits(&self, comment: EntryId) -> Vec<EntryId> {
        let is_edit = |fact: &&Fact<'_>| matches!(fact.act, Act::Edit { .. });
        let edits = self.0.iter().filter(is_edit).filter(|fact| self.subject(fact, self.0.len()) == Some(comment));
        edits.map(|fact| fact.id).collect()
    }

    fn reactions(&self, comment: &Fact<'_>) -> BTreeMap<&'a str, BTreeSet<Author>> {
        let mut reactions: BTreeMap<&str, BTreeSet<Author>> = BTreeMap::new();
        for fact in self.0 {
            let Act::React { to, symbol } = fact.act else { continue };
            let subject = self.find(to).and_then(|to| self.subject(to, self.0.len()));
            if subject == Some(comment.id) && !self.is_gone(fact) && !self.is_gone(comment) {
                reactions.entry(symbol).or_default().insert(fact.author);
            }
        }
        reactions
    }
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn any_set_gives_the_thread_of_the_model(randoms in prop::collection::vec(random(), 0..30)) {
        let facts = facts(&randoms);
        let model = Model(&facts);
        let plan = Plan::of(&facts);
        let comments: Vec<&Fact<'_>> = facts.iter().filter(|fact| matches!(fact.act, Act::Say { .. })).collect();
        prop_assert!(plan.comments.iter().map(|at| facts[*at].id).eq(comments.iter().map(|fact| fact.id)));
        for (comment, place) in comments.iter().zip(&plan.places) {
            let parent = place.parent.map(|at| comments[at].id);
            prop_assert_eq!(parent, model.parent(comment));
            let answers = matches!(comment.act, Act::Say { to: Some(_), .. });
            prop_assert_eq!(place.orphan, answers && parent.is_none());
            let edits: Vec<EntryId> = place.edits.iter().map(|at| facts[*at].id).collect();
            prop_assert_eq!(edits, model.edits(comment.id));
            prop_assert_eq!(&place.reactions, &model.reactions(comment));
        }
        for (fact, gone) in facts.iter().zip(&plan.gone) {
            prop_assert_eq!(*gone, model.is_gone(fact));
        }
        // Every comment is reached from a root exactly once.
        let mut due = plan.roots.clone();
        let mut reached = 0;
        while let Some(at) = due.pop() {
            reached += 1;
            prop_assert!(reached <= comments.len());
            due.extend(&plan.places[at].replies);
        }
        prop_assert_eq!(reached, comments.len());
    }

    #[test]
    fn the_order_in_which_entries_came_does_not_show(seed: u64, shuffle in Just((0..24usize).collect::<Vec<_>>()).prop_shuffle()) {
        let pens = [Pen::of(1), Pen::of(2)];
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut entries: Vec<Entry> = Vec::new();
        for n in 0..24u64 {
            let target = entries.get(rng.usize(..24)).map_or(EntryId::from_bytes([9; 32]), Entry::id);
            let draft = match rng.u8(..6) {
                0 => post(format!("{n}")),
                1 | 2 => reply(target, format!("{n}")),
                3 => edit(target, format!("{n}")),
                4 => react(target, "+"),
                _ => redact(target, ""),
            };
            entries.push(pens[rng.usize(..2)].write(rng.u64(..10), draft));
        }
        let straight = thread(&entries);
        let shuffled = thread(shuffle.iter().chain(&shuffle).map(|at| &entries[*at]));
        prop_assert_eq!(straight, shuffled);
    }
}
