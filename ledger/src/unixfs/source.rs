//! Running the readers over blocks that may have to be fetched first.

use std::sync::Arc;

use bytes::Bytes;
use cid::Cid;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, FuturesUnordered};
use futures::{FutureExt, StreamExt};

use super::error::UnixfsError;
use super::list::{DirEntry, Lister};
use super::node;
use super::read::{FileReader, Turn};
use super::resolve::{Found, Resolver};
use crate::store::StoreError;
use crate::transport::{Blocks, FetchError};

/// The future of a block.
pub type BlockFuture = BoxFuture<'static, Result<Bytes, BlockError>>;

/// Where blocks come from: the own store, the network, or first the one and then the other.
///
/// Every closure from a CID to a [`BlockFuture`] is one. The bytes must hash to the CID.
pub trait Source: Send + Sync + 'static {
    /// Gets a block.
    fn block(&self, cid: Cid) -> BlockFuture;
}

impl<F: Fn(Cid) -> BlockFuture + Send + Sync + 'static> Source for F {
    fn block(&self, cid: Cid) -> BlockFuture {
        self(cid)
    }
}

/// The blocks that are held here, and no others.
#[derive(Debug, Clone)]
pub struct Held<B>(pub Arc<B>);

impl<B: Blocks> Source for Held<B> {
    fn block(&self, cid: Cid) -> BlockFuture {
        let result = match self.0.get(&cid) {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(BlockError::NotHeld),
            Err(error) => Err(BlockError::Store(error)),
        };
        futures::future::ready(result).boxed()
    }
}

/// Why there is no block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BlockError {
    /// It is not held, and nobody was asked.
    #[error("it is not held here")]
    NotHeld,
    /// It was not to be had from others.
    #[error("{0}")]
    Fetch(#[from] FetchError),
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// Reads files and directories from a [`Source`].
#[derive(Debug)]
pub struct Unixfs<S> {
    source: Arc<S>,
}

impl<S> Clone for Unixfs<S> {
    fn clone(&self) -> Self {
        Unixfs { source: self.source.clone() }
    }
}

impl<S: Source> Unixfs<S> {
    /// Reads from this source.
    pub fn new(source: S) -> Self {
        Unixfs { source: Arc::new(source) }
    }

    /// Follows a path from a root. One block after the other, as many as the path has names (more in sharded directories).
    pub async fn resolve(&self, root: Cid, path: &str) -> Result<Found, UnixfsError> {
        let mut resolver = Resolver::new(root, path)?;
        loop {
            let block = match resolver.inlined() {
                Some(block) => block,
                None => self.block(resolver.wants()).await?,
            };
            if let Some(found) = resolver.supply(block)? {
                return Ok(found);
            }
        }
    }

    /// Lists a directory: groups of names as its blocks come. Stop when there are more than are wanted.
    pub fn list(&self, directory: Cid) -> BoxStream<'static, Result<Vec<DirEntry>, UnixfsError>> {
        let state = Some((self.clone(), Lister::new(directory)));
        stream::unfold(state, |state| async move {
            let (this, mut lister) = state?;
            let cid = lister.wants()?;
            let listed = match node::inlined(&cid) {
                Some(block) => lister.supply(&block),
                None => this.block(cid).await.and_then(|block| lister.supply(&block)),
            };
            let next = listed.is_ok().then_some((this, lister));
            Some((listed, next))
        })
        .boxed()
    }

    /// Reads `len` bytes (to the end for `None`) of a file from the byte `from` on. Fetches a few blocks ahead; ends
    /// after the first error.
    pub fn read(&self, file: Cid, from: u64, len: Option<u64>) -> BoxStream<'static, Result<Bytes, UnixfsError>> {
        self.run(FileReader::new(file, from, len))
    }

    /// Runs a reader: [`Unixfs::read`] with more to say about what is read.
    pub fn run(&self, reader: FileReader) -> BoxStream<'static, Result<Bytes, UnixfsError>> {
        let reading = Reading { this: self.clone(), reader, on_the_way: FuturesUnordered::new(), asked: Vec::new() };
        stream::unfold(Some(reading), |state| async move {
            let mut reading = state?;
            match reading.turn().await {
                Ok(Some(data)) => Some((Ok(data), Some(reading))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        })
        .boxed()
    }

    async fn block(&self, cid: Cid) -> Result<Bytes, UnixfsError> {
        self.source.block(cid).await.map_err(|error| UnixfsError::Block { cid, error: error.into() })
    }
}

/// A file being read.
struct Reading<S> {
    this: Unixfs<S>,
    reader: FileReader,
    on_the_way: FuturesUnordered<BoxFuture<'static, (Cid, Result<Bytes, BlockError>)>>,
    asked: Vec<Cid>,
}

impl<S: Source> Reading<S> {
    /// The next bytes, or `None` at the end.
    async fn turn(&mut self) -> Result<Option<Bytes>, UnixfsError> {
        loop {
            let turn = self.reader.next()?;
            for cid in self.reader.wants() {
                if !self.asked.contains(&cid) {
                    self.asked.push(cid);
                    let block = self.this.source.block(cid);
                    self.on_the_way.push(block.map(move |result| (cid, result)).boxed());
                }
            }
            match turn {
                Turn::Data(data) => return Ok(Some(data)),
                Turn::Done => return Ok(None),
                Turn::Need => {}
            }
            if let Some((cid, result)) = self.on_the_way.next().await {
                self.asked.retain(|asked| *asked != cid);
                let bytes = result.map_err(|error| UnixfsError::Block { cid, error: error.into() })?;
                self.reader.supply(cid, bytes);
            }
        }
    }
}
