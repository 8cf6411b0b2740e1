//! The inviter's side: waits for those who have the code, a few at a time and none for long.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nuncio::security::role::RoleName;
use nuncio::{Domain, Identity, PublicKey};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::acquaintance::{Remembered, may_be_remembered, remember};
use super::channel::{acceptor, of_server};
use super::code::Secret;
use super::host_name::HostName;
use super::message::{FromAccepter, FromInviter, Proofs, Refused, receive, send};
use super::proof::{Side, Transcript};
use super::tls_folder::certify_other;
use crate::cli::GlobalArgs;
use crate::commands::CommandError;
use crate::interrupt::Interrupt;
use crate::trust_home::TrustHome;

/// How many are served at a time.
const GUESTS_MAX: usize = 8;

/// How long one of them may take.
const GUEST_PATIENCE: Duration = Duration::from_secs(10);

/// How long it waits when the system gives no further connection.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// What stands behind one code.
#[derive(Debug)]
pub(crate) struct Invitation {
    pub(crate) global: GlobalArgs,
    pub(crate) own: HostName,
    pub(crate) identity: Identity,
    pub(crate) authority: Identity,
    /// The authority's certificate (PEM).
    pub(crate) authority_certificate: String,
    pub(crate) secret: Secret,
    /// How many may join.
    pub(crate) count: usize,
    /// What their keys get here.
    pub(crate) roles: Vec<RoleName>,
    /// How long their certificates hold.
    pub(crate) days: u16,
    /// Those who were let in: the code is theirs.
    pub(crate) guests: Mutex<Vec<PublicKey>>,
}

/// Somebody who has joined.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(crate) name: HostName,
    pub(crate) key: PublicKey,
    pub(crate) from: SocketAddr,
    pub(crate) remembered: Remembered,
}

/// How the waiting ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ended {
    /// All have come.
    Complete,
    /// The code has expired.
    Expired,
    /// A person has had enough.
    Interrupted,
}

impl Invitation {
    /// Waits until all have joined, or until `ends`. Tells of each who knocks.
    ///
    /// # Errors
    ///
    /// When the certificate is not right, or what `tell` returns.
    pub(crate) async fn wait(
        self: Arc<Self>,
        (listener, certificate): (TcpListener, &str),
        ends: Instant,
        interrupt: &mut Interrupt,
        mut tell: impl FnMut(Result<Joined, Knock>) -> Result<(), CommandError>,
    ) -> Result<Ended, CommandError> {
        let acceptor = acceptor(certificate, &self.identity.to_pkcs8_pem())?;
        let mut guests: JoinSet<Result<Joined, Knock>> = JoinSet::new();
        let mut joined = Vec::new();
        loop {
            tokio::select! {
                arrived = listener.accept(), if guests.len() < GUESTS_MAX => {
                    match arrived {
                        Ok((stream, from)) => drop(guests.spawn(Arc::clone(&self).receive(stream, from, acceptor.clone()))),
                        // One that has gone again is nobody's loss; with no room for another socket, one must end first.
                        Err(_) => tokio::time::sleep(ACCEPT_AGAIN).await,
                    }
                }
                Some(Ok(came)) = guests.join_next() => {
                    if let Ok(who) = &came && !joined.contains(&who.key) {
                        joined.push(who.key);
                    }
                    tell(came)?;
                    if joined.len() >= self.count {
                        return Ok(Ended::Complete);
                    }
                }
                () = tokio::time::sleep_until(ends) => return Ok(Ended::Expired),
                () = interrupt.wished() => return Ok(Ended::Interrupted),
            }
        }
    }

    async fn receive(
        self: Arc<Self>,
        stream: TcpStream,
        from: SocketAddr,
        acceptor: TlsAcceptor,
    ) -> Result<Joined, Knock> {
        let served = tokio::time::timeout(GUEST_PATIENCE, self.serve(stream, from, acceptor)).await;
        let problem = |problem| Knock { from, problem };
        served.unwrap_or(Err(Problem::Slow)).map_err(problem)
    }

    async fn serve(&self, stream: TcpStream, from: SocketAddr, acceptor: TlsAcceptor) -> Result<Joined, Problem> {
        let mut stream = acceptor.accept(stream).await?;
        let channel = of_server(&stream)?;
        let FromAccepter::Hello { name, key, proofs } = receive(&mut stream).await? else {
            return Err(Problem::OutOfTurn);
        };
        let (welcome, name, key) = match self.answer(&channel, &name, &key, &proofs) {
            Ok(welcome) => welcome,
            Err(problem) => {
                let told = match problem {
                    Problem::Refused(refused) => refused,
                    _ => Refused::Failed,
                };
                send(&mut stream, &FromInviter::Refused(told)).await?;
                stream.shutdown().await?;
                return Err(problem);
            }
        };
        send(&mut stream, &welcome).await?;
        let FromAccepter::Stored = receive(&mut stream).await? else {
            return Err(Problem::OutOfTurn);
        };
        let remembered = self.remember(&name, key);
        let done = match remembered {
            Ok(_) => FromInviter::Done,
            Err(_) => FromInviter::Refused(Refused::Failed),
        };
        let said = async {
            send(&mut stream, &done).await?;
            stream.shutdown().await
        };
        let said = said.await;
        let remembered = remembered?;
        // It has joined, whether or not it hears so.
        drop(said);
        Ok(Joined {
            name,
            key,
            from,
            remembered,
        })
    }

    /// What a hello is answered with. A function of it, of the keystore, and of who came before.
    fn answer(
        &self,
        channel: &[u8; 32],
        name: &str,
        key: &str,
        proofs: &Proofs,
    ) -> Result<(FromInviter, HostName, PublicKey), Problem> {
        let domain = self.global.domain.as_str().as_bytes();
        let heard = Transcript::new(Side::Accepter, channel, &[domain, name.as_bytes(), key.as_bytes()]);
        let unproven = || Problem::Refused(Refused::Unproven);
        let key = PublicKey::parse(key).map_err(|_| unproven())?;
        if !heard.is_proven(&self.secret, key, proofs) {
            return Err(unproven());
        }
        let name: HostName = name.parse().map_err(Problem::Failed)?;
        let home = self.home()?;
        may_be_remembered(&home, &self.own, (&name, key)).map_err(Problem::Refused)?;
        self.let_in(key)?;
        let failed = |error: &dyn fmt::Display| Problem::Failed(error.to_string());
        let certificate = certify_other(&self.authority, key, self.days).map_err(|error| failed(&error))?;
        let own_key = self.identity.public_key().to_string();
        let said = Transcript::new(
            Side::Inviter,
            channel,
            &[
                heard.as_bytes(),
                self.own.as_str().as_bytes(),
                own_key.as_bytes(),
                self.authority_certificate.as_bytes(),
                certificate.as_bytes(),
            ],
        );
        let welcome = FromInviter::Welcome {
            key: own_key,
            authority: self.authority_certificate.clone(),
            certificate,
            proofs: said.prove(&self.secret, &self.identity),
        };
        Ok((welcome, name, key))
    }

    /// Gives the key one of the places, unless it has one.
    fn let_in(&self, key: PublicKey) -> Result<(), Problem> {
        let mut guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
        if guests.contains(&key) {
            return Ok(());
        }
        if guests.len() >= self.count {
            return Err(Problem::Refused(Refused::Used));
        }
        guests.push(key);
        Ok(())
    }

    fn remember(&self, name: &HostName, key: PublicKey) -> Result<Remembered, Problem> {
        let domain: &Domain = &self.global.domain;
        let remembered = remember(&self.home()?, domain, (name, key), &self.roles);
        remembered.map_err(|error| Problem::Failed(error.to_string()))
    }

    /// The keystore as it is now: a person may change it while an invitation stands.
    fn home(&self) -> Result<TrustHome, Problem> {
        TrustHome::open(&self.global).map_err(|error| Problem::Failed(error.to_string()))
    }
}

/// Somebody has come and not joined.
#[derive(Debug)]
pub(crate) struct Knock {
    from: SocketAddr,
    problem: Problem,
}

#[derive(Debug)]
enum Problem {
    /// The connection ended, or it is no TLS.
    Io(io::Error),
    /// It took too long.
    Slow,
    /// A message that is not due.
    OutOfTurn,
    /// It was told so.
    Refused(Refused),
    /// Something failed here.
    Failed(String),
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for Knock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has not joined: ", self.from)?;
        match &self.problem {
            Problem::Io(error) => write!(f, "{error}"),
            Problem::Slow => write!(f, "it took longer than {} s", GUEST_PATIENCE.as_secs()),
            Problem::OutOfTurn => f.write_str("it sent a message that was not due"),
            Problem::Refused(Refused::Unproven) => f.write_str("it does not know the secret of this code"),
            Problem::Refused(Refused::Used) => f.write_str("the code was used by another key before"),
            Problem::Refused(Refused::NameTaken) => f.write_str(
                "another key has its name here (`nuncio key list` shows it); it has to choose another with --as",
            ),
            Problem::Refused(Refused::BadKey) => f.write_str("its key was revoked"),
            Problem::Refused(Refused::Oneself) => f.write_str("it has this host's own key or name"),
            Problem::Refused(Refused::Failed) => f.write_str("it was refused"),
            Problem::Failed(problem) => f.write_str(problem),
        }
    }
}
