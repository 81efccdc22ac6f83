//! Coverage marks: a rare branch says that it was taken, and a test says which branches it is about.
//!
//! `mark!("name")` stands in the branch and is nothing outside of this crate's own tests. In a test, `covers!("name")` fails
//! at the end of the test unless the branch was taken meanwhile: so a test cannot go on passing after the case that it was
//! written for no longer comes up. Every mark has such a test, see below.

/// This branch is taken.
macro_rules! mark {
    ($name:literal) => {
        #[cfg(test)]
        $crate::marks::hit($name);
    };
}

/// The test is about this branch.
#[cfg(test)]
macro_rules! covers {
    ($name:literal) => {
        let _covers = $crate::marks::Covers::new($name);
    };
}

#[cfg(test)]
pub(crate) use covers;
pub(crate) use mark;

#[cfg(test)]
pub(crate) use counting::{Covers, hit};

#[cfg(test)]
mod counting {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    thread_local! {
        /// Each test has a thread of its own.
        static HITS: RefCell<BTreeMap<&'static str, u64>> = const { RefCell::new(BTreeMap::new()) };
    }

    pub(crate) fn hit(name: &'static str) {
        HITS.with_borrow_mut(|hits| *hits.entry(name).or_default() += 1);
    }

    fn times(name: &str) -> u64 {
        HITS.with_borrow(|hits| hits.get(name).copied().unwrap_or(0))
    }

    /// From here to the end of the test.
    pub(crate) struct Covers {
        name: &'static str,
        before: u64,
    }

    impl Covers {
        pub(crate) fn new(name: &'static str) -> Self {
            Covers { name, before: times(name) }
        }
    }

    impl Drop for Covers {
        fn drop(&mut self) {
            // A test that fails anyway has a better reason.
            if !std::thread::panicking() {
                assert!(times(self.name) > self.before, "the branch was not taken: {}", self.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// The names that stand behind this word in the source.
    fn names(folder: &Path, word: &str, into: &mut BTreeSet<String>) {
        for file in std::fs::read_dir(folder).expect("the source is there") {
            let path = file.expect("it can be read").path();
            if path.is_dir() {
                names(&path, word, into);
            } else if path.file_name().is_some_and(|name| name != "marks.rs") {
                let text = std::fs::read_to_string(&path).expect("it can be read");
                into.extend(text.split(word).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned));
            }
        }
    }

    #[test]
    fn every_rare_branch_has_its_test() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let (mut marks, mut covered) = (BTreeSet::new(), BTreeSet::new());
        names(&source, "mark!(\"", &mut marks);
        names(&source, "covers!(\"", &mut covered);
        assert!(marks.len() >= 8, "{marks:?}");
        assert_eq!(marks, covered, "marks without a test, or tests of marks that are gone");
    }

    #[test]
    #[should_panic(expected = "the branch was not taken")]
    fn a_test_fails_whose_branch_is_not_taken() {
        covers!("never");
        hit("another");
    }
}
