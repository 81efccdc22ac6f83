//! Every ready scenario, as it is shipped.

use std::sync::{Arc, Mutex};

use tidings_simulator::{Options, READY, Report, Scenario, run};

/// A run with everything kept that a run can give.
fn everything(text: &str, seed: u64, nodes: Option<usize>) -> (Report, String, Vec<String>) {
    let mut scenario = Scenario::parse(text).expect("it is shipped");
    if let Some(nodes) = nodes {
        scenario = scenario.resized(nodes).expect("it fits");
    }
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = lines.clone();
    let trace = Box::new(move |line: &str| kept.lock().expect("one thread").push(line.to_owned()));
    let report = run(&scenario, seed, Options { trace: Some(trace), film: true, ..Options::default() }, &mut |_| {})
        .expect("it runs");
    let page = report.to_html().expect("a film was kept");
    let lines = std::mem::take(&mut *lines.lock().expect("one thread"));
    (report, page, lines)
}

/// Runs it twice, with so many nodes if a number is given: the same comes of it, to the byte, and it is what is expected.
fn twice(name: &str, nodes: Option<usize>) {
    let ready = tidings_simulator::ready(name).expect("it is there");
    let (first, page, lines) = everything(ready.text, 1, nodes);
    println!("{}", first.to_text());
    assert!(first.is_good(), "{name} does not do what it says");
    assert_eq!(first.remarks, Vec::<String>::new(), "{name} is not as it should be");
    let (again, page_again, lines_again) = everything(ready.text, 1, nodes);
    assert_eq!(first.to_text(), again.to_text());
    let json = |report: &Report| serde_json::to_string(report).expect("figures");
    assert_eq!(json(&first), json(&again));
    assert!(lines == lines_again, "the logs of two runs differ");
    assert!(page == page_again, "the pages of two runs differ");
    assert!(page.len() < 2_000_000, "the page has {} bytes", page.len());
    assert!(!page.contains("http://") && !page.contains("src=\""), "the page asks for something from elsewhere");
}

#[test]
fn comment_site_runs_the_same_twice_and_meets_its_expectations() {
    twice("comment-site", None);
}

/// All five hundred take a while; these do the same things.
#[test]
fn conference_room_runs_the_same_twice_and_meets_its_expectations() {
    twice("conference-room", Some(120));
}

#[test]
fn week_offline_runs_the_same_twice_and_meets_its_expectations() {
    twice("week-offline", None);
}

#[test]
fn lossy_runs_the_same_twice_and_meets_its_expectations() {
    twice("lossy", None);
}

#[test]
fn hostile_flood_runs_the_same_twice_and_meets_its_expectations() {
    twice("hostile-flood", None);
}

/// Once, and without a film: what is shipped holds what it promises.
#[test]
fn five_hundred_in_a_room_meet_their_expectations() {
    let ready = tidings_simulator::ready("conference-room").expect("it is there");
    let scenario = Scenario::parse(ready.text).expect("it is shipped");
    let report = run(&scenario, 1, Options::default(), &mut |_| {}).expect("it runs");
    println!("{}", report.to_text());
    assert!(report.is_good() && report.nodes == 500);
}

#[test]
fn another_seed_is_another_run() {
    let ready = tidings_simulator::ready("week-offline").expect("it is there");
    assert_ne!(everything(ready.text, 1, None).0.trace, everything(ready.text, 2, None).0.trace);
}

#[test]
fn every_ready_scenario_has_a_name_of_its_own_and_says_what_it_is_about() {
    for ready in READY {
        let scenario = Scenario::parse(ready.text).expect("it is shipped");
        assert!(!scenario.about.is_empty(), "{} is not explained", ready.name);
        assert_eq!(READY.iter().filter(|other| other.name == ready.name).count(), 1);
    }
}
