//! What the two ends say to each other, and how it stands on the wire: a length of four bytes, then JSON.
//!
//! Nothing here is believed; names, keys and proofs are texts until they are parsed.

use std::fmt;
use std::io;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The longest message: two certificates and some words.
const LEN_MAX: usize = 16 * 1024;

/// What the accepter says.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum FromAccepter {
    /// Who it is.
    Hello { name: String, key: String, proofs: Proofs },
    /// It has stored all that it was given.
    Stored,
}

/// What the inviter says.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum FromInviter {
    /// Its key, and the certificates (PEM) of the authority and of the accepter.
    Welcome {
        key: String,
        authority: String,
        certificate: String,
        proofs: Proofs,
    },
    /// It has remembered the accepter's key.
    Done,
    /// It goes no further.
    Refused(Refused),
}

/// The two proofs, in base58.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Proofs {
    /// The keyed hash under the secret.
    pub(super) secret: String,
    /// The signature by the key.
    pub(super) signature: String,
}

/// Why an inviter goes no further.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Refused {
    /// The proofs do not hold.
    Unproven,
    /// Others have joined with the code already.
    Used,
    /// Another key has the name of the accepter there.
    NameTaken,
    /// The accepter's key was revoked there, or is none to be believed.
    BadKey,
    /// It has the name or the key of the inviter itself.
    Oneself,
    /// Something failed on the inviter's side, which says there what.
    Failed,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unproven => "its secret is not the one of this invitation; copy the code anew, or ask for another",
            Self::Used => {
                "the code was used already, by somebody with another key; if that was not you, see on the other host \
                           who has joined, and ask for another code"
            }
            Self::NameTaken => "another key has this host's name there; choose another with --as",
            Self::BadKey => "this host's key was revoked there",
            Self::Oneself => {
                "it is the inviting host itself, or has its name; accept on the other host, or choose another name \
                              with --as"
            }
            Self::Failed => "something failed over there, which is told there",
        })
    }
}

/// Sends one message.
///
/// # Errors
///
/// The connection's own.
pub(super) async fn send(stream: &mut (impl AsyncWrite + Unpin), message: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_vec(message)?;
    let len = u32::try_from(text.len()).map_err(io::Error::other)?;
    stream.write_all(&len.to_be_bytes()).await?;
    stream.write_all(&text).await?;
    stream.flush().await
}

/// Receives one message.
///
/// # Errors
///
/// The connection's own, and [`InvalidData`](io::ErrorKind::InvalidData) when it is too long or not such a message.
pub(super) async fn receive<T: DeserializeOwned>(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<T> {
    let wrong = |problem: String| io::Error::new(io::ErrorKind::InvalidData, problem);
    let len = usize::try_from(stream.read_u32().await?).unwrap_or(usize::MAX);
    if len > LEN_MAX {
        return Err(wrong(format!(
            "a message of {len} bytes, at most {LEN_MAX} are allowed"
        )));
    }
    let mut text = vec![0; len];
    stream.read_exact(&mut text).await?;
    serde_json::from_slice(&text).map_err(|error| wrong(format!("a message that is not understood ({error})")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_message_that_is_too_long_is_refused_before_it_is_read() {
        let sent = [&u32::MAX.to_be_bytes()[..], b"{}"].concat();
        let error = receive::<FromAccepter>(&mut sent.as_slice()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
    }

    #[tokio::test]
    async fn what_is_sent_is_received() {
        let mut wire = Vec::new();
        send(&mut wire, &FromInviter::Refused(Refused::Used)).await.unwrap();
        let received = receive(&mut wire.as_slice()).await.unwrap();
        assert!(matches!(received, FromInviter::Refused(Refused::Used)), "{received:?}");
    }
}
