//! Writes to one peer, on one stream: our wants first, then what the peer wants of us.
//!
//! While one message is on its way the next one's blocks are read from the store, so disk and line work together; more
//! than that is not read ahead, so a slow peer costs the memory of two messages and nobody else anything.
//!
//! A peer of other software that was sent blocks and then falls silent gets a HAVE for the last of them, a few times. Kubo takes
//! an answer that is late by its own measure (twice the usual, which on a fast line is a millisecond, and five seconds at most)
//! for a DONT_HAVE, drops from its fetch a peer that was late seventeen times in a row, and then waits for ever, with wants
//! that it never sends. The HAVE brings the peer back, if it comes after that.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use cid::{Cid, Version as CidVersion};
use futures::AsyncWriteExt;
use libp2p::swarm::Stream;
use tidings_ledger::transport::Blocks;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::behaviour::OpenRequest;
use super::exchange::Exchange;
use super::frame::Outgoing;
use super::handler::OpenError;
use super::link::Link;
use super::message::Presence;
use super::prefix::{DAG_PB, SHA2_256};
use super::version::Version;
use super::wantlist::Want;

/// A writer with nothing to say for this long closes its stream.
const IDLE: Duration = Duration::from_secs(30);
/// The same towards other software: Helia resets a stream on which nothing came for five seconds.
const IDLE_FOREIGN: Duration = Duration::from_secs(4);
/// A foreign peer that asks for nothing for this long after it was sent blocks is told that we are here. Longer than most
/// round trips: in the middle of a fetch there is no need.
const REMIND: Duration = Duration::from_millis(500);
/// So often, each time after twice the silence: until well after the latest moment at which Kubo gives a peer up.
const REMINDERS: u32 = 4;
/// A message that cannot be written in this long ends the stream: 256 KiB at 9 kB/s.
const WRITE_TIME: Duration = Duration::from_secs(30);
/// Opening a stream takes no longer than this.
const OPEN_TIME: Duration = Duration::from_secs(15);
/// Blocks go out in messages of about this size: large enough that a message's costs vanish, small enough that the
/// reader works while the next one is on its way.
const BATCH_BYTES: usize = 256 * 1024;
/// Wants answered in one message.
const BATCH_WANTS: usize = 512;
/// Lines of our own in one message.
const MAX_ENTRIES: usize = 4096;
/// To a want-have for a block up to this size the block itself is the answer, as Kubo does.
const INLINE_BLOCK: usize = 1024;
/// Memory set aside while a message is put together, in KiB: the batch, and the block that goes beyond it. What is not
/// used is given back at once.
const BATCH_KIB: u32 = 2304;

/// A message and the memory it holds.
struct Batch {
    out: Outgoing,
    _memory: Option<OwnedSemaphorePermit>,
}

/// The block that a foreign peer was sent last, and how often it was reminded of it.
#[derive(Clone, Copy)]
struct LastSent {
    cid: Cid,
    reminders: u32,
}

impl LastSent {
    /// How long the peer may be silent before the next reminder.
    fn patience(self) -> Option<Duration> {
        (self.reminders < REMINDERS).then(|| REMIND * 2u32.pow(self.reminders))
    }
}

/// Runs until there has been nothing to write for a while, or the peer is gone.
pub(crate) async fn run(exchange: Arc<Exchange>, link: Arc<Link>) {
    let mut stream = None;
    let mut next: Option<Batch> = None;
    let mut last_sent = None;
    loop {
        let batch = match next.take() {
            Some(batch) => batch,
            None => match wait(&exchange, &link, &mut last_sent).await {
                Some(batch) => batch,
                None => break,
            },
        };
        last_sent = batch.out.blocks.last().map(|(cid, _)| LastSent { cid: *cid, reminders: 0 }).or(last_sent);
        let (written, ahead) =
            futures::join!(write(&exchange, &link, &mut stream, &batch.out), read_ahead(&exchange, &link));
        next = ahead;
        if let Err(error) = written {
            tracing::debug!(peer = %link.peer, %error, "bitswap: cannot write");
            give_up(&exchange, &link);
            break;
        }
    }
    if let Some((mut stream, _)) = stream {
        let _ = tokio::time::timeout(OPEN_TIME, stream.close()).await;
    }
}

/// Waits for something to write. `None`: retired.
async fn wait(exchange: &Arc<Exchange>, link: &Arc<Link>, last_sent: &mut Option<LastSent>) -> Option<Batch> {
    loop {
        if link.is_closed() {
            link.outbox.lock().writing = false;
            return None;
        }
        if let Some(batch) = collect(exchange, link).await {
            return Some(batch);
        }
        let kin = link.kin.load(Ordering::Relaxed);
        let reminder = last_sent.as_mut().filter(|_| !kin).and_then(|last| Some((last.patience()?, last)));
        let patience = match &reminder {
            Some((patience, _)) => *patience,
            None if kin => IDLE,
            None => IDLE_FOREIGN,
        };
        if tokio::time::timeout(patience, link.wake.notified()).await.is_err() {
            if let Some((_, last)) = reminder {
                last.reminders += 1;
                let presences = vec![Presence { cid: last.cid, have: true }];
                return Some(Batch { out: Outgoing { presences, ..Outgoing::default() }, _memory: None });
            }
            let mut outbox = link.outbox.lock();
            if outbox.is_empty() {
                outbox.writing = false;
                return None;
            }
        }
    }
}

/// The peer cannot be written to: its wants are void, and ours go to others.
fn give_up(exchange: &Arc<Exchange>, link: &Arc<Link>) {
    {
        let mut outbox = link.outbox.lock();
        outbox.writing = false;
        outbox.entries.clear();
        outbox.wantlist.clear();
    }
    exchange.mute(link);
}

/// The next message, while one is being written; but not when memory is short: slow peers shall not take it all.
async fn read_ahead(exchange: &Arc<Exchange>, link: &Arc<Link>) -> Option<Batch> {
    match exchange.memory.available_permits() >= exchange.limits.serve_kib / 2 {
        true => collect(exchange, link).await,
        false => None,
    }
}

/// What there is to write now.
async fn collect(exchange: &Arc<Exchange>, link: &Arc<Link>) -> Option<Batch> {
    let (entries, wants) = {
        let mut outbox = link.outbox.lock();
        let count = outbox.entries.len().min(MAX_ENTRIES);
        let entries: Vec<_> = outbox.entries.drain(..count).collect();
        (entries, outbox.wantlist.take(BATCH_WANTS))
    };
    let mut out = Outgoing { entries, ..Outgoing::default() };
    if wants.is_empty() {
        return (!out.is_empty()).then_some(Batch { out, _memory: None });
    }
    let mut memory = exchange.memory.clone().acquire_many_owned(BATCH_KIB).await.ok();
    let turn = exchange.reads.clone().acquire_owned().await.ok();
    let blocks = exchange.blocks.clone();
    let max_block = exchange.limits.max_block;
    let read = exchange.runtime.spawn_blocking(move || {
        let _turn = turn;
        answer(&*blocks, wants, max_block)
    });
    // The store panicked: the wants are lost, the peer will ask again.
    let answers = read.await.unwrap_or_default();
    exchange.counters.store_errors.add(answers.errors);
    {
        let wantlist = &mut link.outbox.lock().wantlist;
        wantlist.put_back(answers.rest);
        wantlist.keep_unserved(answers.unserved);
    }
    (out.blocks, out.presences) = (answers.blocks, answers.presences);
    let used = 1 + out.blocks.iter().map(|(_, block)| block.len()).sum::<usize>() / 1024;
    if let Some(memory) = &mut memory {
        drop(memory.split(memory.num_permits().saturating_sub(used)));
    }
    if out.is_empty() && link.outbox.lock().is_empty() {
        return None;
    }
    Some(Batch { out, _memory: memory })
}

#[derive(Default)]
struct Answers {
    blocks: Vec<(Cid, Bytes)>,
    presences: Vec<Presence>,
    /// No room for them in this message.
    rest: Vec<Want>,
    /// Not here.
    unserved: Vec<Want>,
    errors: u64,
}

/// Looks the wants up. Runs where blocking is allowed.
fn answer(blocks: &dyn Blocks, wants: Vec<Want>, max_block: usize) -> Answers {
    let mut answers = Answers::default();
    let mut bytes = 0;
    let mut wants = wants.into_iter();
    for want in wants.by_ref() {
        let found = look_up(blocks, &want, max_block).unwrap_or_else(|error| {
            tracing::warn!(cid = %want.cid, %error, "cannot read a block that a peer asks for");
            answers.errors += 1;
            Found::Nothing
        });
        match found {
            Found::Block(block) => {
                bytes += block.len();
                answers.blocks.push((want.cid, block));
            }
            Found::Have => answers.presences.push(Presence { cid: want.cid, have: true }),
            Found::Nothing => {
                answers.presences.extend(want.send_dont_have.then_some(Presence { cid: want.cid, have: false }));
                answers.unserved.push(want);
            }
        }
        if bytes >= BATCH_BYTES {
            break;
        }
    }
    answers.rest = wants.collect();
    answers
}

enum Found {
    Block(Bytes),
    Have,
    Nothing,
}

fn look_up(blocks: &dyn Blocks, want: &Want, max_block: usize) -> Result<Found, tidings_ledger::store::StoreError> {
    if want.have {
        return Ok(match blocks.len_of(&want.cid)? {
            Some(len) if len <= INLINE_BLOCK => blocks.get(&want.cid)?.map_or(Found::Nothing, Found::Block),
            Some(len) if len <= max_block => Found::Have,
            _ => Found::Nothing,
        });
    }
    let mut found = blocks.get(&want.cid)?;
    if found.is_none()
        && let Some(twin) = twin(&want.cid)
    {
        found = blocks.get(&twin)?;
    }
    Ok(found.filter(|block| block.len() <= max_block).map_or(Found::Nothing, Found::Block))
}

/// The same block's CID in the other version: Kubo asks for old folders by CIDv0.
fn twin(cid: &Cid) -> Option<Cid> {
    if cid.codec() != DAG_PB || cid.hash().code() != SHA2_256 {
        return None;
    }
    match cid.version() {
        CidVersion::V0 => Some(Cid::new_v1(DAG_PB, *cid.hash())),
        CidVersion::V1 => Cid::new_v0(*cid.hash()).ok(),
    }
}

/// Writes one message, on a new stream if need be. A stream that the peer ended meanwhile is replaced once.
async fn write(
    exchange: &Arc<Exchange>,
    link: &Arc<Link>,
    stream: &mut Option<(Stream, Version)>,
    out: &Outgoing,
) -> Result<(), OpenError> {
    if out.is_empty() {
        return Ok(());
    }
    for fresh in [false, true] {
        if fresh {
            *stream = None;
        }
        if stream.is_none() {
            *stream = Some(open(exchange, link).await?);
        }
        let Some((open, version)) = stream.as_mut() else {
            continue;
        };
        let frame = out.encode(*version);
        exchange.upload.pass(frame.len()).await;
        let sent = tokio::time::timeout(WRITE_TIME, async {
            open.write_all(&frame).await?;
            open.flush().await
        });
        if matches!(sent.await, Ok(Ok(()))) {
            let bytes: usize = out.blocks.iter().map(|(_, block)| block.len()).sum();
            exchange.counters.blocks_served.add(out.blocks.len() as u64);
            exchange.counters.block_bytes_served.add(bytes as u64);
            return Ok(());
        }
    }
    *stream = None;
    Err(OpenError::Broken)
}

async fn open(exchange: &Arc<Exchange>, link: &Arc<Link>) -> Result<(Stream, Version), OpenError> {
    let (reply, opened) = oneshot::channel();
    exchange.opener.send(OpenRequest { peer: link.peer, reply }).map_err(|_| OpenError::Broken)?;
    match tokio::time::timeout(OPEN_TIME, opened).await {
        Ok(Ok(result)) => result,
        _ => Err(OpenError::Broken),
    }
}
