//! Two hosts that make a link: one invites, the other accepts, and each proves to the other who it is.
//!
//! # The protocol, version 1
//!
//! The inviter makes an authority for TLS certificates, if it has none, and a certificate for itself. Its *code* holds the
//! names at which it is reached, two ports, the BLAKE3 hash of that certificate, 16 random bytes that are good once, its
//! name and its domain. A person carries the code to the other host.
//!
//! 1. The accepter connects, TLS 1.3 alone, and takes no other certificate than the one with that hash. Its holder has
//!    signed the handshake, so the far end is the inviter or nobody. Whom it takes for the inviter does not follow from
//!    names or authorities.
//! 2. Both ask TLS for 32 bytes that only the two ends of this very connection know (RFC 8446, section 7.5).
//! 3. The accepter says its name and its key, with two proofs of these, of those 32 bytes and of the domain: a keyed hash
//!    under the secret, and a signature by the key ([`proof`]).
//! 4. The inviter answers with its own key, the authority's certificate, and a certificate for the accepter's key,
//!    all of which are, with its name, under two proofs of the same kind, bound to what the accepter has said.
//! 5. The accepter checks that the certificate is for its key and from that authority, stores all, and says so. Then the
//!    inviter stores the accepter's key, and says so. The secret is good for the same key again until then, and for no
//!    other.
//!
//! The signing keys are those of TLS links and of messages; no private key travels. Each side remembers the other's key
//! under its name ([`acquaintance`]), which permits nothing that it was not permitted before, except where `--role` says so.
//!
//! # What an attacker can do
//!
//! - *Who sees the traffic* sees two addresses and TLS 1.3; the certificates and names are encrypted. Nothing can be replayed:
//!   proofs are bound to one connection.
//! - *Who stands in between* and has not the inviter's private key fails at step 1, with a code or without. Passing on bytes
//!   gains nothing, because both proofs are bound to the 32 bytes of the connection's two ends.
//! - *Who listens in the inviter's place* (its address was given to another machine) is found out at step 1, before the
//!   accepter has said its name.
//! - *Who sees the code late*, after it was used or has expired, learns addresses, names and the hash of a certificate.
//!   The secret opens nothing any more.
//! - *Who sees the code early* may accept it first, under a name of its choice, and is in the network like anybody who was
//!   invited. It cannot pass for the accepter: the inviter says which key has joined, and the accepter is told that the
//!   code was used. So carry a code as you would a password, and compare the keys that both sides print where it matters.
//! - *Who knocks without a code* costs at most eight connections of ten seconds at a time, and memory for as many messages
//!   of 16 KiB. Who keeps all eight busy can keep others out, and nothing else. Guessing 128 bits is not tried in earnest.
//!
//! What a link is good for: the certificate lets its holder into TLS links of this authority, to hear and to send frames.
//! Whether anybody believes a frame is for receivers to say, as ever.

pub(crate) mod accepter;
pub(crate) mod acquaintance;
mod addresses;
mod channel;
mod code;
mod host_name;
pub(crate) mod inviter;
mod message;
mod proof;
mod tls_folder;

pub(crate) use self::addresses::{is_host, reachable_hosts};
pub(crate) use self::channel::fingerprint;
pub(crate) use self::code::{HOSTS_MAX, LinkCode, Secret};
pub(crate) use self::host_name::HostName;
pub(crate) use self::tls_folder::{RENEWED_BEFORE_DAYS, Standing, TlsFolder};

#[cfg(test)]
mod tests;
