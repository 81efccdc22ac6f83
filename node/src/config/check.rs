//! Whether settings that read well also make sense.

use std::net::SocketAddr;

use data_encoding::HEXLOWER;

use super::schema::Config;

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The setting, as `section.key`.
    pub(crate) key: &'static str,
    /// What is wrong and what to write.
    pub(crate) text: String,
}

/// Everything that is wrong, not only the first thing.
pub(super) fn problems(config: &Config) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut problem = |key, text: String| found.push(Problem { key, text });
    if !config.node.network.is_empty() && network_id(&config.node.network).is_none() {
        problem("node.network", "a network is 64 lower-case hex digits, or empty for the public one".to_owned());
    }
    if config.node.reannounce_seconds < 5 {
        problem("node.reannounce_seconds", "less than 5 seconds would only make noise".to_owned());
    }
    for (key, list) in [
        ("p2p.listen", &config.p2p.listen),
        ("p2p.announce", &config.p2p.announce),
        ("p2p.peers", &config.p2p.peers),
        ("p2p.bootstrap", &config.p2p.bootstrap),
    ] {
        for address in list.iter().filter(|address| !address.starts_with('/')) {
            problem(key, format!("{address:?} is not a multiaddress; write it as in /ip4/127.0.0.1/tcp/4281"));
        }
    }
    for address in config.p2p.peers.iter().filter(|address| address.starts_with('/') && !address.contains("/p2p/")) {
        problem("p2p.peers", format!("{address:?} names no peer; it must end in /p2p/12D3Koo…"));
    }
    if !["http://", "/ip4/", "/ip6/", "/dns"].iter().any(|start| config.kubo.api.starts_with(start)) {
        problem("kubo.api", format!("{:?} is no address; write it as in http://127.0.0.1:5001", config.kubo.api));
    }
    if config.http.listen.parse::<SocketAddr>().is_err() {
        let text = format!("{:?} is not an address and port; write it as in 127.0.0.1:4280", config.http.listen);
        problem("http.listen", text);
    }
    for origin in config.http.cors.iter().filter(|origin| !is_origin(origin)) {
        problem(
            "http.cors",
            format!("{origin:?} is not an origin; write it as in https://example.org, without a path"),
        );
    }
    for host in config.http.allow_hosts.iter().filter(|host| host.is_empty() || host.contains(['/', ' ', '*'])) {
        problem("http.allow_hosts", format!("{host:?} is not a host name; write it as in node.example.org"));
    }
    for (key, value) in [
        ("http.max_body_bytes", config.http.max_body_bytes),
        ("http.max_attachment_bytes", config.http.max_attachment_bytes),
        ("http.timeout_seconds", config.http.timeout_seconds),
        ("http.max_connections", config.http.max_connections),
        ("http.max_streams", config.http.max_streams),
        ("kubo.timeout_seconds", config.kubo.timeout_seconds),
        ("kubo.max_channels", config.kubo.max_channels),
        ("p2p.max_peers", u64::from(config.p2p.max_peers)),
    ] {
        if value == 0 {
            problem(key, "0 would shut everyone out; write the limit that you want".to_owned());
        }
    }
    if let Err(text) = crate::logs::filter(&config.log.level) {
        problem("log.level", text.trim_start_matches("log.level: ").to_owned());
    }
    found
}

/// The network that 64 hex digits name.
pub(crate) fn network_id(text: &str) -> Option<[u8; 32]> {
    HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()
}

fn is_origin(text: &str) -> bool {
    let parsed = url::Url::parse(text);
    parsed.is_ok_and(|url| url.origin().is_tuple() && url.origin().ascii_serialization() == text)
}

impl Config {
    /// The network to be part of; `None` is the public one.
    pub(crate) fn network(&self) -> Option<[u8; 32]> {
        network_id(&self.node.network)
    }
}
