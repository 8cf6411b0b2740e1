//! `trust export --zenoh`: a router that refuses at the hop what receivers would refuse.
//!
//! Writes files and talks to nobody. What the rules are is the runtime's matter; here is where they come from and where
//! they go. A router's key that is there already is used again, so that writing anew changes as little as it can.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nuncio::security::key::KeyTextError;
use nuncio::security::router_rules::{Admission, Member};
use nuncio::security::time_text::utc_text;
use nuncio::security::trust_storage::ANCHOR_FILE;
use nuncio::security::x509::{Authority, Validity};
use nuncio::{CertificateChain, Domain, Identity, clock};

use super::{CommandError, Outcome};
use crate::answers::trust::{RouterExported, RouterMember};
use crate::cli::{GlobalArgs, ZenohExport};
use crate::render::{Render, count};
use crate::trust_home::{NoTrustFile, TrustHome};

/// Where a router listens unless it is said.
const LISTEN: &str = "tls/0.0.0.0:7447";

/// By which names a router is always reached from its own machine.
const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Clocks differ: a certificate begins this much before it is made.
const SLACK_NS: i64 = 3_600_000_000_000;

const DAY_NS: i64 = 86_400_000_000_000;

const HEADER: &str = "\
// Made by `nuncio trust export --zenoh` from trust.toml: change that, and export again.
// Whatever is not listed here is refused. Receivers check all of it again, and more.
";

pub(super) fn run(
    render: &Render,
    global: &GlobalArgs,
    args: &ZenohExport,
    folder: &Path,
) -> Result<Outcome, CommandError> {
    let home = TrustHome::open(global)?;
    if home.file.is_none() {
        let path = home.keystore.trust_path().unwrap_or_default();
        return Err(NoTrustFile { path }.into());
    }
    let policy = &home.policy;
    if let Some(other) = policy.domain().filter(|other| **other != global.domain) {
        let (asked, found) = (global.domain.clone(), other.clone());
        return Err(ExportError::OtherDomain { asked, found }.into());
    }
    let (_, anchor) = home
        .anchor_key(args.anchor.as_ref(), &args.passphrase)?
        .ok_or_else(|| ExportError::NoAnchor {
            path: args.anchor.clone().unwrap_or_else(|| home.path(ANCHOR_FILE)),
        })?;
    let now_ns = clock::now_ns();
    if policy
        .revoked_at(anchor.public_key())
        .is_some_and(|at_ns| at_ns <= now_ns)
    {
        return Err(ExportError::RevokedAnchor.into());
    }
    let listen = match global.listen.is_empty() {
        true => vec![LISTEN.to_owned()],
        false => global.listen.clone(),
    };
    if let Some(endpoint) = listen.iter().find(|endpoint| !endpoint.starts_with("tls/")) {
        let endpoint = endpoint.clone();
        return Err(ExportError::NotTls { endpoint }.into());
    }
    let chains = args.certificates.as_deref().map_or(Ok(Vec::new()), read_chains)?;
    let admission = Admission::new(policy, &chains, &global.domain, now_ns)?;

    let folder = Folder::make(folder)?;
    let validity = Validity {
        not_before_ns: now_ns.saturating_sub(SLACK_NS),
        not_after_ns: now_ns.saturating_add(DAY_NS.saturating_mul(i64::from(args.days))),
    };
    let certified = write_certificates(&folder, &anchor, &admission, &args.names, validity)?;
    let installed_in = args.installed_in.clone().unwrap_or_else(|| folder.path.clone());
    let config = admission.router_config(&global.domain, &listen, &installed_in);
    folder.write("router.json5", &format!("{HEADER}{config:#}\n"))?;

    for remark in &admission.remarks {
        render.note(remark);
    }
    if args.names.is_empty() {
        render.note("the router's certificate holds on its own machine only; --san names where others reach it");
    }
    report(render, &folder, &admission, &certified)
}

/// The chains in all files of a folder. One that is no chain is an error: nobody is left out in silence.
fn read_chains(folder: &Path) -> Result<Vec<CertificateChain>, CommandError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error| ExportError::Io { path, error }
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        paths.push(entry.map_err(at(folder))?.path());
    }
    paths.sort();
    let chains = paths.iter().filter(|path| path.is_file()).map(|path| {
        let text = fs::read_to_string(path).map_err(at(path))?;
        CertificateChain::parse(&text).map_err(|error| ExportError::NotAChain {
            path: path.clone(),
            problem: error.to_string(),
        })
    });
    Ok(chains.collect::<Result<_, _>>()?)
}

/// Writes all certificates, and the router's key. Gives the files of the members, by nickname.
fn write_certificates(
    folder: &Folder,
    anchor: &Identity,
    admission: &Admission,
    names: &[String],
    validity: Validity,
) -> Result<BTreeMap<String, PathBuf>, CommandError> {
    let authority = Authority::new(anchor);
    folder.write("ca.pem", &authority.certificate(validity)?)?;
    let mut reachable_at: Vec<String> = LOCAL_NAMES.map(ToOwned::to_owned).to_vec();
    reachable_at.extend(
        names
            .iter()
            .filter(|name| !LOCAL_NAMES.contains(&name.as_str()))
            .cloned(),
    );
    let router = folder.router_key()?.public_key();
    folder.write("router.pem", &authority.certify(router, &reachable_at, validity)?)?;
    let mut files = BTreeMap::new();
    for member in &admission.members {
        let certificate = authority.certify(member.key, &[], narrowed(validity, member))?;
        let path = folder.write(&format!("nodes/{}.pem", member.nickname), &certificate)?;
        files.insert(member.nickname.clone(), path);
    }
    Ok(files)
}

fn narrowed(validity: Validity, member: &Member) -> Validity {
    let Validity {
        not_before_ns,
        not_after_ns,
    } = validity;
    Validity {
        not_before_ns: member
            .not_before_ns
            .map_or(not_before_ns, |begins| begins.max(not_before_ns)),
        not_after_ns: member.not_after_ns.map_or(not_after_ns, |ends| ends.min(not_after_ns)),
    }
}

fn report(
    render: &Render,
    folder: &Folder,
    admission: &Admission,
    certified: &BTreeMap<String, PathBuf>,
) -> Result<Outcome, CommandError> {
    let config = folder.path.join("router.json5");
    if render.is_json() {
        let members = admission.members.iter().map(|member| RouterMember {
            nickname: &member.nickname,
            key: member.key.to_string(),
            publishes: &member.publishes,
            until: member.not_after_ns.map(utc_text),
            certificate: certified.get(&member.nickname).map(|path| path.display().to_string()),
        });
        render.answer(&RouterExported {
            config: config.display().to_string(),
            members: members.collect(),
            remarks: admission.remarks.iter().map(ToString::to_string).collect(),
        })?;
        return Ok(Outcome::Found);
    }
    render.line(None, &config.display().to_string())?;
    for member in &admission.members {
        let publishes: Vec<&str> = member.publishes.iter().map(String::as_str).collect();
        let publishes = match publishes.is_empty() {
            true => "publishes nothing".to_owned(),
            false => format!("publishes {}", publishes.join(", ")),
        };
        render.line(None, &format!("nodes/{}.pem  {publishes}", member.nickname))?;
    }
    render.note(format!(
        "{} admitted; start the router with `zenohd --config {}`",
        count(admission.members.len(), "key"),
        config.display()
    ));
    Ok(Outcome::Found)
}

/// The folder that is written into.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn make(path: &Path) -> Result<Self, ExportError> {
        let failed = |error| ExportError::Io {
            path: path.to_owned(),
            error,
        };
        fs::create_dir_all(path.join("nodes")).map_err(failed)?;
        let path = fs::canonicalize(path).map_err(failed)?;
        Ok(Self { path })
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf, ExportError> {
        let path = self.path.join(name);
        match fs::write(&path, text) {
            Ok(()) => Ok(path),
            Err(error) => Err(ExportError::Io { path, error }),
        }
    }

    /// The router's own key: the one that is there, else a new one, for this user alone.
    fn router_key(&self) -> Result<Identity, ExportError> {
        let path = self.path.join("router.key");
        if path.exists() {
            let text = fs::read_to_string(&path).map_err(|error| ExportError::Io {
                path: path.clone(),
                error,
            })?;
            return Identity::from_pkcs8_pem(&text).map_err(|error| ExportError::NotAKey { path, error });
        }
        let made = Identity::generate().and_then(|identity| {
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)?;
            file.write_all(identity.to_pkcs8_pem().as_bytes())?;
            file.sync_all()?;
            Ok(identity)
        });
        made.map_err(|error| ExportError::Io { path, error })
    }
}

/// Why there is no configuration for a router.
#[derive(Debug)]
enum ExportError {
    /// trust.toml is for another domain.
    OtherDomain { asked: Domain, found: Domain },
    /// The anchor's key is not there.
    NoAnchor { path: PathBuf },
    /// The file is no key.
    NotAKey { path: PathBuf, error: KeyTextError },
    /// The anchor's own key was revoked.
    RevokedAnchor,
    /// A router that enforces listens with TLS alone.
    NotTls { endpoint: String },
    /// A file among the certificates is none.
    NotAChain { path: PathBuf, problem: String },
    /// A file cannot be read or written.
    Io { path: PathBuf, error: io::Error },
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherDomain { asked, found } => write!(
                f,
                "trust.toml is for domain {found}, and the router was asked for in {asked}; say --domain {found}"
            ),
            Self::NoAnchor { path } => write!(
                f,
                "expected the anchor's key, which signs the certificates, in {}, found none; --anchor FILE says where it is",
                path.display()
            ),
            Self::NotAKey { path, error } => write!(f, "{}: {error}", path.display()),
            Self::RevokedAnchor => f.write_str("the anchor's key was revoked; sign with another, by --anchor FILE"),
            Self::NotTls { endpoint } => write!(
                f,
                "expected TLS endpoints such as {LISTEN}, found {endpoint}: without TLS a router does not know who speaks"
            ),
            Self::NotAChain { path, problem } => write!(f, "{}: {problem}", path.display()),
            Self::Io { path, error } => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl Error for ExportError {}
