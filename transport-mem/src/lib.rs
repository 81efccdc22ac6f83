//! tidings-transport-mem
