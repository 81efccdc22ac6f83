//! Scenario files: read, checked, and bent to other sizes.

mod check;
mod error;
mod schema;
mod units;
mod who;

pub use error::ScenarioError;
pub use schema::{Event, Expect, Group, Instead, LinkKeys, Network, Phase, Posts, Scenario, Shape, Topic, What};
pub use units::{Bandwidth, Between, Often, Part, Shift, Size, Span};
pub use who::Who;

use toml::Table;

/// A file longer than this is no scenario.
pub const MAX_FILE: usize = 1 << 20;

impl Scenario {
    /// Reads a scenario and checks that it makes sense.
    pub fn parse(text: &str) -> Result<Scenario, ScenarioError> {
        let scenario: Scenario = toml::from_str(text).map_err(|error| ScenarioError::explain(text, &error))?;
        scenario.check(text)?;
        Ok(scenario)
    }

    /// Reads a scenario in which some keys have other values: `("link.loss", "\"30 %\"")`.
    pub fn parse_with(text: &str, changes: &[(String, String)]) -> Result<Scenario, ScenarioError> {
        let scenario = Self::parse(text)?;
        if changes.is_empty() {
            return Ok(scenario);
        }
        let mut table: Table = toml::from_str(text).map_err(|error| ScenarioError::explain(text, &error))?;
        for (key, value) in changes {
            set(&mut table, key, value)?;
        }
        let changed = table.to_string();
        Self::parse(&changed).map_err(|error| ScenarioError { line: None, ..error }.hint_if_none("see what you --set"))
    }

    /// The same with so many nodes: the largest group gets more or fewer.
    pub fn resized(mut self, nodes: usize) -> Result<Scenario, ScenarioError> {
        let all: usize = self.group.iter().map(|group| group.count).sum();
        let Some(largest) = self.group.iter_mut().max_by_key(|group| group.count) else { return Ok(self) };
        let others = all - largest.count;
        if nodes <= others {
            let message = format!("{nodes} are too few: the other groups alone have {others}");
            return Err(ScenarioError::at("nodes", message));
        }
        largest.count = nodes - others;
        self.check("")?;
        Ok(self)
    }

    /// How many nodes it has.
    pub fn nodes(&self) -> usize {
        self.group.iter().map(|group| group.count).sum()
    }
}

impl ScenarioError {
    fn hint_if_none(mut self, hint: &str) -> Self {
        self.hint.get_or_insert_with(|| hint.to_owned());
        self
    }
}

/// Sets `table.key` or `list.2.key`; what is no number or list is text.
fn set(table: &mut Table, key: &str, value: &str) -> Result<(), ScenarioError> {
    let no_such = |what: &str| {
        ScenarioError::at(key, format!("there is no {what}, so nothing can be set in it"))
            .hint("name one of a list by its number, from 1, as in event.1.for")
    };
    let parsed = format!("value = {value}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
    let value = parsed.unwrap_or_else(|| toml::Value::String(value.to_owned()));
    let Some((path, last)) = key.rsplit_once('.') else {
        table.insert(key.to_owned(), value);
        return Ok(());
    };
    let mut parts = path.split('.');
    let first = parts.next().unwrap_or_default();
    let mut place = table.entry(first).or_insert_with(|| toml::Value::Table(Table::new()));
    for part in parts {
        place = match place {
            toml::Value::Array(list) => part
                .parse::<usize>()
                .ok()
                .and_then(|at| list.get_mut(at.wrapping_sub(1)))
                .ok_or_else(|| no_such(part))?,
            toml::Value::Table(table) => table.entry(part).or_insert_with(|| toml::Value::Table(Table::new())),
            _ => return Err(no_such(part)),
        };
    }
    let inner = place.as_table_mut().ok_or_else(|| no_such(path))?;
    inner.insert(last.to_owned(), value);
    Ok(())
}
