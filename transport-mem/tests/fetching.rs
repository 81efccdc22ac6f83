//! Who is asked for a block, and when again: what a network that loses requests must still bring.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cid::Cid;
use futures::{FutureExt, StreamExt};
use tidings_ledger::content::raw_cid;
use tidings_ledger::store::StoreError;
use tidings_ledger::transport::{Blocks, Fetch, FetchStream, Want};
use tidings_transport_mem::{Kind, Limits, Link, NoBlocks, PeerId, Setup, World};

struct Shelf(BTreeMap<Cid, Bytes>);

impl Blocks for Shelf {
    fn get(&self, cid: &Cid) -> Result<Option<Bytes>, StoreError> {
        Ok(self.0.get(cid).cloned())
    }
}

/// One who asks, one who holds the block, and one who lacks it; not connected yet.
struct Stage {
    world: World,
    asker: PeerId,
    holder: PeerId,
    other: PeerId,
    block: Cid,
}

fn stage(limits: Limits) -> Stage {
    let mut world = World::with_limits(1, limits);
    let block = raw_cid(b"a block");
    let asker = world.peer(Setup::default()).expect("memory opens");
    let holder = world.stranger(Arc::new(Shelf(BTreeMap::from([(block, Bytes::from_static(b"a block"))]))));
    let other = world.stranger(Arc::new(NoBlocks));
    Stage { world, asker, holder, other, block }
}

impl Stage {
    fn fetch(&self) -> FetchStream {
        let ask_first = vec![self.world.name(self.holder)];
        let patience = Duration::from_secs(15);
        self.world.transport(self.asker).fetch(Want { cids: vec![self.block], ask_first, patience })
    }

    /// Whether the block has come by now.
    fn has_come(&self, answers: &mut FetchStream) -> bool {
        let group = answers.next().now_or_never().flatten();
        group.is_some_and(|group| group.iter().any(|fetched| fetched.result.is_ok()))
    }
}

#[test]
fn a_request_that_was_lost_is_made_again_though_others_answered() {
    let mut stage = stage(Limits::default());
    stage.world.connect(stage.asker, stage.other, Link::LAN);
    stage.world.connect(stage.asker, stage.holder, Link::LAN);
    stage.world.set_link(stage.asker, stage.holder, Link::LAN.losing_of(Kind::Request, 1.0));
    let mut answers = stage.fetch();
    stage.world.run_for(Duration::from_secs(3));
    assert!(!stage.has_come(&mut answers), "the request was lost");
    stage.world.set_link(stage.asker, stage.holder, Link::LAN);
    stage.world.run_for(Duration::from_secs(4));
    assert!(stage.has_come(&mut answers), "the holder was not asked again");
}

#[test]
fn who_becomes_able_to_answer_is_asked_though_another_is_silent() {
    let mut stage = stage(Limits::default());
    stage.world.connect(stage.asker, stage.other, Link::LAN.losing_of(Kind::Request, 1.0));
    let mut answers = stage.fetch();
    stage.world.run_for(Duration::from_secs(2));
    stage.world.connect(stage.asker, stage.holder, Link::LAN);
    stage.world.run_for(Duration::from_secs(1));
    assert!(stage.has_come(&mut answers), "the holder waits for the silent one");
}

#[test]
fn who_is_found_by_a_lookup_is_asked_once() {
    let lookup = Some((Duration::from_millis(500), Link::LAN));
    let mut stage = stage(Limits { lookup, ..Limits::default() });
    let Stage { asker, other, block, .. } = stage;
    // It says that it has the block, and does not.
    stage.world.transport(other).provide(vec![block]);
    let mut answers = stage.fetch();
    stage.world.run_for(Duration::from_secs(10));
    let traffic = stage.world.traffic(asker);
    assert_eq!((traffic.dialled, traffic.asked), (1, 1));
    assert!(!stage.has_come(&mut answers));
}
