//! A border with all faces that clients connect to, and the status page; with TLS or without.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use nuncio::{Discovery, Identity, Keystore, Node, TopicPattern, TrustMode};
use nuncio_bridge::foxglove::{self, FoxgloveOptions};
use nuncio_bridge::grpc::{self, GrpcOptions};
use nuncio_bridge::rosbridge::{self, RosbridgeOptions};
use nuncio_bridge::status_page::{self, StatusPageOptions};
use nuncio_bridge::{Border, ClientRole, FrontOptions, Ready, Rules, TlsPair, Token, TypeLibrary};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// How long anything may take that is waited for.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) const TOKEN: &str = "a-token-for-this-test-only";

pub(crate) struct Doors {
    pub(crate) border: Border,
    pub(crate) foxglove: SocketAddr,
    pub(crate) rosbridge: SocketAddr,
    pub(crate) grpc: SocketAddr,
    pub(crate) status: SocketAddr,
    /// What clients trust; `None` without TLS.
    pub(crate) authority: Option<Authority>,
    _serving: JoinSet<()>,
}

/// Everything may cross.
pub(crate) fn open() -> Rules {
    Rules::allow([TopicPattern::parse("/**").unwrap()])
}

/// Everything may cross, with the token.
pub(crate) fn with_token() -> Rules {
    Rules {
        tokens: vec![Token::new(TOKEN, Arc::new(ClientRole::everything("operator")))],
        ..open()
    }
}

impl Doors {
    pub(crate) async fn plain(rules: Rules) -> Self {
        Self::new(rules, None, |front| front).await
    }

    /// With so many places at each door, and little patience.
    pub(crate) async fn impatient(rules: Rules, connections_max: usize, patience: Duration) -> Self {
        let adjust = |front| FrontOptions {
            connections_max,
            patience,
            ..front
        };
        Self::new(rules, None, adjust).await
    }

    pub(crate) async fn with_tls(rules: Rules) -> Self {
        Self::new(rules, Some(Authority::new()), |front| front).await
    }

    async fn new(
        rules: Rules,
        authority: Option<Authority>,
        adjust: impl FnOnce(FrontOptions) -> FrontOptions,
    ) -> Self {
        let node = Node::builder("bridge")
            .keystore(Keystore::ephemeral(Identity::from_seed(&[2; 32])))
            .discovery(Discovery::Off)
            .trust_mode(TrustMode::Tofu);
        let border = Border::new(node.open().await.unwrap(), rules, TypeLibrary::open(&[]).unwrap());
        let front = adjust(FrontOptions {
            tls: authority.as_ref().map(Authority::pair),
            ..FrontOptions::at(([127, 0, 0, 1], 0).into())
        });
        let (tell, mut told) = mpsc::unbounded_channel::<Ready>();
        let tell = || {
            let tell = tell.clone();
            move |ready| tell.send(ready).unwrap()
        };
        let mut serving = JoinSet::new();
        let to_viewers = foxglove::serve(border.clone(), FoxgloveOptions::at(front.clone(), false), tell());
        serving.spawn(async { to_viewers.await.unwrap() });
        let options = RosbridgeOptions {
            front: front.clone(),
            ..RosbridgeOptions::default()
        };
        let to_clients = rosbridge::serve(border.clone(), options, tell());
        serving.spawn(async { to_clients.await.unwrap() });
        let options = GrpcOptions {
            front: front.clone(),
            ..GrpcOptions::default()
        };
        let to_programs = grpc::serve(border.clone(), options, tell());
        serving.spawn(async { to_programs.await.unwrap() });
        let to_people = status_page::serve(border.clone(), StatusPageOptions { front }, tell());
        serving.spawn(async { to_people.await.unwrap() });
        let mut doors = Self {
            border,
            foxglove: ([0; 4], 0).into(),
            rosbridge: ([0; 4], 0).into(),
            grpc: ([0; 4], 0).into(),
            status: ([0; 4], 0).into(),
            authority,
            _serving: serving,
        };
        for _ in 0..4 {
            let ready = in_time(told.recv()).await.unwrap();
            let (scheme, address) = ready.address.split_once("://").unwrap();
            assert_eq!(
                scheme.ends_with('s') && scheme != "ws",
                doors.authority.is_some(),
                "{scheme}"
            );
            let address = address.trim_end_matches('/').parse().unwrap();
            match ready.face {
                "foxglove" => doors.foxglove = address,
                "rosbridge" => doors.rosbridge = address,
                "grpc" => doors.grpc = address,
                _ => doors.status = address,
            }
        }
        doors
    }

    /// A connection with TLS where there is any, checked by what clients trust here.
    pub(crate) async fn dial(&self, address: SocketAddr) -> Box<dyn Stream> {
        let stream = TcpStream::connect(address).await.unwrap();
        match &self.authority {
            None => Box::new(stream),
            Some(authority) => Box::new(in_time(handshake(stream, &authority.roots())).await.unwrap()),
        }
    }
}

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A TLS handshake as a client that trusts these makes it.
pub(crate) async fn handshake(
    stream: TcpStream,
    roots: &rustls::RootCertStore,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots.clone())
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// Somebody who signs certificates, and the one of the bridge.
pub(crate) struct Authority {
    pub(crate) pem: String,
    folder: tempfile::TempDir,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        let bridge_key = KeyPair::generate().unwrap();
        let of_bridge = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let of_bridge = of_bridge.signed_by(&bridge_key, &issuer).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("bridge.pem"), of_bridge.pem()).unwrap();
        std::fs::write(folder.path().join("bridge.key"), bridge_key.serialize_pem()).unwrap();
        Self {
            pem: certificate.pem(),
            folder,
        }
    }

    pub(crate) fn roots(&self) -> rustls::RootCertStore {
        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap())
            .unwrap();
        roots
    }

    fn pair(&self) -> TlsPair {
        let at = |name: &str| -> PathBuf { self.folder.path().join(name) };
        TlsPair {
            certificates: at("bridge.pem"),
            key: at("bridge.key"),
        }
    }
}

pub(crate) async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, what).await.expect("it takes too long")
}
