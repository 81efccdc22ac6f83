//! tidings-transport-ipfs
