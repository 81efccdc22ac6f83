//! Every ready scenario, as it is shipped.

use std::sync::{Arc, Mutex};

use tidings_simulator::{Options, READY, Report, Scenario, run};

/// A run with everything kept that a run can give.
fn everything(text: &str, seed: u64) -> (Report, String, Vec<String>) {
    let scenario = Scenario::parse(text).expect("it is shipped");
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = lines.clone();
    let trace = Box::new(move |line: &str| kept.lock().expect("one thread").push(line.to_owned()));
    let report = run(&scenario, seed, Options { trace: Some(trace), film: true }, &mut |_| {}).expect("it runs");
    let page = report.to_html().expect("a film was kept");
    let lines = std::mem::take(&mut *lines.lock().expect("one thread"));
    (report, page, lines)
}

fn twice(name: &str) {
    let ready = tidings_simulator::ready(name).expect("it is there");
    let (first, page, lines) = everything(ready.text, 1);
    println!("{}", first.to_text());
    assert!(first.is_good(), "{name} does not do what it says");
    assert_eq!(first.remarks, Vec::<String>::new(), "{name} is not as it should be");
    let (again, page_again, lines_again) = everything(ready.text, 1);
    assert_eq!(first.to_text(), again.to_text());
    let json = |report: &Report| serde_json::to_string(report).expect("figures");
    assert_eq!(json(&first), json(&again));
    assert!(lines == lines_again, "the logs of two runs differ");
    assert!(page == page_again, "the pages of two runs differ");
    assert!(page.len() < 2_500_000, "the page has {} bytes", page.len());
}

#[test]
fn comment_site_runs_the_same_twice_and_meets_its_expectations() {
    twice("comment-site");
}

#[test]
fn another_seed_is_another_run() {
    let ready = tidings_simulator::ready("comment-site").expect("it is there");
    assert_ne!(everything(ready.text, 1).0.trace, everything(ready.text, 2).0.trace);
}

#[test]
fn every_ready_scenario_has_a_name_of_its_own_and_says_what_it_is_about() {
    for ready in READY {
        let scenario = Scenario::parse(ready.text).expect("it is shipped");
        assert!(!scenario.about.is_empty(), "{} is not explained", ready.name);
        assert_eq!(READY.iter().filter(|other| other.name == ready.name).count(), 1);
    }
}
