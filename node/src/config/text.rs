//! Settings written out: the file that `config init` makes and what `config show` prints.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::load::Source;
use super::schema::{Config, SECTIONS, SETTINGS};

/// The file to begin with: every setting explained, with its default behind a `#`, so that a later version's better
/// default reaches whoever did not choose otherwise.
pub(crate) fn template() -> String {
    let intro = "# Settings of a Tidings node. What is commented out shows the default.\n\
                 # A variable such as TIDINGS_HTTP_LISTEN wins over this file. After a change: tidings config check\n";
    write(intro, &Config::default(), |_, _| true, |_, _| None)
}

/// What holds now, with where it came from.
pub(crate) fn effective(config: &Config, sources: &BTreeMap<String, Source>) -> String {
    let find = |section: &str, key: &str| sources.get(&format!("{section}.{key}"));
    write(
        "# The settings in effect. What is commented out is the default.\n",
        config,
        |section, key| find(section, key).is_none(),
        |section, key| {
            Some(match find(section, key)? {
                Source::File(path) => format!("from {}", path.display()),
                Source::Environment(name) => format!("from {name}"),
            })
        },
    )
}

fn write(
    intro: &str,
    config: &Config,
    is_default: impl Fn(&str, &str) -> bool,
    note: impl Fn(&str, &str) -> Option<String>,
) -> String {
    let table = Table::try_from(config).unwrap_or_default();
    let mut text = intro.to_owned();
    for (section, about) in SECTIONS {
        text.push_str(&format!("\n# {about}\n[{section}]\n"));
        for setting in SETTINGS.iter().filter(|setting| setting.section == section) {
            let value = table.get(section).and_then(|table| table.get(setting.key));
            text.push('\n');
            for line in setting.about.lines() {
                text.push_str(&format!("# {line}\n"));
            }
            if let Some(note) = note(section, setting.key) {
                text.push_str(&format!("# ({note})\n"));
            }
            let hash = if is_default(section, setting.key) { "#" } else { "" };
            let shown = value.map_or_else(String::new, Value::to_string);
            text.push_str(&format!("{hash}{} = {shown}\n", setting.key));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The template with its defaults switched on.
    fn switched_on() -> String {
        let is_setting =
            |line: &str| line.strip_prefix('#').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()));
        template().lines().map(|line| if is_setting(line) { &line[1..] } else { line }).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_written_out_defaults_are_the_defaults() {
        assert_eq!(toml::from_str::<Config>(&switched_on()).expect("the template parses"), Config::default());
        assert_eq!(toml::from_str::<Config>(&template()).expect("so does the file as written"), Config::default());
    }

    #[test]
    fn no_setting_is_left_out_of_the_file() {
        let table = Table::try_from(Config::default()).expect("settings are a table");
        let mut keys = 0;
        for (section, values) in &table {
            for key in values.as_table().expect("each section is a table").keys() {
                assert!(
                    SETTINGS.iter().any(|s| s.section == section && s.key == key),
                    "{section}.{key} is not explained"
                );
                keys += 1;
            }
        }
        assert_eq!(keys, SETTINGS.len(), "a setting is explained that does not exist");
    }
}
