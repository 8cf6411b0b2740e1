//! Counters over HTTP for those who ask: `GET /metrics` for Prometheus, `GET /health` for whoever restarts programs.
//!
//! Nothing listens unless a node was told to, and on the loopback interface unless another was named: whoever can connect
//! can read. Nodes of one process that name the same address share one listener.
//!
//! # Invariants
//!
//! - At most [`CONNECTIONS_MAX`] connections are open, none longer than [`CONNECTION_TIME`]; a request has at most 8 KiB.
//! - The port, and the two threads, are gone when the last node that named the address is closed.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;
use std::{env, fmt};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HOST, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::sync::{Notify, Semaphore};

use crate::health::{Finding, Health, Level};
use crate::metrics;
use crate::name::NodeName;
use crate::node::{Node, NodeCore};

/// Says where counters are served, unless a node's builder does.
const VARIABLE: &str = "NUNCIO_METRICS";
/// The most connections at one time. More wait to be accepted.
const CONNECTIONS_MAX: usize = 16;
/// How long a request may take to come.
const REQUEST_TIME: Duration = Duration::from_secs(3);
/// How long a connection may last.
const CONNECTION_TIME: Duration = Duration::from_secs(10);
/// The most bytes of a request; hyper takes no less.
const REQUEST_LEN_MAX: usize = 8192;
/// How long to wait after a connection could not be accepted: there may be no file handles for the moment.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The listeners of this process.
static SERVERS: Mutex<Vec<Weak<MetricsServer>>> = Mutex::new(Vec::new());

/// One listener. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct MetricsServer {
    asked_for: SocketAddr,
    address: SocketAddr,
    shown: Arc<Shown>,
}

/// What is shown there.
#[derive(Debug, Default)]
struct Shown {
    nodes: Mutex<Vec<Weak<NodeCore>>>,
    is_on_loopback: bool,
    ended: Notify,
}

impl Node {
    /// Where the counters of this node are served over HTTP, if they are.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.core.metrics_address()
    }
}

impl NodeCore {
    pub(crate) fn metrics_address(&self) -> Option<SocketAddr> {
        let server = self.metrics.lock().unwrap_or_else(PoisonError::into_inner);
        server.as_ref().map(|server| server.address)
    }

    /// The counters are served no longer.
    pub(crate) fn end_metrics(&self) {
        *self.metrics.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Reads an address: `127.0.0.1:9464`, `[::1]:9464`, `localhost:9464`, or `9464`, which is on the loopback interface.
fn parse_address(text: &str) -> Result<SocketAddr, MetricsError> {
    let loopback = |port: &str| {
        let port = port.parse().ok()?;
        Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))
    };
    let port = text
        .strip_prefix("localhost:")
        .or(text.strip_prefix(':'))
        .unwrap_or(text);
    let address = text.parse().ok().or_else(|| loopback(port));
    address.ok_or_else(|| MetricsError::Address { text: text.to_owned() })
}

impl MetricsServer {
    /// Where the counters of a node are to be served, if they are.
    pub(crate) fn wished(asked: Option<String>, node: &NodeName) -> Result<Option<Arc<Self>>, MetricsError> {
        let in_environment = || {
            let variable = env::var(VARIABLE).ok()?;
            // Each command of a tool has a node of its own, and would want the port.
            (!variable.is_empty() && !node.is_hidden()).then_some(variable)
        };
        match asked.or_else(in_environment) {
            Some(address) => Self::on(parse_address(&address)?).map(Some),
            None => Ok(None),
        }
    }

    /// The listener of this process on an address, begun if there is none.
    fn on(address: SocketAddr) -> Result<Arc<Self>, MetricsError> {
        let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
        servers.retain(|server| server.strong_count() > 0);
        let mut known = servers.iter().filter_map(Weak::upgrade);
        if let Some(server) = known.find(|server| server.asked_for == address && address.port() != 0) {
            return Ok(server);
        }
        let server = Arc::new(Self::start(address)?);
        servers.push(Arc::downgrade(&server));
        Ok(server)
    }

    /// Shows a node there, too.
    pub(crate) fn show(&self, node: &Arc<NodeCore>) {
        let mut nodes = self.shown.lock();
        nodes.retain(|node| node.strong_count() > 0);
        nodes.push(Arc::downgrade(node));
    }

    fn start(asked_for: SocketAddr) -> Result<Self, MetricsError> {
        let failed = |error| MetricsError::Listen {
            address: asked_for,
            error,
        };
        let listener = TcpListener::bind(asked_for).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let shown = Arc::new(Shown {
            is_on_loopback: address.ip().is_loopback(),
            ..Shown::default()
        });
        // Zenoh answers in no other kind of runtime.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_io()
            .enable_time()
            .build()
            .map_err(failed)?;
        let serving = Arc::clone(&shown);
        thread::Builder::new()
            .name("nuncio/metrics".to_owned())
            .spawn(move || runtime.block_on(serve(listener, &serving)))
            .map_err(failed)?;
        tracing::info!("counters are served on http://{address}/metrics");
        Ok(Self {
            asked_for,
            address,
            shown,
        })
    }
}

impl Drop for MetricsServer {
    fn drop(&mut self) {
        self.shown.ended.notify_one();
    }
}

impl Shown {
    fn lock(&self) -> MutexGuard<'_, Vec<Weak<NodeCore>>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn nodes(&self) -> Vec<Arc<NodeCore>> {
        self.lock().iter().filter_map(Weak::upgrade).collect()
    }
}

/// Accepts connections until the server is dropped.
async fn serve(listener: TcpListener, shown: &Arc<Shown>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let connections = async {
        loop {
            let Ok(place) = Arc::clone(&room).acquire_owned().await else {
                return;
            };
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let shown = Arc::clone(shown);
            tokio::spawn(async move {
                let answer = service_fn(|request| {
                    let response = answer(&shown, &request);
                    async { Ok::<_, Infallible>(response) }
                });
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(REQUEST_TIME)
                    .max_buf_size(REQUEST_LEN_MAX)
                    .keep_alive(false)
                    .serve_connection(TokioIo::new(stream), answer);
                // Whoever sends no HTTP, or too slowly, is left.
                let _ = tokio::time::timeout(CONNECTION_TIME, connection).await;
                drop(place);
            });
        }
    };
    tokio::select! {
        () = connections => {}
        () = shown.ended.notified() => {}
    }
}

fn answer(shown: &Shown, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    if shown.is_on_loopback && !host.is_none_or(is_this_machine) {
        let text = "ask for this by an address or as localhost: a page from elsewhere must not read it\n";
        return response(StatusCode::FORBIDDEN, "text/plain; charset=utf-8", text.to_owned());
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let text = "only GET and HEAD are answered here\n".to_owned();
        let mut refused = response(StatusCode::METHOD_NOT_ALLOWED, "text/plain; charset=utf-8", text);
        refused
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match request.uri().path() {
        "/metrics" => {
            let nodes = shown.nodes();
            let stats: Vec<_> = nodes
                .iter()
                .map(|node| (node.name.as_str().to_owned(), node.stats(), node.health()))
                .collect();
            response(StatusCode::OK, metrics::CONTENT_TYPE, metrics::exposition(&stats))
        }
        "/health" => {
            let nodes = shown.nodes();
            let all: Vec<_> = nodes
                .iter()
                .map(|node| (node.name.as_str().to_owned(), node.health()))
                .collect();
            let (is_healthy, told) = health(&all);
            let status = match is_healthy {
                true => StatusCode::OK,
                false => StatusCode::SERVICE_UNAVAILABLE,
            };
            response(status, "application/json", format!("{told}\n"))
        }
        _ => {
            let text = "there is /metrics for Prometheus and /health\n".to_owned();
            response(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", text)
        }
    }
}

/// Whether a `Host` names this machine by an address or as localhost. Any other name may be one that somebody else's web
/// page has made to lead here.
fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok()
}

fn health(nodes: &[(String, Health)]) -> (bool, Value) {
    let finding = |finding: &Finding| {
        json!({
            "kind": finding.kind.as_str(),
            "level": finding.level.as_str(),
            "subject": finding.subject,
            "found": finding.found,
            "remedy": finding.remedy,
        })
    };
    let node = |(name, health): &(String, Health)| {
        json!({
            "node": name,
            "level": health.level().as_str(),
            "findings": health.findings.iter().map(finding).collect::<Vec<_>>(),
        })
    };
    let level = nodes.iter().map(|(_, health)| health.level()).max().unwrap_or_default();
    let is_healthy = level < Level::Error;
    let told = json!({
        "healthy": is_healthy,
        "level": level.as_str(),
        "nodes": nodes.iter().map(node).collect::<Vec<_>>(),
    });
    (is_healthy, told)
}

fn response(status: StatusCode, content_type: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Why counters are not served.
#[derive(Debug)]
#[non_exhaustive]
pub enum MetricsError {
    /// The text is no address.
    Address {
        /// The text.
        text: String,
    },
    /// Nothing can listen there.
    Listen {
        /// The address.
        address: SocketAddr,
        /// The operating system's own words.
        error: io::Error,
    },
}

impl fmt::Display for MetricsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address { text } => write!(
                f,
                "counters are served on an address such as 127.0.0.1:9464, or a port such as 9464, found {text:?}"
            ),
            Self::Listen { address, error } => write!(
                f,
                "counters cannot be served on {address}: {error}; name another port, or 0 for any that is free"
            ),
        }
    }
}

impl std::error::Error for MetricsError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_on_the_loopback_interface() {
        for text in ["9464", ":9464", "localhost:9464", "127.0.0.1:9464"] {
            assert_eq!(parse_address(text).unwrap().to_string(), "127.0.0.1:9464", "{text}");
        }
        assert_eq!(parse_address("0.0.0.0:1").unwrap().to_string(), "0.0.0.0:1");
        assert_eq!(parse_address("[::1]:1").unwrap().to_string(), "[::1]:1");
        for text in ["", "robot:9464", "65536", "127.0.0.1", "-1", "localhost"] {
            let error = parse_address(text).unwrap_err().to_string();
            assert!(error.contains("such as 127.0.0.1:9464"), "{text}: {error}");
        }
    }

    #[test]
    fn only_addresses_and_localhost_name_this_machine() {
        for host in ["127.0.0.1:9464", "localhost", "LOCALHOST:1", "[::1]:9464", "10.0.0.1"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in [
            "evil.example:9464",
            "localhost.evil.example",
            "",
            "127.0.0.1.evil.example",
            "a:b",
        ] {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}
