//! Finding others, and being found: provider records in the DHT.
//!
//! A member of a network provides the network's CID and looks for others there. Roots are provided within a budget,
//! the newest wishes first, and renewed before the records expire. There are two tables, as in Kubo: the public one and
//! that of the local network.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use cid::Cid;
use libp2p::kad::store::MemoryStore;
use libp2p::kad::{self, GetProvidersOk, QueryId, QueryResult, RecordKey};
use libp2p::{Multiaddr, PeerId};

use super::reach;
use super::stack::Stack;
use crate::config::ProvideConfig;

/// While few peers are known, new ones should learn of us, and we of theirs, soon; but not each by itself.
const SOON: Duration = Duration::from_millis(500);
/// The least time between two searches.
const LEAST_PAUSE: Duration = Duration::from_secs(3);
/// Searches under way.
const MAX_QUERIES: usize = 64;

type Kad = kad::Behaviour<MemoryStore>;

/// Which of the two tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Table {
    Lan,
    Wan,
}

/// Searches and records.
#[derive(Debug)]
pub(super) struct Discovery {
    network: Cid,
    config: ProvideConfig,
    /// Roots to make known, the newest wish first.
    wish: Vec<Cid>,
    /// What was made known, and when.
    done: HashMap<Cid, Instant>,
    searches: HashMap<(Table, QueryId), Cid>,
    provides: HashMap<(Table, QueryId), Cid>,
    /// Peers whose addresses are looked for.
    located: HashMap<(Table, QueryId), PeerId>,
    next_search: Instant,
    last_search: Option<Instant>,
    /// Records that may be sent now, by the budget.
    allowance: f64,
    last_tick: Instant,
}

/// What a search brought.
pub(super) enum Found {
    /// Peers that provide something.
    Providers { cid: Cid, providers: Vec<PeerId> },
    /// Where a peer is.
    Peer { peer: PeerId, addresses: Vec<Multiaddr> },
}

impl Discovery {
    pub(super) fn new(network: Cid, config: ProvideConfig, now: Instant) -> Self {
        Discovery {
            network,
            config,
            wish: Vec::new(),
            done: HashMap::new(),
            searches: HashMap::new(),
            provides: HashMap::new(),
            located: HashMap::new(),
            next_search: now,
            last_search: None,
            allowance: 1.0,
            last_tick: now,
        }
    }

    /// The roots to make known from now on.
    pub(super) fn wish(&mut self, mut roots: Vec<Cid>, stack: &mut Stack) {
        roots.truncate(self.config.roots);
        for old in self.wish.iter().filter(|old| !roots.contains(old)) {
            self.done.remove(old);
            for (_, kad) in tables(stack) {
                kad.stop_providing(&key(old));
            }
        }
        self.wish = roots;
    }

    /// Looks for providers.
    pub(super) fn search(&mut self, cid: Cid, stack: &mut Stack) {
        for (table, kad) in tables(stack) {
            if self.searches.len() < MAX_QUERIES && has_peers(kad) {
                let id = kad.get_providers(key(&cid));
                self.searches.insert((table, id), cid);
            }
        }
    }

    /// Looks for a peer's addresses.
    pub(super) fn locate(&mut self, peer: PeerId, stack: &mut Stack) {
        if self.located.len() >= MAX_QUERIES || self.located.values().any(|known| *known == peer) {
            return;
        }
        for (table, kad) in tables(stack) {
            if has_peers(kad) {
                let id = kad.get_closest_peers(peer);
                self.located.insert((table, id), peer);
            }
        }
    }

    /// Time passed: search and provide what is due.
    pub(super) fn tick(&mut self, stack: &mut Stack, members: usize, now: Instant) {
        let elapsed = now.saturating_duration_since(self.last_tick);
        self.last_tick = now;
        let rate = f64::from(self.config.per_minute) / 60.0;
        self.allowance =
            (self.allowance + elapsed.as_secs_f64() * rate).min(f64::from(self.config.per_minute).max(1.0));
        if !tables(stack).any(|(_, kad)| has_peers(kad)) {
            return;
        }
        self.provide_due(stack, now);
        if self.config.network && now >= self.next_search {
            self.last_search = Some(now);
            let calm = if members >= self.config.enough_members { 4 } else { 1 };
            self.next_search = now + Duration::from_secs(self.config.search_seconds.max(1)) * calm;
            self.search(self.network, stack);
        }
    }

    /// Something happened in a table.
    pub(super) fn on_event(&mut self, table: Table, event: kad::Event, members: usize, now: Instant) -> Option<Found> {
        match event {
            kad::Event::RoutingUpdated { is_new_peer: true, .. } => {
                self.on_new_peer(members, now);
                None
            }
            kad::Event::OutboundQueryProgressed { id, result, step, .. } => {
                let found = self.on_result(table, id, result, members);
                if step.last {
                    self.searches.remove(&(table, id));
                    self.provides.remove(&(table, id));
                    self.located.remove(&(table, id));
                }
                found
            }
            _ => None,
        }
    }

    fn on_result(&mut self, table: Table, id: QueryId, result: QueryResult, members: usize) -> Option<Found> {
        match result {
            QueryResult::GetProviders(Ok(GetProvidersOk::FoundProviders { providers, .. })) => {
                let cid = *self.searches.get(&(table, id))?;
                if cid == self.network && members >= self.config.enough_members {
                    return None;
                }
                Some(Found::Providers { cid, providers: providers.into_iter().collect() })
            }
            QueryResult::GetClosestPeers(Ok(closest)) => {
                let peer = *self.located.get(&(table, id))?;
                let found = closest.peers.into_iter().find(|info| info.peer_id == peer)?;
                (!found.addrs.is_empty()).then_some(Found::Peer { peer, addresses: found.addrs })
            }
            QueryResult::StartProviding(Err(error)) => {
                tracing::debug!(?table, %error, "a provider record was not stored");
                if let Some(cid) = self.provides.get(&(table, id)) {
                    self.done.remove(cid);
                }
                None
            }
            _ => None,
        }
    }

    /// A peer of the DHT became known: in a small network it may be the one that knows the others.
    fn on_new_peer(&mut self, members: usize, now: Instant) {
        if members < self.config.enough_members {
            let earliest = self.last_search.map_or(now, |last| last + LEAST_PAUSE);
            self.next_search = self.next_search.min(earliest.max(now + SOON));
            if self.done.get(&self.network).is_some_and(|at| now.duration_since(*at) > LEAST_PAUSE) {
                self.done.remove(&self.network);
            }
        }
    }

    fn provide_due(&mut self, stack: &mut Stack, now: Instant) {
        let network = self.config.network.then_some(self.network);
        let renew = Duration::from_secs(self.config.renew_seconds.max(1));
        let fresh = |done: &HashMap<Cid, Instant>, cid: &Cid| {
            done.get(cid).is_some_and(|at| now.saturating_duration_since(*at) < renew)
        };
        let due: Vec<Cid> = network.into_iter().chain(self.wish.iter().copied()).collect();
        for cid in due.into_iter().filter(|cid| !fresh(&self.done, cid)).collect::<Vec<_>>() {
            if self.allowance < 1.0 || self.provides.len() >= MAX_QUERIES {
                return;
            }
            self.allowance -= 1.0;
            self.done.insert(cid, now);
            for (table, kad) in tables(stack) {
                if !has_peers(kad) {
                    continue;
                }
                match kad.start_providing(key(&cid)) {
                    Ok(id) => drop(self.provides.insert((table, id), cid)),
                    Err(error) => tracing::debug!(?table, %error, "cannot provide"),
                }
            }
        }
    }
}

/// Tells the tables where a peer is: each keeps the addresses that mean something to it.
pub(super) fn learn(stack: &mut Stack, peer: PeerId, address: &Multiaddr, lan: bool, wan: bool) {
    let local = reach::is_local(address);
    if let (true, true, Some(kad)) = (lan, local, stack.lan.as_mut()) {
        kad.add_address(&peer, address.clone());
    }
    if let (true, false, Some(kad)) = (wan, local, stack.wan.as_mut()) {
        kad.add_address(&peer, address.clone());
    }
}

fn tables(stack: &mut Stack) -> impl Iterator<Item = (Table, &mut Kad)> {
    let lan = stack.lan.as_mut().map(|kad| (Table::Lan, kad));
    let wan = stack.wan.as_mut().map(|kad| (Table::Wan, kad));
    lan.into_iter().chain(wan)
}

fn has_peers(kad: &mut Kad) -> bool {
    kad.kbuckets().any(|bucket| !bucket.is_empty())
}

/// Provider records are kept under the multihash, as in Kubo.
fn key(cid: &Cid) -> RecordKey {
    RecordKey::new(&cid.hash().to_bytes())
}
