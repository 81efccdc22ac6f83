//! Hosts of their own on one machine: network namespaces on one switch, each with an address and nothing in common but the wire.

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

/// Namespaces, removed when dropped. They need root and `ip`.
pub struct Hosts {
    name: String,
    count: usize,
    /// The third number of their addresses.
    net: u64,
}

impl Hosts {
    /// So many hosts, at `10.77.N.1`, `10.77.N.2` and so on.
    pub fn new(count: usize) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let net = NUMBER.fetch_add(1, Ordering::Relaxed);
        let this = Hosts { name: format!("tidings-{}-{net}", std::process::id()), count, net };
        let switch = &this.name;
        ip(&format!("netns add {switch}"));
        ip(&format!("-n {switch} link add wires type bridge"));
        ip(&format!("-n {switch} link set wires up"));
        for at in 0..count {
            let (host, port) = (this.host(at), format!("port{at}"));
            ip(&format!("netns add {host}"));
            ip(&format!("-n {host} link set lo up"));
            ip(&format!("-n {switch} link add {port} type veth peer name wire netns {host}"));
            ip(&format!("-n {switch} link set {port} master wires up"));
            ip(&format!("-n {host} addr add {}/24 dev wire", this.address(at)));
            ip(&format!("-n {host} link set wire up"));
        }
        this
    }

    /// The address of a host.
    pub fn address(&self, at: usize) -> String {
        format!("10.77.{}.{}", self.net, at + 1)
    }

    /// What runs a command there.
    pub fn within(&self, at: usize) -> Vec<String> {
        ["ip", "netns", "exec", &self.host(at)].map(str::to_owned).into()
    }

    fn host(&self, at: usize) -> String {
        format!("{}-{at}", self.name)
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for name in (0..self.count).map(|at| self.host(at)).chain([self.name.clone()]) {
            let _ = Command::new("ip").args(["netns", "del", &name]).status();
        }
    }
}

fn ip(args: &str) {
    let ended = Command::new("ip").args(args.split(' ')).output();
    let ended = ended.unwrap_or_else(|error| panic!("ip does not start ({error}); install iproute2"));
    assert!(ended.status.success(), "ip {args}: {} (it takes root)", String::from_utf8_lossy(&ended.stderr).trim());
}
