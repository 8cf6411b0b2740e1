//! What the commands below `key` and `context` print as JSON.

use schemars::JsonSchema;
use serde::Serialize;

/// The key of this user's nodes.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct KeyShown {
    /// The key, `did:key:…`.
    pub(crate) key: String,
    /// Its first and last letters, as people are shown it.
    pub(crate) short: String,
    /// Its file.
    pub(crate) path: Option<String>,
    /// Whether there was none, so that it was made just now.
    pub(crate) made_now: bool,
}

/// A key that was made, or was put into the keystore.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct KeyMade {
    /// The key, `did:key:…`.
    pub(crate) key: String,
    /// Its first and last letters, as people are shown it.
    pub(crate) short: String,
    /// Its file.
    pub(crate) path: String,
    /// Where the key went that was there before; null if there was none.
    pub(crate) old_key_moved_to: Option<String>,
}

/// A key that has a name here, or is revoked.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct KeyListed<'a> {
    /// The key, `did:key:…`.
    pub(crate) key: String,
    /// Whether it is this user's own.
    pub(crate) own: bool,
    /// The names by which it is known.
    pub(crate) names: Vec<KeyName<'a>>,
    /// Since when it is revoked (UTC); null if it is not.
    pub(crate) revoked_since: Option<String>,
}

/// A name of a key.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct KeyName<'a> {
    /// The name.
    pub(crate) name: &'a str,
    /// Where it comes from: `grant`, `anchor`, `node` or `topic`, the latter two by a pin.
    pub(crate) source: &'static str,
}

/// The own key as PEM.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct KeyExported<'a> {
    /// The key, `did:key:…`.
    pub(crate) key: String,
    /// `public`, `private` or `encrypted`.
    pub(crate) form: &'static str,
    /// The file that it was written into; null without `--out`.
    pub(crate) path: Option<&'a str>,
    /// The PEM; null with `--out`.
    pub(crate) pem: Option<&'a str>,
}

/// A key that follows an old one.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct KeyRotated<'a> {
    /// The old key, `did:key:…`.
    pub(crate) old: String,
    /// The new key, `did:key:…`.
    pub(crate) key: String,
    /// From when on the new one counts (UTC).
    pub(crate) from: String,
    /// Until when the old one is accepted (UTC).
    pub(crate) old_until: String,
    /// The nicknames of the grants in trust.toml that went to the new key.
    pub(crate) grants: Vec<&'a str>,
}

/// A key that was revoked.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct KeyRevoked {
    /// The key, `did:key:…`.
    pub(crate) key: String,
    /// Since when it is refused (UTC).
    pub(crate) since: String,
    /// The anchor in whose name.
    pub(crate) anchor: String,
    /// The number of the anchor's list.
    pub(crate) serial: u64,
    /// How many other nodes are there now.
    pub(crate) nodes: usize,
    /// How many of them have taken the list in.
    pub(crate) nodes_that_hold_it: usize,
}

/// What a context says; null or empty: nothing, so that the command line, the environment or the default counts.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct ContextShown<'a> {
    /// Its name.
    pub(crate) context: String,
    /// Whether it is in use.
    pub(crate) current: bool,
    /// The domain.
    pub(crate) domain: Option<String>,
    /// The endpoints to connect to.
    pub(crate) connect: &'a [String],
    /// The endpoints to listen on.
    pub(crate) listen: &'a [String],
    /// `auto`, `local` or `off`.
    pub(crate) discovery: Option<&'static str>,
    /// The folder of the files for TLS.
    pub(crate) tls: Option<String>,
    /// `enforce`, `tofu` or `observe`.
    pub(crate) trust_mode: Option<String>,
    /// The keystore.
    pub(crate) keystore: Option<String>,
}
