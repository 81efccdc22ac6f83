//! What is told of a scenario that is wrong: the line, the key, and what was probably meant.

use tidings_simulator::{Scenario, ScenarioError};

const GOOD: &str = "\
name = 'Good'
length = '1 min'

[link]
loss = '5 %'

[[group]]
name = 'readers'
count = 5

[[topic]]
name = 'lobby'

[[posts]]
by = '2 of readers'
every = '10 s'

[[event]]
at = '10 s'
do = 'partition'
who = '2 of readers'
for = '5 s'
";

/// The good file with a line changed.
fn with(from: &str, to: &str) -> ScenarioError {
    assert_eq!(GOOD.matches(from).count(), 1, "{from}");
    Scenario::parse(&GOOD.replace(from, to)).expect_err(to)
}

#[test]
fn the_good_one_is_good() {
    assert_eq!(Scenario::parse(GOOD).map(|scenario| scenario.nodes()), Ok(5));
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest_one() {
    for (from, to, line, key, meant) in [
        ("loss = ", "los = ", 5, "link.los", "loss"),
        ("count = 5", "cuont = 5", 9, "group.cuont", "count"),
        ("length = ", "lenght = ", 2, "lenght", "length"),
        ("every = ", "evry = ", 16, "posts.evry", "every"),
        ("[link]", "[links]", 4, "links", "link"),
        ("for = '5 s'", "fro = '5 s'", 22, "event.fro", "for"),
    ] {
        let error = with(from, to);
        assert_eq!(error.line, Some(line), "{to}: {error}");
        assert_eq!(error.key.as_deref(), Some(key), "{to}: {error}");
        assert!(error.hint.as_deref().is_some_and(|hint| hint.contains(meant)), "{to}: {error}: {:?}", error.hint);
    }
}

#[test]
fn a_value_without_a_unit_is_told_what_to_write() {
    for (from, to, line, example) in [
        ("loss = '5 %'", "loss = '5'", 5, "30 %"),
        ("loss = '5 %'", "loss = 0.05", 5, "30 %"),
        ("loss = '5 %'", "loss = '150 %'", 5, "range"),
        ("length = '1 min'", "length = 60", 2, "40 ms"),
        ("every = '10 s'", "every = '10 sec'", 16, "min"),
        ("by = '2 of readers'", "by = 'some of readers'", 15, "30 % of all"),
    ] {
        let error = with(from, to);
        assert_eq!(error.line, Some(line), "{to}: {error}");
        assert!(error.to_string().contains(example), "{to}: {error}");
    }
}

#[test]
fn what_reads_well_and_makes_no_sense_is_told_where_it_stands() {
    for (from, to, line, why) in [
        ("by = '2 of readers'", "by = '2 of raeders'", 15, "no group"),
        ("by = '2 of readers'", "by = '9 of readers'", 15, "only 5"),
        ("do = 'partition'", "do = 'clock'", 18, "missing"),
        ("for = '5 s'", "loss = '5 %'", 22, "does not take"),
        ("at = '10 s'", "at = '2 min'", 19, "after the end"),
        ("do = 'partition'", "do = 'explode'", 20, "not possible"),
        ("name = 'lobby'", "name = 'http://'", 12, ""),
        ("every = '10 s'", "every = '10 s'\ntopic = 'loby'", 17, "no [[topic]]"),
        ("every = '10 s'", "every = '0 s'", 16, "some length"),
        ("count = 5", "count = 0", 9, "one node"),
        ("name = 'readers'", "name = 'all'", 8, "letters"),
    ] {
        let error = with(from, to);
        assert_eq!(error.line, Some(line), "{to}: {error}");
        assert!(error.to_string().contains(why), "{to}: {error}");
    }
    let error = with("by = '2 of readers'", "by = '2 of raeders'");
    assert_eq!(error.hint.as_deref(), Some("did you mean readers?"));
}

#[test]
fn what_would_take_for_ever_is_refused_before_it_begins() {
    assert!(with("every = '10 s'", "every = '10 us'").to_string().contains("too many"));
    assert!(with("count = 5", "count = 500000").to_string().contains("too many"));
    let flood = "do = 'flood'\nrate = '90000 /s'";
    assert!(with("do = 'partition'", flood).to_string().contains("too many"));
}

#[test]
fn a_key_can_be_changed_from_outside_and_is_checked_all_the_same() {
    let set = |key: &str, value: &str| Scenario::parse_with(GOOD, &[(key.to_owned(), value.to_owned())]);
    assert_eq!(set("group.1.count", "9").map(|scenario| scenario.nodes()), Ok(9));
    assert!(set("link.loss", "30 %").is_ok_and(|scenario| scenario.link.loss.is_some_and(|loss| loss.0 == 0.3)));
    assert!(set("network.shape", "ring").is_ok());
    for (key, value) in [("link.los", "30 %"), ("link.loss", "x"), ("group.7.count", "1"), ("group.count", "1")] {
        let error = set(key, value).expect_err(key);
        assert!(error.line.is_none() && error.hint.is_some(), "{key}: {error}");
    }
}

#[test]
fn a_network_is_resized_by_its_largest_group() {
    let scenario = Scenario::parse(GOOD).expect("good");
    assert_eq!(scenario.clone().resized(200).map(|scenario| scenario.nodes()), Ok(200));
    assert!(scenario.resized(0).is_err());
}

/// The keys of a table: what the parser lists when it meets one that is not there.
fn keys_of(table: &str) -> Vec<String> {
    let (before, inside) = match table {
        "" => ("no_such_key = 1\n".to_owned(), String::new()),
        "network" | "link" | "expect" => (String::new(), format!("[{table}]\nno_such_key = 1\n")),
        list => (String::new(), format!("[[{list}]]\nno_such_key = 1\n")),
    };
    let error = toml::from_str::<Scenario>(&format!("{before}{inside}")).expect_err("there is no such key");
    let quoted: Vec<String> = error.message().split('`').skip(1).step_by(2).map(str::to_owned).collect();
    assert!(quoted.len() > 2 && quoted[0] == "no_such_key", "{table}: {error}");
    quoted[1..].to_vec()
}

#[test]
fn every_key_is_in_the_guide() {
    let guide = include_str!("../../docs/guide/simulate.md");
    for table in ["", "network", "link", "group", "topic", "posts", "event", "phase", "expect"] {
        for key in keys_of(table).iter().filter(|key| !["network", "group", "phase", "event"].contains(&key.as_str())) {
            assert!(guide.contains(&format!("`{key}`")) || guide.contains(&format!("[{key}]")), "{table}.{key}");
        }
    }
}

#[test]
fn the_scenario_in_the_guide_is_one() {
    let guide = include_str!("../../docs/guide/simulate.md");
    let text = guide.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("there is one");
    assert_eq!(Scenario::parse(text).map(|scenario| scenario.nodes()), Ok(12));
}
