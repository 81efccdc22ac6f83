//! A peer of other software, whatever it is and however it is driven.

use std::path::Path;
use std::time::Duration;

use crate::{KuboDaemon, Lines};

/// A running peer. Its methods panic, with what the peer said, unless they return an error.
pub trait Peer {
    /// What it is, with its version.
    fn software(&self) -> &str;

    /// Its peer id, in base58.
    fn id(&self) -> &str;

    /// Where it can be dialled; ends in `/p2p/<peer id>`.
    fn address(&self) -> &str;

    /// Dials.
    fn connect(&self, address: &str);

    /// The ids of the peers that it is connected with.
    fn peers(&self) -> Vec<String>;

    /// Takes a file or a folder in, with its own defaults; the CID.
    fn add(&self, path: &Path) -> String;

    /// Fetches a file or folder and writes it to a path where nothing is.
    fn get(&self, cid: &str, to: &Path) -> Result<(), String>;

    /// Pins recursively, fetching what is missing.
    fn pin(&self, cid: &str) -> Result<(), String>;

    /// Listens on a channel.
    fn subscribe(&self, topic: &str);

    /// Who of its peers listens on a channel.
    fn listeners(&self, topic: &str) -> Vec<String>;

    /// Publishes.
    fn publish(&self, topic: &str, data: &[u8]);

    /// The next message on any of its channels, its own included if the software hears itself.
    fn message(&self, patience: Duration) -> Option<Message>;

    /// Makes it known in the DHT that this peer has the CID.
    fn provide(&self, cid: &str);

    /// Who has it, as the DHT says.
    fn providers(&self, cid: &str) -> Vec<String>;
}

/// A gossip message as a peer reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where.
    pub topic: String,
    /// Who signed it, in base58.
    pub from: String,
    /// The bytes.
    pub data: Vec<u8>,
}

/// What can be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Software {
    /// A current Kubo daemon.
    Kubo,
    /// Kubo 0.22.
    OldKubo,
    /// Helia.
    Helia,
}

impl Software {
    /// Starts one.
    pub fn start(self) -> Box<dyn Peer> {
        match self {
            Software::Kubo => Box::new(KuboDaemon::start()),
            Software::OldKubo => Box::new(Lines::old_kubo()),
            Software::Helia => Box::new(Lines::helia()),
        }
    }
}
