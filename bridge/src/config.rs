//! `bridge.toml`: what crosses, for whom, and which faces are served.
//!
//! ```toml
//! clients_max = 256
//! allow_origins = ["https://dash.example.com"]  # pages in browsers that need no token; those of this machine never do
//!
//! [[route]]                       # the first route that has a name decides about it
//! topics = ["/camera/**", "/tf"]  # topics and services by their names on Nuncio's side; one pattern, or several
//! direction = "out"               # "out": foreign clients may subscribe; "in": they may publish, call and serve; "both"
//! faces = ["foxglove"]            # all, unless it says otherwise
//! rename = { from = "/robot1", to = "/" }  # what names begin with here, and what instead on the foreign side
//! rate_max = 10.0                 # messages of a topic to each client, a second
//!
//! [role.viewer]
//! subscribe = ["/**"]             # likewise publish, call and serve; what is not named is not permitted
//! in_per_second = 100             # messages and calls from one client
//! message_len_max = 1048576       # bytes of one message
//! queue_max = 100                 # messages of a topic that wait for one client
//!
//! [[token]]
//! file = "viewer.token"           # or: env = "VIEWER_TOKEN"
//! role = "viewer"
//!
//! [tls]                           # for all faces but ros2, and for the status page
//! certificates = "bridge.pem"
//! key = "bridge.key"
//!
//! [foxglove]                      # a face is served when its table is there
//! address = "127.0.0.1:8765"
//! ```
//!
//! Paths are relative to the file. Tokens stand in files or variables of their own, never in this one.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::front::TlsPair;
use crate::origin::Origin;
use crate::role::ClientRole;
use crate::rules::{Face, Route, Rules};

mod file;
mod lines;

use self::file::{File, read_role, read_route, read_token};
use self::lines::Lines;

/// The longest file that is read.
const FILE_LEN_MAX: u64 = 1 << 20;

/// What a configuration says, checked.
#[derive(Clone, Debug)]
pub struct BridgeConfig {
    /// What crosses, and for whom.
    pub rules: Rules,
    /// Certificates for clients.
    pub tls: Option<TlsPair>,
    /// The ROS 2 face.
    pub ros2: Option<Ros2Config>,
    /// Where the other faces listen.
    pub addresses: BTreeMap<Face, SocketAddr>,
    /// Whether Foxglove gets JSON instead of CDR.
    pub foxglove_json: bool,
    /// Where the status page is.
    pub status: Option<SocketAddr>,
    /// What is allowed and probably not meant.
    pub warnings: Vec<String>,
}

/// How the ROS 2 face finds its network.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Ros2Config {
    /// Zenoh endpoints of ROS routers to connect to.
    #[serde(default)]
    pub connect: Vec<String>,
    /// Zenoh endpoints to listen on.
    #[serde(default)]
    pub listen: Vec<String>,
    /// `ROS_DOMAIN_ID`.
    #[serde(default)]
    pub domain: u32,
    /// Be the router that ROS nodes connect to.
    #[serde(default)]
    pub offer_router: bool,
}

impl BridgeConfig {
    /// Reads and checks a file, and whatever it names.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with everything that is wrong.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let failed = |problem: String| ConfigError {
            path: path.to_owned(),
            problems: vec![problem],
        };
        let len = fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
        if len > FILE_LEN_MAX {
            return Err(failed(format!("it has {len} bytes, at most {FILE_LEN_MAX} are read")));
        }
        let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        let dir = path.parent().unwrap_or(Path::new("."));
        Self::parse(&text, dir, |name| std::env::var(name).ok()).map_err(|problems| ConfigError {
            path: path.to_owned(),
            problems,
        })
    }

    /// Reads a configuration whose paths are relative to `dir`.
    fn parse(text: &str, dir: &Path, env: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<String>> {
        let file: File =
            toml_edit::de::from_str(text).map_err(|error| vec![error.to_string().trim_end().to_owned()])?;
        let lines = Lines::of(text);
        let mut problems = Vec::new();
        let mut routes = Vec::new();
        for (index, entry) in file.routes.iter().enumerate() {
            read_route(entry, &lines.entry("route", index), &mut routes, &mut problems);
        }
        let mut roles = BTreeMap::new();
        for (name, entry) in &file.roles {
            let role = read_role(name, entry, &lines.table("role", name), &mut problems);
            roles.insert(name.clone(), Arc::new(role));
        }
        let origins = read_origins(&file.allow_origins, &lines, &mut problems);
        let mut tokens = Vec::new();
        for (index, entry) in file.tokens.iter().enumerate() {
            match read_token(entry, dir, &roles, &env) {
                Ok(token) => tokens.push(token),
                Err(problem) => {
                    let at = lines.entry("token", index).of("role");
                    problems.push(format!("{at}: {problem}"));
                }
            }
        }
        let listening = [
            (Face::Foxglove, file.foxglove.as_ref().map(|entry| entry.address.0)),
            (Face::Rosbridge, file.rosbridge.as_ref().map(|entry| entry.address.0)),
            (Face::Grpc, file.grpc.as_ref().map(|entry| entry.address.0)),
        ];
        let addresses: BTreeMap<Face, SocketAddr> = listening
            .into_iter()
            .filter_map(|(face, address)| Some((face, address?)))
            .collect();
        let status = file.status.map(|entry| entry.address.0);
        check_addresses(&addresses, status, &lines, &mut problems);
        let tls = file.tls.map(|tls| TlsPair {
            certificates: dir.join(tls.certificates),
            key: dir.join(tls.key),
        });
        check_numbers_and_files(file.clients_max, tls.as_ref(), &lines, &mut problems);
        if addresses.is_empty() && file.ros2.is_none() {
            problems.push("no face is served: add a table [ros2], [foxglove], [rosbridge] or [grpc]".to_owned());
        }
        if routes.is_empty() && problems.is_empty() {
            problems.push("there is no route, so nothing would cross: add a [[route]] with its topics".to_owned());
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut config = Self {
            rules: Rules {
                tokens,
                clients_max: file.clients_max.unwrap_or(256),
                origins,
                ..Rules::allow([])
            },
            tls,
            ros2: file.ros2,
            addresses,
            foxglove_json: file.foxglove.is_some_and(|entry| entry.json),
            status,
            warnings: Vec::new(),
        };
        config.rules.routes = routes;
        config.warnings = config.doubts(&roles);
        Ok(config)
    }

    /// What is allowed and probably not meant.
    fn doubts(&self, roles: &BTreeMap<String, Arc<ClientRole>>) -> Vec<String> {
        let mut doubts = Vec::new();
        let open: Vec<String> = self
            .addresses
            .iter()
            .filter(|(_, address)| !address.ip().is_loopback())
            .map(|(face, address)| format!("{face} at {address}"))
            .collect();
        if !open.is_empty() && self.rules.tokens.is_empty() {
            doubts.push(format!(
                "no token is demanded: everybody who reaches {} may do what the routes let through",
                open.join(" and ")
            ));
        }
        if !open.is_empty() && self.tls.is_none() && !self.rules.tokens.is_empty() {
            doubts.push(format!(
                "there is no TLS: tokens for {} can be read on the way",
                open.join(" and ")
            ));
        }
        if !self.rules.origins.is_empty() && !self.rules.tokens.is_empty() {
            doubts.push(
                "allow_origins has no effect where tokens are demanded: a page with a token may come from anywhere"
                    .to_owned(),
            );
        }
        if self.rules.origins.iter().any(|origin| origin.as_str() == "null") {
            doubts.push("any page can make a frame whose origin is null: all of them may use the bridge".to_owned());
        }
        let unused = roles
            .keys()
            .filter(|role| self.rules.tokens.iter().all(|token| token.role.name != **role));
        doubts.extend(unused.map(|role| format!("no token gives the role {role}")));
        for (index, route) in self.rules.routes.iter().enumerate() {
            let mut before = self.rules.routes.iter().take(index);
            if let Some(earlier) = before.position(|earlier| covers(earlier, route)) {
                doubts.push(format!(
                    "the route of /{} has no effect: /{} before it, number {}, has the same names",
                    route.pattern,
                    self.rules
                        .routes
                        .get(earlier)
                        .map_or_else(String::new, |route| route.pattern.to_string()),
                    earlier + 1
                ));
            }
        }
        doubts
    }
}

/// Whether a route decides about everything that another one would decide about.
fn covers(earlier: &Route, later: &Route) -> bool {
    let ways = (earlier.inward || !later.inward) && (earlier.outward || !later.outward);
    ways && later.faces.iter().all(|face| earlier.faces.contains(face)) && earlier.pattern.includes(&later.pattern)
}

fn read_origins(texts: &[String], lines: &Lines<'_>, problems: &mut Vec<String>) -> Vec<Origin> {
    let mut origins = Vec::new();
    for text in texts {
        match text.parse() {
            Ok(origin) => origins.push(origin),
            Err(error) => problems.push(format!("{}: {error}", lines.top().of("allow_origins"))),
        }
    }
    origins
}

fn check_numbers_and_files(
    clients_max: Option<usize>,
    tls: Option<&TlsPair>,
    lines: &Lines<'_>,
    problems: &mut Vec<String>,
) {
    if let Some(Err(error)) = tls.map(TlsPair::check) {
        problems.push(format!("{}: {error}", lines.top().of("tls")));
    }
    if clients_max == Some(0) {
        let at = lines.top().of("clients_max");
        problems.push(format!(
            "{at}: with clients_max = 0 nobody would be let in; leave it out for 256"
        ));
    }
}

fn check_addresses(
    addresses: &BTreeMap<Face, SocketAddr>,
    status: Option<SocketAddr>,
    lines: &Lines<'_>,
    problems: &mut Vec<String>,
) {
    let named = addresses.iter().map(|(face, address)| (face.as_str(), *address));
    let mut seen: BTreeMap<SocketAddr, &str> = BTreeMap::new();
    for (name, address) in named.chain(status.map(|address| ("status", address))) {
        if address.port() == 0 {
            continue;
        }
        if let Some(other) = seen.insert(address, name) {
            let at = lines.top().of(name);
            problems.push(format!("{at}: {name} and {other} have the same address, {address}"));
        }
    }
}

/// Everything that is wrong with a configuration.
#[derive(Debug)]
pub struct ConfigError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong, one by one.
    pub problems: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.problems.join("\n"))
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests;
