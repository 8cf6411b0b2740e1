//! The accepter's side: finds the inviter at one of its addresses, joins, and stores what it is given.

use std::error::Error;
use std::fmt;
use std::io;

use nuncio::security::time_text::utc_text;
use nuncio::{Identity, PublicKey, clock};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;

use super::channel::{Connected, NotConnected, connect};
use super::code::LinkCode;
use super::host_name::HostName;
use super::message::{FromAccepter, FromInviter, Proofs, Refused, receive, send};
use super::proof::{Side, Transcript};
use super::tls_folder::check_certificate;

/// The inviter, reached and proven.
pub(crate) struct Welcome {
    /// Where it was reached.
    pub(crate) host: String,
    pub(crate) key: PublicKey,
    /// The authority's certificate (PEM).
    pub(crate) authority: String,
    /// This host's (PEM), checked.
    pub(crate) certificate: String,
    connected: Connected,
}

/// Joins the inviter of the code as far as the inviter's part goes; what it gives is still to be stored.
///
/// # Errors
///
/// [`AcceptError`].
pub(crate) async fn join(code: &LinkCode, own: &HostName, identity: &Identity) -> Result<Welcome, AcceptError> {
    let (host, mut connected) = reach(code).await?;
    let domain = code.domain.as_str().as_bytes();
    let own_key = identity.public_key().to_string();
    let said = [domain, own.as_str().as_bytes(), own_key.as_bytes()];
    let said = Transcript::new(Side::Accepter, &connected.channel, &said);
    let hello = FromAccepter::Hello {
        name: own.to_string(),
        key: own_key,
        proofs: said.prove(&code.secret, identity),
    };
    let answer = ask(&mut connected.stream, &hello).await?;
    let FromInviter::Welcome {
        key,
        authority,
        certificate,
        proofs,
    } = answer
    else {
        return Err(refused(&answer));
    };
    let parts = [key.as_bytes(), authority.as_bytes(), certificate.as_bytes()];
    let key = proven(code, &connected.channel, (&said, parts), &key, &proofs)?;
    let now_ns = clock::now_ns();
    check_certificate(&authority, &certificate, identity, now_ns)
        .map_err(|error| AcceptError::BadCertificate { error, now_ns })?;
    Ok(Welcome {
        host,
        key,
        authority,
        certificate,
        connected,
    })
}

impl Welcome {
    /// Says that all is stored, and hears that the inviter has stored its part.
    ///
    /// # Errors
    ///
    /// [`AcceptError`] when it has not, or does not say so.
    pub(crate) async fn stored(mut self) -> Result<(), AcceptError> {
        match ask(&mut self.connected.stream, &FromAccepter::Stored).await? {
            FromInviter::Done => Ok(()),
            answer => Err(refused(&answer)),
        }
    }
}

/// The key of who has proven that it is the inviter.
fn proven(
    code: &LinkCode,
    channel: &[u8; 32],
    (said, [key_text, authority, certificate]): (&Transcript, [&[u8]; 3]),
    key: &str,
    proofs: &Proofs,
) -> Result<PublicKey, AcceptError> {
    let name = code.name.as_str().as_bytes();
    let heard = Transcript::new(
        Side::Inviter,
        channel,
        &[said.as_bytes(), name, key_text, authority, certificate],
    );
    let key = PublicKey::parse(key).map_err(|_| AcceptError::Unproven)?;
    match heard.is_proven(&code.secret, key, proofs) {
        true => Ok(key),
        false => Err(AcceptError::Unproven),
    }
}

/// The first of the inviter's addresses that leads to it; all are tried at once.
async fn reach(code: &LinkCode) -> Result<(String, Connected), AcceptError> {
    let mut tried = JoinSet::new();
    for host in &code.hosts {
        let (host, door, fingerprint) = (host.clone(), code.door, code.fingerprint);
        tried.spawn(async move {
            let connected = connect(&host, door, fingerprint).await;
            (host, connected)
        });
    }
    let mut problems = Vec::new();
    while let Some(ended) = tried.join_next().await {
        match ended {
            Ok((host, Ok(connected))) => return Ok((host, connected)),
            Ok((host, Err(problem))) => problems.push((host, problem)),
            Err(error) => return Err(AcceptError::Io(io::Error::other(error))),
        }
    }
    Err(not_reached(code, problems))
}

/// The inviter that waits no more says most, then somebody else in its place, then silence.
fn not_reached(code: &LinkCode, problems: Vec<(String, NotConnected)>) -> AcceptError {
    let is_over = |(_, problem): &(String, NotConnected)| matches!(problem, NotConnected::NoInvitation);
    let is_other = |(_, problem): &(String, NotConnected)| matches!(problem, NotConnected::OtherCertificate);
    if problems.iter().any(is_over) {
        return AcceptError::Over {
            name: code.name.clone(),
        };
    }
    if let Some((host, _)) = problems.iter().find(|problem| is_other(problem)) {
        return AcceptError::OtherCertificate {
            at: format!("{host}:{}", code.door),
        };
    }
    let words = |(host, problem): &(String, NotConnected)| match problem {
        NotConnected::Io(error) => format!("{host}:{} ({error})", code.door),
        NotConnected::OtherCertificate | NotConnected::NoInvitation => host.clone(),
    };
    let ends_ns = i64::from(code.ends_s).saturating_mul(1_000_000_000);
    AcceptError::Unreachable {
        name: code.name.clone(),
        tried: problems.iter().map(words).collect(),
        ended_ns: (ends_ns <= clock::now_ns()).then_some(ends_ns),
    }
}

async fn ask(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    message: &FromAccepter,
) -> Result<FromInviter, AcceptError> {
    send(stream, message).await.map_err(AcceptError::Io)?;
    receive(stream).await.map_err(AcceptError::Io)
}

fn refused(answer: &FromInviter) -> AcceptError {
    match answer {
        FromInviter::Refused(refused) => AcceptError::Refused(*refused),
        FromInviter::Welcome { .. } | FromInviter::Done => AcceptError::Unproven,
    }
}

/// Why this host has not joined.
#[derive(Debug)]
pub(crate) enum AcceptError {
    /// The inviter is at none of its addresses.
    Unreachable {
        name: HostName,
        tried: Vec<String>,
        /// When the code has ended, if it has by this machine's clock.
        ended_ns: Option<i64>,
    },
    /// The inviter is there, and waits for nobody.
    Over { name: HostName },
    /// Somebody else is there.
    OtherCertificate { at: String },
    /// The inviter has said no.
    Refused(Refused),
    /// Who answers has not proven that it knows the secret.
    Unproven,
    /// The certificate is not one for this host.
    BadCertificate { error: rustls::Error, now_ns: i64 },
    /// The connection broke.
    Io(io::Error),
}

impl fmt::Display for AcceptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { name, tried, ended_ns } => {
                write!(f, "{name} does not wait for anybody at {}", tried.join(", "))?;
                match ended_ns {
                    Some(ended_ns) => write!(
                        f,
                        "; the code has expired at {}: ask for another one, from `nuncio link invite`",
                        utc_text(*ended_ns)
                    ),
                    None => f.write_str(
                        "; the code may have been used, or the invitation was ended; else see whether both hosts are on one \
                         network and no firewall is between them, and name an address that is reached from here with `nuncio \
                         link invite --at HOST`",
                    ),
                }
            }
            Self::Over { name } => write!(
                f,
                "{name} is there, but its invitation is over: the code was used or has expired; ask for another one, from \
                 `nuncio link invite`"
            ),
            Self::OtherCertificate { at } => write!(
                f,
                "at {at} answers somebody with another certificate than the one that the code names: another machine has that \
                 address, or somebody stands in between; nothing was told to it; ask for another code, with an address that \
                 leads to the right machine (`nuncio link invite --at HOST`)"
            ),
            Self::Refused(refused) => write!(f, "the other host refuses: {refused}"),
            Self::Unproven => f.write_str(
                "who answers has not proven that it made this code; nothing was stored; ask for another one, from `nuncio link \
                 invite`",
            ),
            Self::BadCertificate { error, now_ns } => write!(
                f,
                "the certificate that the other host made is not good here: {error}; this machine's clock says {}",
                utc_text(*now_ns)
            ),
            Self::Io(error) => write!(f, "the connection to the other host broke: {error}"),
        }
    }
}

impl Error for AcceptError {}
