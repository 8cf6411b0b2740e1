//! Who is at the other end: a connection, the tokens that its requests bear, and the client that each of them is.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::server::Connected;
use tonic::{Request, Status};

use super::refusing::status;
use crate::border::Border;
use crate::client::Client;
use crate::entry::Entry;
use crate::front::{FrontStream, Peer};
use crate::rules::Face;
use crate::visit::bearer;

/// How many tokens the requests of one connection may bear: proxies gather those of several programs.
const TOKENS_MAX: usize = 64;

/// On how many topics a client's ways to publish are kept.
pub(super) const ENTRIES_MAX: usize = 256;

/// One connection, shared by its requests.
#[derive(Clone)]
pub(super) struct Connection {
    inner: Arc<ConnectionInner>,
}

struct ConnectionInner {
    border: Border,
    peer: Peer,
    /// By the hash of the token, if there is one.
    guests: Mutex<HashMap<Option<[u8; 32]>, Arc<Guest>>>,
}

impl Connection {
    pub(super) fn new(border: Border, peer: Peer) -> Self {
        let guests = Mutex::default();
        Self {
            inner: Arc::new(ConnectionInner { border, peer, guests }),
        }
    }

    fn guest(&self, token: Option<&str>) -> Result<Arc<Guest>, Status> {
        let ConnectionInner { border, peer, guests } = &*self.inner;
        let role = border.authenticate(token).map_err(status)?;
        let id = token.map(|token| *blake3::hash(token.as_bytes()).as_bytes());
        let mut guests = lock(guests);
        if let Some(guest) = guests.get(&id) {
            return Ok(Arc::clone(guest));
        }
        if guests.len() >= TOKENS_MAX {
            return Err(Status::resource_exhausted(format!(
                "this connection bears {TOKENS_MAX} tokens already; open another"
            )));
        }
        let client = border
            .admit(Face::Grpc, &peer.address.to_string(), role)
            .map_err(status)?;
        peer.settle();
        let guest = Arc::new(Guest {
            client,
            entries: Mutex::default(),
        });
        guests.insert(id, Arc::clone(&guest));
        Ok(guest)
    }
}

/// A client, and what is kept between its requests.
pub(super) struct Guest {
    pub(super) client: Client,
    entries: Mutex<HashMap<EntryId, (Entry, u64)>>,
}

/// What a way to publish is known by: topic, type as the client names it, whether the last message is kept.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct EntryId {
    pub(super) topic: String,
    pub(super) type_name: String,
    pub(super) latched: bool,
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.client.fmt(f)
    }
}

impl Guest {
    /// The way to publish that was kept, and the state of the graph for which it was found to be right.
    pub(super) fn kept(&self, id: &EntryId) -> Option<(Entry, u64)> {
        lock(&self.entries).get(id).cloned()
    }

    pub(super) fn keep(&self, id: EntryId, entry: Entry, version: u64) {
        let mut entries = lock(&self.entries);
        if entries.len() >= ENTRIES_MAX && !entries.contains_key(&id) {
            entries.clear();
        }
        entries.insert(id, (entry, version));
    }
}

/// Lets a request in: whose it is stands in its extensions afterwards.
pub(super) fn admit(mut request: Request<()>) -> Result<Request<()>, Status> {
    let Some(connection) = request.extensions().get::<Connection>().cloned() else {
        return Err(Status::internal("the request belongs to no connection"));
    };
    let token = match request.metadata().get("authorization") {
        None => None,
        Some(value) => Some(value.to_str().ok().and_then(bearer).ok_or_else(|| {
            Status::unauthenticated("the metadata `authorization` has to be `Bearer` and one of the bridge's tokens")
        })?),
    };
    let origin = request
        .metadata()
        .get("origin")
        .map(|value| String::from_utf8_lossy(value.as_bytes()));
    let checked = connection.inner.border.check_page(Face::Grpc, origin.as_deref(), None);
    checked.map_err(status)?;
    let guest = connection.guest(token)?;
    request.extensions_mut().insert(guest);
    Ok(request)
}

/// Whose request it is.
pub(super) fn guest_of<T>(request: &Request<T>) -> Result<Arc<Guest>, Status> {
    let guest = request.extensions().get::<Arc<Guest>>().cloned();
    guest.ok_or_else(|| Status::internal("the request belongs to nobody"))
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The bytes of a connection, which know whose they are.
pub(super) struct GrpcStream {
    stream: FrontStream,
    connection: Connection,
}

impl GrpcStream {
    pub(super) fn new(stream: FrontStream, connection: Connection) -> Self {
        Self { stream, connection }
    }
}

impl Connected for GrpcStream {
    type ConnectInfo = Connection;

    fn connect_info(&self) -> Connection {
        self.connection.clone()
    }
}

impl AsyncRead for GrpcStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for GrpcStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
