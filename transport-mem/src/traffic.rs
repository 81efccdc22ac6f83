//! What a peer sent and got: the figures that cost ceilings are stated in.

/// Declares the counters once, and with them how two readings are subtracted and added.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Messages, bytes, rounds and blocks of one peer. Subtract two readings for what lies between, add those of several
        /// peers for what they cost together.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        #[non_exhaustive]
        pub struct Traffic {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl std::ops::Sub for Traffic {
            type Output = Traffic;

            fn sub(self, before: Traffic) -> Traffic {
                Traffic { $($name: self.$name - before.$name,)* }
            }
        }

        impl std::ops::AddAssign for Traffic {
            fn add_assign(&mut self, other: Traffic) {
                $(self.$name += other.$name;)*
            }
        }
    };
}

counters! {
    /// Announcements that it published.
    published,
    /// Bytes of those.
    published_bytes,
    /// Announcements that reached it for the first time.
    heard,
    /// Bytes of those.
    heard_bytes,
    /// Announcements that reached it again.
    heard_again,
    /// Announcements that it sent or passed on, copies counted.
    sent,
    /// Bytes that it sent, of all kinds; what gets lost, too.
    sent_bytes,
    /// Bytes that reached it, or are on their way to it.
    got_bytes,
    /// Messages that it sent to keep the gossip mesh.
    controls,
    /// Bytes of those, with 40 for each message named.
    control_bytes,
    /// Messages that it was sent because it had asked for them after an IHAVE.
    recovered,
    /// Announcements that got lost on their way to it.
    lost,
    /// Messages of other kinds that got lost on their way to it.
    lost_others,
    /// Announcements that its links doubled on their way to it.
    doubled,
    /// Announcements that its links will bring once more, later.
    replayed,
    /// Messages that were held back on their way to it, and overtaken by others.
    overtaken,
    /// Messages to it that waited in a clogged connection.
    clogged,
    /// Calls of `fetch`: a pull's rounds.
    rounds,
    /// Blocks that it asked for in them.
    wanted,
    /// Requests that it sent to peers for that.
    asked,
    /// Folder nodes that came.
    nodes,
    /// Bytes of those.
    node_bytes,
    /// Files that came.
    files,
    /// Bytes of those.
    file_bytes,
    /// Blocks that nobody gave.
    not_found,
    /// Blocks that came and did not hash to their CID.
    wrong,
    /// Blocks that it served.
    served,
    /// Bytes of those.
    served_bytes,
    /// Blocks that it held and did not give, did not give in time, or gave wrong: its [`Serving`](crate::Serving).
    misserved,
    /// Peers that it found by a lookup and connected to.
    dialled,
    /// Demerits that it gave.
    demerits,
    /// Events that found no room in its queue.
    missed,
}

/// Bytes that a CID takes in a request.
pub(crate) const CID_BYTES: u64 = 36;

impl Traffic {
    /// What healing cost beside the entries themselves: announcements, requests and folder nodes, in bytes.
    pub fn overhead(&self) -> u64 {
        self.heard_bytes + self.wanted * CID_BYTES + self.node_bytes
    }
}
