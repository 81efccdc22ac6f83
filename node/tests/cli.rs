//! The command line as a person meets it, without a node.

mod common;

use common::{Place, files};

#[test]
fn a_first_comment_needs_no_preparation() {
    let place = Place::new();
    assert_eq!(place.run(&["read", "lobby"]).code, 3);
    let id = place.json(&["post", "lobby", "Hello"])["id"].as_str().expect("an id").to_owned();
    let short = &id["bafkrei".len()..][..8];
    place.ok(&["reply", "lobby", short, "Hello to you"]);
    place.ok(&["edit", "lobby", short, "Hello, all"]);
    let text = place.ok(&["read", "lobby"]);
    assert!(text.contains("Hello, all") && text.contains("  Hello to you") && text.contains("edited"), "{text}");
    place.ok(&["redact", "lobby", short]);
    let text = place.ok(&["read", "lobby"]);
    assert!(!text.contains("Hello, all") && text.contains("taken back"), "{text}");
    assert!(place.ok(&["topics"]).contains("lobby"));
}

#[test]
fn wrong_use_is_told_from_failure_by_the_exit_code() {
    let place = Place::new();
    for (arguments, code) in [
        (&["--help"][..], 0),
        (&["post", "--help"], 0),
        (&[], 2),
        (&["nonsense"], 2),
        (&["post", "lobby"], 2),
        (&["id"], 3),
        (&["peers"], 5),
        (&["watch", "lobby"], 5),
        (&["post", "ftp://example.org/", "x"], 4),
        (&["post", "https://user:pw@example.org/", "x"], 4),
        (&["verify", "/nonexistent"], 3),
        (&["import", "/nonexistent"], 3),
    ] {
        let ended = place.run(arguments);
        assert_eq!(ended.code, code, "{arguments:?}: {ended:?}");
        assert!(!ended.err.contains("panicked"), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn errors_are_json_for_machines() {
    let ended = Place::new().run(&["peers", "--json"]);
    let error: serde_json::Value = serde_json::from_str(ended.err.trim()).expect("JSON");
    assert_eq!(error["error"]["code"], "unreachable");
    assert!(error["error"]["hint"].as_str().is_some_and(|hint| hint.contains("tidings serve")));
}

#[test]
fn a_bad_setting_is_named_with_its_line_and_stops_the_start() {
    let place = Place::new();
    place.ok(&["config", "init"]);
    assert_eq!(place.run(&["config", "init"]).code, 4, "an existing file is left alone");
    place.ok(&["config", "check"]);
    let path = place.data().join("config.toml");
    let text = std::fs::read_to_string(&path).expect("written").replace("[http]", "[http]\nlisten_on = 5");
    std::fs::write(&path, &text).expect("it is ours");
    for arguments in [&["config", "check"][..], &["serve"], &["post", "lobby", "x"]] {
        let ended = place.run(arguments);
        assert_eq!(ended.code, 2, "{ended:?}");
        assert!(ended.err.contains("http.listen_on") && ended.err.contains("did you mean http.listen?"), "{ended:?}");
    }
    let ended =
        place.run_with(&["config", "check", "--config", "/dev/null"], &[("TIDINGS_HTTP_LISTEN", "nowhere")], "");
    assert!(ended.code == 2 && ended.err.contains("TIDINGS_HTTP_LISTEN"), "{ended:?}");
}

#[cfg(unix)]
#[test]
fn a_key_that_others_can_read_is_not_used() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    place.ok(&["init"]);
    assert_eq!(place.run(&["init"]).code, 4, "a key is never replaced");
    for name in ["author.key", "token"] {
        let path = place.data().join(name);
        assert_eq!(std::fs::metadata(&path).expect("made").permissions().mode() & 0o777, 0o600, "{name}");
    }
    std::fs::set_permissions(place.data().join("author.key"), PermissionsExt::from_mode(0o644)).expect("ours");
    let ended = place.run(&["post", "lobby", "x"]);
    assert!(ended.code == 4 && ended.err.contains("chmod 600"), "{ended:?}");
}

#[test]
fn an_encrypted_key_needs_its_passphrase() {
    let place = Place::new();
    let right = [("TIDINGS_PASSPHRASE", "korrekt Pferd")];
    assert_eq!(place.run_with(&["init", "--passphrase"], &right, "").code, 0);
    let key = std::fs::read_to_string(place.data().join("author.key")).expect("made");
    assert!(key.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    assert_eq!(place.run_with(&["post", "lobby", "x"], &right, "").code, 0);
    assert_eq!(place.run_with(&["post", "lobby", "x"], &[("TIDINGS_PASSPHRASE", "wrong")], "").code, 4);
    assert_eq!(place.run(&["post", "lobby", "x"]).code, 4, "nobody to ask");
}

#[test]
fn bad_rows_are_named_by_line_and_the_rest_is_imported() {
    let place = Place::new();
    let long = "x".repeat(1_100_000);
    let rows = format!(
        "{{\"url\":\"https://example.org/a\",\"author\":\"ann\",\"time\":1700000000000,\"text\":\"one\"}}\n\
         not json\n\
         \n\
         {{\"url\":\"mailto://x\",\"author\":\"ann\",\"text\":\"bad topic\"}}\n\
         {{\"url\":\"lobby\",\"author\":\"bob\"}}\n\
         {{\"url\":\"lobby\",\"author\":\"bob\",\"text\":\"{long}\"}}\n\
         {{\"url\":\"lobby\",\"author\":\"bob\",\"time\":99999999999999999,\"text\":\"too late\"}}\n\
         \u{0}\u{1}\u{2}\n\
         {{\"url\":\"lobby\",\"author\":\"bob\",\"text\":\"two\"}}"
    );
    let file = place.path("rows.jsonl");
    std::fs::write(&file, rows).expect("ours");
    let file = file.to_str().expect("UTF-8");
    let ended = place.run(&["import", file, "--test-keys", "--json"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let sum: serde_json::Value = serde_json::from_str(ended.out.trim()).expect("JSON");
    assert_eq!((&sum["imported"], &sum["bad"]), (&2.into(), &6.into()), "{ended:?}");
    for line in [2, 4, 5, 6, 7, 8] {
        assert!(ended.err.contains(&format!("line {line}:")), "line {line} is not named: {}", ended.err);
    }
    assert!(place.ok(&["read", "lobby"]).contains("two"));
}

#[test]
fn importing_a_file_again_writes_nothing_twice() {
    let place = Place::new();
    let row = |time: u64, text: &str| {
        format!("{{\"url\":\"lobby\",\"author\":\"ann\",\"time\":{time},\"text\":\"{text}\"}}\n")
    };
    let first = row(1_700_000_000_000, "one") + &row(1_700_000_000_000, "two") + &row(1_700_000_000_001, "one");
    let import = |rows: &str| {
        let ended = place.run_with(&["import", "-", "--test-keys", "--json"], &[], rows);
        assert_eq!(ended.code, 0, "{ended:?}");
        let sum: serde_json::Value = serde_json::from_str(ended.out.trim()).expect("JSON");
        (sum["imported"].as_u64(), sum["known"].as_u64())
    };
    assert_eq!(import(&first), (Some(3), Some(0)));
    let other = row(1_700_000_000_000, "three").replace("ann", "bob");
    assert_eq!(import(&(first + &row(1_700_000_000_000, "three") + &other)), (Some(2), Some(3)));
}

#[test]
fn nobody_signs_for_a_pseudonym_unless_told_to() {
    let place = Place::new();
    let rows = "{\"url\":\"lobby\",\"author\":\"ann\",\"text\":\"not hers\"}\n";
    let ended = place.run_with(&["import", "-"], &[], rows);
    assert!(ended.code == 4 && ended.err.contains("--test-keys"), "{ended:?}");
    assert_eq!(place.run(&["read", "lobby"]).code, 3, "nothing was written");
    let ended = place.run_with(&["import", "-"], &[], "{\"url\":\"lobby\",\"text\":\"mine\"}\n");
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(place.ok(&["read", "lobby"]).contains("mine"));
}

#[test]
fn a_gzipped_file_that_ends_too_early_is_an_error_and_not_a_success() {
    use std::io::Write;
    let place = Place::new();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for number in 0..5000 {
        writeln!(packed, "{{\"url\":\"lobby\",\"text\":\"comment {number}\"}}").expect("memory");
    }
    let packed = packed.finish().expect("memory");
    let file = place.path("rows.jsonl.gz");
    std::fs::write(&file, &packed[..packed.len() / 2]).expect("ours");
    let ended = place.run(&["import", file.to_str().expect("UTF-8")]);
    assert!(ended.code != 0 && !ended.err.contains("panicked"), "{ended:?}");
    std::fs::write(&file, &packed).expect("ours");
    assert_eq!(place.run(&["import", file.to_str().expect("UTF-8")]).code, 0);
}

#[test]
fn what_is_exported_verifies_and_comes_back_the_same() {
    let place = Place::new();
    let note = place.path("note.txt");
    std::fs::write(&note, "attached").expect("ours");
    for number in 0..100 {
        let row = format!("{{\"url\":\"lobby\",\"text\":\"comment {number}\"}}\n");
        assert_eq!(place.run_with(&["import", "-"], &[], &row).code, 0);
    }
    place.ok(&["post", "lobby", "with a file", "--attach", note.to_str().expect("UTF-8")]);
    let catalog = place.json(&["status"])["ledger"]["catalog"].clone();
    let (car, folder) = (place.path("lobby.car"), place.path("lobby"));
    let (car, folder) = (car.to_str().expect("UTF-8"), folder.to_str().expect("UTF-8"));
    place.ok(&["export", "lobby", car]);
    place.ok(&["export", "lobby", folder]);
    assert_eq!(place.run(&["export", "lobby", car]).code, 4, "an existing file is left alone");
    let report = place.json(&["verify", folder]);
    assert_eq!((&report["good"], &report["bad"]), (&101.into(), &0.into()), "{report}");
    assert_eq!(report["attachments"], 1, "{report}");
    for source in [car, folder] {
        let other = Place::new();
        other.ok(&["import", source]);
        assert_eq!(other.json(&["status"])["ledger"]["catalog"], catalog, "from {source}");
        let again = other.json(&["import", source]);
        assert_eq!((&again["new"], &again["known"]), (&0.into(), &101.into()), "from {source}");
    }
}

#[test]
fn a_changed_file_does_not_verify_and_is_not_imported() {
    let place = Place::new();
    place.ok(&["post", "lobby", "the truth"]);
    let folder = place.path("lobby");
    place.ok(&["export", "lobby", folder.to_str().expect("UTF-8")]);
    let file = files(&folder).pop().expect("one file");
    let mut bytes = std::fs::read(&file).expect("readable");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&file, bytes).expect("ours");
    assert_eq!(place.run(&["verify", folder.to_str().expect("UTF-8")]).code, 4);
    let other = Place::new();
    assert_eq!(other.run(&["import", folder.to_str().expect("UTF-8")]).code, 4);
}

#[test]
fn garbage_in_any_file_is_an_error_and_never_a_panic() {
    let place = Place::new();
    place.ok(&["init"]);
    let garbage: Vec<u8> = (0..5000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for name in ["garbage.car", "garbage.jsonl.gz", "garbage.jsonl", "garbage"] {
        let path = place.path(name);
        std::fs::write(&path, &garbage).expect("ours");
        let path = path.to_str().expect("UTF-8");
        for command in ["import", "verify"] {
            let ended = place.run(&[command, path]);
            assert!(!ended.err.contains("panicked"), "{command} {name}: {ended:?}");
        }
    }
    let key = place.data().join("author.key");
    std::fs::write(&key, &garbage).expect("ours");
    let ended = place.run(&["id"]);
    assert!(ended.code != 0 && !ended.err.contains("panicked"), "{ended:?}");
    let config = place.data().join("config.toml");
    std::fs::write(&config, &garbage).expect("ours");
    let ended = place.run(&["config", "check"]);
    assert!(ended.code != 0 && !ended.err.contains("panicked"), "{ended:?}");
}

#[test]
fn a_comment_cannot_steer_the_terminal() {
    let place = Place::new();
    place.ok(&["post", "lobby", "a\u{1b}[2Jb\u{202e}c"]);
    let text = place.ok(&["read", "lobby"]);
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text:?}");
}

#[test]
fn completions_and_manual_pages_are_made_from_the_commands() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(place.ok(&["completions", shell]).contains("tidings"), "{shell}");
    }
    assert!(place.ok(&["man"]).contains(".TH tidings 1"));
    let folder = place.path("man");
    place.ok(&["man", folder.to_str().expect("UTF-8")]);
    assert!(files(&folder).iter().any(|path| path.ends_with("tidings-post.1")));
}

#[test]
fn a_simulation_says_by_its_exit_code_whether_expectations_were_met() {
    let place = Place::new();
    let scenario = |p50: &str, key: &str| {
        let text = format!(
            "name = \"Two that meet\"\nlength = \"10 s\"\n[[group]]\nname = \"people\"\n{key} = 2\n\
             [[topic]]\nname = \"room:two\"\n[[posts]]\nby = \"people\"\nevery = \"2 s\"\n[expect]\np50 = \"{p50}\"\n"
        );
        let file = place.path("two.toml");
        std::fs::write(&file, text).expect("ours");
        place.run(&["sim", file.to_str().expect("UTF-8"), "--seed", "3"])
    };
    let met = scenario("10 s", "count");
    assert!(met.code == 0 && met.out.contains("Two that meet"), "{met:?}");
    assert_eq!(met.out, scenario("10 s", "count").out, "one seed, one outcome");
    assert_eq!(scenario("1 ms", "count").code, 1, "a mesh is not as fast");
    let misspelt = scenario("10 s", "cuont");
    assert!(misspelt.code == 2 && misspelt.err.contains("line 5") && misspelt.err.contains("count"), "{misspelt:?}");
    assert_eq!(place.run(&["sim", "no-such-scenario"]).code, 3);
}
