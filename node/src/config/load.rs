//! From file and environment to settings.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::check::problems;
use super::error::{explain, unknown};
use super::schema::{Config, SECTIONS, SETTINGS};
use crate::exit::{Exit, Failure};

/// Settings longer than this are no settings.
const MAX_FILE: u64 = 1 << 20;

/// Settings, and where each came from.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// What holds.
    pub(crate) config: Config,
    /// Where what is not a default came from, by `section.key`.
    pub(crate) sources: BTreeMap<String, Source>,
}

/// Where a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// The file.
    File(PathBuf),
    /// A variable of the environment.
    Environment(String),
}

/// Reads the file, if there is one, and the environment; checks everything. A file that was asked for by name must
/// exist.
pub(crate) fn load(
    path: &Path,
    must_exist: bool,
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Loaded, Failure> {
    let mut sources = BTreeMap::new();
    let text = read(path, must_exist)?;
    let config: Config = toml::from_str(&text).map_err(|error| explain(path, &text, &error))?;
    let written: Table = toml::from_str(&text).map_err(|error| explain(path, &text, &error))?;
    for (section, keys) in written.iter().filter_map(|(name, value)| Some((name, value.as_table()?))) {
        for key in keys.keys() {
            sources.insert(format!("{section}.{key}"), Source::File(path.to_owned()));
        }
    }
    let config = override_from(environment, config, &mut sources)?;
    match problems(&config).as_slice() {
        [] => Ok(Loaded { config, sources }),
        found => {
            let lines: Vec<String> =
                found.iter().map(|p| format!("{}{}: {}", p.key, origin(&sources, p.key), p.text)).collect();
            Err(Failure::new(Exit::Usage, lines.join("\n")).hint("tidings config show explains every setting"))
        }
    }
}

fn origin(sources: &BTreeMap<String, Source>, key: &str) -> String {
    match sources.get(key) {
        Some(Source::File(path)) => format!(" ({})", path.display()),
        Some(Source::Environment(name)) => format!(" ({name})"),
        None => String::new(),
    }
}

fn read(path: &Path, must_exist: bool) -> Result<String, Failure> {
    match std::fs::metadata(path) {
        Ok(meta) if meta.len() > MAX_FILE => {
            Err(Failure::new(Exit::Usage, format!("{} is too large for a file of settings", path.display())))
        }
        Ok(_) => std::fs::read_to_string(path).map_err(|error| Failure::io("read", path, &error)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => Ok(String::new()),
        Err(error) => Err(Failure::io("read", path, &error)),
    }
}

/// Applies variables such as `TIDINGS_HTTP_LISTEN`. Variables that begin with `TIDINGS_` and the name of a table must
/// name a setting; others (`TIDINGS_DATA`, `TIDINGS_PASSPHRASE`) are not settings.
fn override_from(
    environment: impl Iterator<Item = (OsString, OsString)>,
    config: Config,
    sources: &mut BTreeMap<String, Source>,
) -> Result<Config, Failure> {
    let mut table = Table::try_from(&config).map_err(|error| Failure::new(Exit::Failed, error))?;
    let mut changed = false;
    for (name, value) in environment {
        let Some((variable, section, key)) = name.to_str().and_then(setting_of) else { continue };
        let known = SETTINGS.iter().any(|setting| setting.section == section && setting.key == key);
        if !known {
            return Err(unknown(&format!("environment variable {variable}"), Some(section), &key));
        }
        let text = value
            .to_str()
            .ok_or_else(|| Failure::new(Exit::Usage, format!("environment variable {variable} is not UTF-8")))?;
        let slot = table.get_mut(section).and_then(Value::as_table_mut).and_then(|table| table.get_mut(&key));
        if let Some(slot) = slot {
            *slot = typed(slot, text).map_err(|wanted| {
                Failure::new(Exit::Usage, format!("environment variable {variable}: {text:?} is not {wanted}"))
            })?;
            changed = true;
            sources.insert(format!("{section}.{key}"), Source::Environment(variable.to_owned()));
        }
    }
    if !changed {
        return Ok(config);
    }
    table.try_into().map_err(|error: toml::de::Error| {
        Failure::new(Exit::Usage, format!("environment: {}", error.message()))
            .hint("tidings config show prints every setting with its meaning and its default")
    })
}

/// The table and key that a variable names.
fn setting_of(variable: &str) -> Option<(&str, &'static str, String)> {
    let rest = variable.strip_prefix("TIDINGS_")?;
    let (section, _) = SECTIONS.iter().find(|(name, _)| {
        rest.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name))
            && rest[name.len()..].starts_with('_')
    })?;
    Some((variable, section, rest[section.len() + 1..].to_lowercase()))
}

/// A variable's text as a value of the kind that the setting has; lists are separated by commas.
fn typed(like: &Value, text: &str) -> Result<Value, &'static str> {
    match like {
        Value::Boolean(_) => match text.to_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(Value::Boolean(true)),
            "false" | "0" | "no" | "off" => Ok(Value::Boolean(false)),
            _ => Err("true or false"),
        },
        Value::Integer(_) => text.trim().parse().map(Value::Integer).map_err(|_| "a whole number"),
        Value::Array(_) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Ok(Value::Array(items.map(|item| Value::String(item.to_owned())).collect()))
        }
        _ => Ok(Value::String(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_text(text: &str) -> Result<Loaded, Failure> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("config.toml");
        std::fs::write(&path, text).expect("the file can be written");
        load(&path, true, std::iter::empty())
    }

    fn with(name: &str, value: &str) -> Result<Loaded, Failure> {
        load(Path::new("/nonexistent"), false, std::iter::once((name.into(), value.into())))
    }

    #[test]
    fn a_misspelled_key_is_named_with_its_line_and_the_right_one() {
        let failure = from_text("# hello\n[http]\nlistne = \"127.0.0.1:1\"\n").expect_err("no such key");
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.message.contains("line 3") && failure.message.contains("http.listne"), "{failure}");
        assert_eq!(failure.hint.as_deref(), Some("did you mean http.listen?"));
    }

    #[test]
    fn a_misspelled_table_and_a_key_in_the_wrong_one_are_explained() {
        let failure = from_text("[htpp]\n").expect_err("no such table");
        assert!(failure.hint.as_deref().is_some_and(|hint| hint.contains("[http]")), "{failure}");
        let failure = from_text("[http]\nmirror = true\n").expect_err("it is elsewhere");
        assert_eq!(failure.hint.as_deref(), Some("did you mean node.mirror?"));
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_named_with_its_line() {
        let failure = from_text("[log]\nlevel = 5\n").expect_err("not a text");
        assert!(failure.message.contains("line 2: log.level"), "{failure}");
        assert!(from_text("[log]\nlevel = \n").expect_err("no value").message.contains("line 2"));
    }

    #[test]
    fn every_senseless_value_is_reported_at_once() {
        let failure =
            from_text("[http]\nlisten = \"here\"\ncors = [\"example.org\"]\nmax_streams = 0\n").expect_err("bad");
        for key in ["http.listen", "http.cors", "http.max_streams"] {
            assert!(failure.message.contains(key), "{key} is not in: {failure}");
        }
    }

    #[test]
    fn the_environment_wins_and_is_held_to_the_same_rules() {
        let loaded = with("TIDINGS_HTTP_LISTEN", "127.0.0.1:9").expect("a setting");
        assert_eq!(loaded.config.http.listen, "127.0.0.1:9");
        assert_eq!(loaded.sources["http.listen"], Source::Environment("TIDINGS_HTTP_LISTEN".into()));
        assert_eq!(with("TIDINGS_P2P_PEERS", "/a/p2p/x, /b/p2p/y").expect("a list").config.p2p.peers.len(), 2);
        assert!(with("TIDINGS_HTTP_LISTN", "x").expect_err("unknown").hint.is_some_and(|h| h.contains("http.listen")));
        assert!(with("TIDINGS_NODE_MIRROR", "maybe").expect_err("not a bool").message.contains("true or false"));
        assert!(with("TIDINGS_LOG_FORMAT", "xml").expect_err("not a format").message.contains("xml"));
        assert_eq!(with("TIDINGS_DATA", "x").expect("not a setting").config, Config::default());
    }
}
