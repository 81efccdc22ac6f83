//! Scenarios that come with the program: a name is enough to run them.

/// A scenario that comes with the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready {
    /// What to call it.
    pub name: &'static str,
    /// The file's text.
    pub text: &'static str,
}

macro_rules! ready {
    ($($name:literal),+ $(,)?) => {
        /// All of them; the files are in `docs/scenarios/`.
        pub const READY: &[Ready] =
            &[$(Ready { name: $name, text: include_str!(concat!("../../docs/scenarios/", $name, ".toml")) }),+];
    };
}

ready!("comment-site", "conference-room", "week-offline", "lossy", "hostile-flood");

/// The ready scenario of this name.
pub fn ready(name: &str) -> Option<Ready> {
    READY.iter().copied().find(|ready| ready.name == name)
}
