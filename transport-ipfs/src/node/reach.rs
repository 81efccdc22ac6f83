//! Which addresses mean something to whom.

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

/// Whether the address is of use on this machine or local network only.
pub(super) fn is_local(address: &Multiaddr) -> bool {
    match address.iter().next() {
        Some(Protocol::Ip4(ip)) => {
            let carrier_grade = ip.octets()[0] == 100 && (64..128).contains(&ip.octets()[1]);
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified() || carrier_grade
        }
        Some(Protocol::Ip6(ip)) => {
            ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local() || ip.is_unicast_link_local()
        }
        _ => false,
    }
}

/// Whether the address can be reached from this machine only.
pub(super) fn is_loopback(address: &Multiaddr) -> bool {
    let relayed = address.iter().any(|part| part == Protocol::P2pCircuit);
    match address.iter().next() {
        Some(Protocol::Ip4(ip)) => ip.is_loopback() && !relayed,
        Some(Protocol::Ip6(ip)) => ip.is_loopback() && !relayed,
        _ => false,
    }
}
