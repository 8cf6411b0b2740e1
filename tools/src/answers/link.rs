//! What the commands below `link` print as JSON.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use crate::link::acquaintance::Remembered;

/// What is told of an invitation; after that comes `ready`, as `nuncio router` says it.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum LinkInviteEvent {
    /// The code is good from now on.
    Invited {
        /// What the other host is told.
        code: String,
        /// What this host calls itself.
        name: String,
        /// The public key of this host.
        key: String,
        /// The domain.
        domain: String,
        /// BLAKE3 of this host's certificate, in hexadecimal.
        fingerprint: String,
        /// The addresses of the invitation.
        doors: Vec<String>,
        /// Where the router is, or will be.
        endpoints: Vec<String>,
        /// When the code ends (RFC 3339).
        expires: String,
    },
    /// Another host has joined.
    Joined {
        /// What it calls itself.
        name: String,
        /// Its public key.
        key: String,
        /// Its address.
        from: String,
        /// What was written down of its key.
        remembered: Remembered,
    },
}

/// This host has joined.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct LinkAccepted {
    /// What the other host is called here.
    pub(crate) name: String,
    /// The public key of the other host.
    pub(crate) key: String,
    /// The public key of this one.
    pub(crate) own_key: String,
    /// What this host calls itself.
    pub(crate) own_name: String,
    /// Where the other host's router is, or will be.
    pub(crate) endpoint: String,
    /// The domain.
    pub(crate) domain: String,
    /// The context that was made: `nuncio --context NAME`.
    pub(crate) context: String,
    /// The folder with the certificates.
    pub(crate) tls: PathBuf,
    /// What was written down of the other host's key.
    pub(crate) remembered: Remembered,
}
