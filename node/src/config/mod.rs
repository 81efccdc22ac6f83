//! Settings: a file, the environment, and defaults that are written out in full.
//!
//! Later wins: defaults, then `config.toml` in the data folder (or the file named with `--config`), then variables
//! such as `TIDINGS_HTTP_LISTEN`. An unknown key is an error, because a misspelled setting that is silently ignored is
//! worse than a node that does not start.

mod check;
mod error;
mod load;
mod schema;
mod text;

pub(crate) use load::{Loaded, load};
pub(crate) use schema::{Config, Dht, Durability, Http, Log, LogFormat, Transport};
pub(crate) use text::{effective, template};

#[cfg(test)]
mod tests {
    use super::*;
    use tidings_ledger::announcement::MAX_ANNOUNCEMENT;
    use tidings_ledger::entry::limits;
    use tidings_ledger::replica::Limits;

    #[test]
    fn the_limits_that_operators_read_of_are_those_in_force() {
        const PAGE: &str = include_str!("../../../docs/operations.md");
        const KIB: usize = 1 << 10;
        const MIB: u64 = 1 << 20;
        let (ledger, daemon) = (Limits::default(), tidings_transport_kubo::LimitsConfig::default());
        let Config { p2p, http, kubo, .. } = Config::default();
        for (what, limit) in [
            ("an entry: header, whole file", format!("{} KiB, {} MiB", limits::HEADER / KIB, limits::FILE / KIB / KIB)),
            ("an announcement", format!("{} KiB", MAX_ANNOUNCEMENT / KIB)),
            ("topics held", thousands(ledger.topics as u64)),
            ("channels that a mirror joins for others", thousands(ledger.channels as u64)),
            ("pulls at once", thousands(ledger.pulls as u64)),
            ("entries from the future kept aside", thousands(ledger.deferred as u64)),
            ("old folder nodes kept for peers that still fetch them", thousands(ledger.dead_nodes)),
            ("connections", p2p.max_peers.to_string()),
            (
                "over Kubo: channels, blocks asked for at once, a call",
                format!("{}, {}, {} s", thousands(kubo.max_channels), 4 * daemon.fetches, kubo.timeout_seconds),
            ),
            (
                "HTTP request body, attached file",
                format!("{} MiB, {} GiB", http.max_body_bytes / MIB, http.max_attachment_bytes / MIB / 1024),
            ),
            ("HTTP connections, live streams", format!("{}, {}", http.max_connections, http.max_streams)),
        ] {
            let row = format!("| {what} | {limit} |");
            assert!(PAGE.contains(&row), "docs/operations.md does not say {row}");
        }
    }

    fn thousands(number: u64) -> String {
        let digits = number.to_string();
        let groups: Vec<&str> =
            digits.as_bytes().rchunks(3).rev().filter_map(|group| str::from_utf8(group).ok()).collect();
        groups.join(",")
    }
}
