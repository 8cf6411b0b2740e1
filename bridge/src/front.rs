//! The front door of a face: TCP, TLS if certificates are given, so many connections at a time, and little patience with those
//! that do not say what they want.
//!
//! # Invariants
//!
//! - A connection that does not begin to speak, does not finish its TLS handshake, or is not settled by its face in time, is
//!   closed. Each has one deadline for all of that, so a byte now and then wins nothing.
//! - Connections beyond the limit are closed at once; those that are there do not notice.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::AbortHandle;
use tokio::time::Sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How many connections that are ready wait for their face.
const READY_MAX: usize = 64;

/// How long to wait after the system refuses to accept a connection, for want of file descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// A certificate chain and its key, as PEM files.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsPair {
    /// The certificate of this host first, then those that vouch for it.
    pub certificates: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl TlsPair {
    /// Whether both files are there, and belong together.
    ///
    /// # Errors
    ///
    /// [`FrontError::Tls`] names the file and what is wrong with it.
    pub fn check(&self) -> Result<(), FrontError> {
        acceptor(self, &[]).map(drop)
    }
}

/// Where and how a face listens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FrontOptions {
    /// Where; port 0 is any.
    pub address: SocketAddr,
    /// TLS, if it is to be had.
    pub tls: Option<TlsPair>,
    /// How many connections there may be at a time.
    pub connections_max: usize,
    /// How long a connection may take until it is settled.
    pub patience: Duration,
}

impl FrontOptions {
    /// Plain TCP, 512 connections at a time, 10 s of patience.
    pub fn at(address: SocketAddr) -> Self {
        Self {
            address,
            tls: None,
            connections_max: 512,
            patience: Duration::from_secs(10),
        }
    }
}

/// The door: gives connections that have begun to speak.
#[derive(Debug)]
pub struct Front {
    address: SocketAddr,
    is_tls: bool,
    ready: mpsc::Receiver<(FrontStream, Peer)>,
    task: AbortHandle,
}

impl Front {
    /// Listens. `protocols` are those that TLS offers (ALPN), such as `http/1.1` or `h2`.
    ///
    /// # Errors
    ///
    /// [`FrontError`] when the address is taken, or the certificates are not to be had.
    pub async fn bind(options: &FrontOptions, protocols: &[&str]) -> Result<Self, FrontError> {
        let acceptor = match &options.tls {
            Some(pair) => Some(acceptor(pair, protocols)?),
            None => None,
        };
        let failed = |error| FrontError::Listen {
            address: options.address,
            error,
        };
        let listener = TcpListener::bind(options.address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (sender, ready) = mpsc::channel(READY_MAX);
        let door = Door {
            places: Arc::new(Semaphore::new(options.connections_max.min(Semaphore::MAX_PERMITS))),
            patience: options.patience,
            acceptor: acceptor.clone(),
        };
        Ok(Self {
            address,
            is_tls: acceptor.is_some(),
            ready,
            task: tokio::spawn(door.keep(listener, sender)).abort_handle(),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it speaks TLS.
    pub fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// The next connection.
    pub async fn next(&mut self) -> (FrontStream, Peer) {
        match self.ready.recv().await {
            Some(ready) => ready,
            // The door is kept for as long as this lives.
            None => std::future::pending().await,
        }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl axum::serve::Listener for Front {
    type Io = FrontStream;
    type Addr = Peer;

    async fn accept(&mut self) -> (FrontStream, Peer) {
        self.next().await
    }

    fn local_addr(&self) -> io::Result<Peer> {
        Ok(Peer {
            address: self.address,
            settled: Arc::default(),
        })
    }
}

/// Who is at the other end, and whether that is settled.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    settled: Arc<AtomicBool>,
}

impl Peer {
    /// The face knows whom it has: the connection may stay.
    pub fn settle(&self) {
        self.settled.store(true, Ordering::Release);
    }
}

impl axum::extract::connect_info::Connected<axum::serve::IncomingStream<'_, Front>> for Peer {
    fn connect_info(stream: axum::serve::IncomingStream<'_, Front>) -> Self {
        stream.remote_addr().clone()
    }
}

/// What the accepting task works with.
struct Door {
    places: Arc<Semaphore>,
    patience: Duration,
    acceptor: Option<TlsAcceptor>,
}

impl Door {
    async fn keep(self, listener: TcpListener, ready: mpsc::Sender<(FrontStream, Peer)>) {
        loop {
            let (stream, address) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!("no connection can be accepted: {error}");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
                tracing::warn!("a connection of {address} is one too many, and closed");
                continue;
            };
            let (acceptor, ready) = (self.acceptor.clone(), ready.clone());
            let deadline = tokio::time::sleep(self.patience);
            tokio::spawn(async move {
                let mut deadline = Box::pin(deadline);
                let begun = tokio::select! {
                    begun = begin(stream, acceptor) => begun,
                    () = &mut deadline => return,
                };
                let Ok(stream) = begun else { return };
                let peer = Peer {
                    address,
                    settled: Arc::default(),
                };
                let stream = FrontStream {
                    stream,
                    deadline: Some(deadline),
                    settled: Arc::clone(&peer.settled),
                    _place: place,
                };
                // The face has gone, and the connection with it.
                let _ = ready.send((stream, peer)).await;
            });
        }
    }
}

/// Waits for the first byte, and for TLS.
async fn begin(stream: TcpStream, acceptor: Option<TlsAcceptor>) -> io::Result<Either> {
    stream.set_nodelay(true)?;
    stream.peek(&mut [0; 1]).await?;
    match acceptor {
        Some(acceptor) => Ok(Either::Tls(Box::new(acceptor.accept(stream).await?))),
        None => Ok(Either::Plain(stream)),
    }
}

fn acceptor(pair: &TlsPair, protocols: &[&str]) -> Result<TlsAcceptor, FrontError> {
    let failed = |path: &Path, problem: String| FrontError::Tls {
        path: path.to_owned(),
        problem,
    };
    let certificates = CertificateDer::pem_file_iter(&pair.certificates)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| failed(&pair.certificates, error.to_string()))?;
    if certificates.is_empty() {
        return Err(failed(&pair.certificates, "there is no certificate in it".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(&pair.key).map_err(|error| failed(&pair.key, error.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(certificates, key));
    let mut config = config.map_err(|error| failed(&pair.certificates, error.to_string()))?;
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// A connection of a client.
#[derive(Debug)]
pub struct FrontStream {
    stream: Either,
    deadline: Option<Pin<Box<Sleep>>>,
    settled: Arc<AtomicBool>,
    _place: OwnedSemaphorePermit,
}

#[derive(Debug)]
enum Either {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl FrontStream {
    /// An error when it has taken too long to settle.
    fn check_patience(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let Some(deadline) = &mut self.deadline else {
            return Ok(());
        };
        if self.settled.load(Ordering::Acquire) {
            self.deadline = None;
            return Ok(());
        }
        match deadline.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "it took too long to say what it wants",
            )),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for FrontStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check_patience(context)?;
        match &mut self.stream {
            Either::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Either::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for FrontStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Either::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Either::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Either::Plain(stream) => Pin::new(stream).poll_write_vectored(context, parts),
            Either::Tls(stream) => Pin::new(stream).poll_write_vectored(context, parts),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Either::Plain(stream) => stream.is_write_vectored(),
            Either::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Either::Plain(stream) => Pin::new(stream).poll_flush(context),
            Either::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Either::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Either::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

/// Why a face cannot listen.
#[derive(Debug)]
#[non_exhaustive]
pub enum FrontError {
    /// The address is not to be had.
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// The certificates are not to be had, or are none.
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

impl fmt::Display for FrontError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen { address, error } if error.kind() == io::ErrorKind::AddrInUse => {
                write!(
                    f,
                    "{address} is taken by another program; choose another port with --port, or 0 for any"
                )
            }
            Self::Listen { address, error } => write!(f, "cannot listen on {address}: {error}"),
            Self::Tls { path, problem } => write!(f, "{} is no use for TLS: {problem}", path.display()),
        }
    }
}

impl std::error::Error for FrontError {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn local() -> FrontOptions {
        FrontOptions::at("127.0.0.1:0".parse().unwrap())
    }

    async fn ends(mut stream: TcpStream) -> bool {
        let mut bytes = [0; 8];
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut bytes));
        matches!(read.await.unwrap(), Ok(0) | Err(_))
    }

    #[tokio::test]
    async fn a_connection_that_says_nothing_is_closed_and_others_are_served_meanwhile() {
        let options = FrontOptions {
            patience: Duration::from_millis(300),
            ..local()
        };
        let mut front = Front::bind(&options, &[]).await.unwrap();
        let silent = TcpStream::connect(front.address()).await.unwrap();
        let mut speaking = TcpStream::connect(front.address()).await.unwrap();
        speaking.write_all(b"hi").await.unwrap();
        let (mut served, peer) = front.next().await;
        assert_eq!(peer.address, speaking.local_addr().unwrap());
        peer.settle();
        assert!(ends(silent).await);
        // The settled one is still there, long after the patience with others has ended.
        let mut text = [0; 2];
        served.read_exact(&mut text).await.unwrap();
        assert_eq!(&text, b"hi");
        served.write_all(b"yo").await.unwrap();
        speaking.read_exact(&mut text).await.unwrap();
        assert_eq!(&text, b"yo");
    }

    #[tokio::test]
    async fn one_that_speaks_and_is_never_settled_is_closed_too() {
        let options = FrontOptions {
            patience: Duration::from_millis(300),
            ..local()
        };
        let mut front = Front::bind(&options, &[]).await.unwrap();
        let mut dripping = TcpStream::connect(front.address()).await.unwrap();
        dripping.write_all(b"G").await.unwrap();
        let (mut served, _peer) = front.next().await;
        served.read_exact(&mut [0; 1]).await.unwrap();
        let error = served.read_exact(&mut [0; 1]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn one_connection_too_many_is_closed_at_once() {
        let options = FrontOptions {
            connections_max: 1,
            ..local()
        };
        let front = Front::bind(&options, &[]).await.unwrap();
        let first = TcpStream::connect(front.address()).await.unwrap();
        let second = TcpStream::connect(front.address()).await.unwrap();
        assert!(ends(second).await);
        drop(first);
    }

    #[tokio::test]
    async fn a_port_that_is_taken_and_files_that_are_missing_are_named() {
        let front = Front::bind(&local(), &[]).await.unwrap();
        let taken = FrontOptions::at(front.address());
        let error = Front::bind(&taken, &[]).await.unwrap_err().to_string();
        assert!(error.contains("taken by another program"), "{error}");
        let no_files = FrontOptions {
            tls: Some(TlsPair {
                certificates: "/no/cert.pem".into(),
                key: "/no/key.pem".into(),
            }),
            ..local()
        };
        let error = Front::bind(&no_files, &[]).await.unwrap_err().to_string();
        assert!(error.contains("/no/cert.pem"), "{error}");
    }
}
