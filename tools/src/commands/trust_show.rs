//! `trust show`: what a trust.toml, certificates, a list of revocations or a key file say, in plain words, and whether it holds.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use nuncio::security::certificate_chain::CertificateChain;
use nuncio::security::key::needs_passphrase;
use nuncio::security::revocation::{Revoked, SignedRevocations};
use nuncio::security::time_text::utc_text;
use nuncio::security::trust_file::TrustFile;
use nuncio::{Domain, Identity, TrustPolicy, clock};
use zeroize::Zeroizing;

use super::{CommandError, Outcome};
use crate::answers::trust::{
    CertificatesShown, FileVerdict, KeyFileShown, PolicyShown, RevocationsShown, RevokedKey, TrustFileProblem,
};
use crate::cli::{GlobalArgs, TrustShow};
use crate::policy_words::{certificate_words, mode_words, policy_entries};
use crate::render::{Render, Table, Tone};
use crate::trust_home::TrustHome;

/// No file that is looked at is larger.
const FILE_LEN_MAX: u64 = 2 * 1024 * 1024;

/// How a signed list of revocations begins.
const FRAME_BEGINS: &[u8] = b"Nu";

/// How a certificate begins.
const CERTIFICATE_BEGINS: &str = "nuncio certificate v";

pub(super) fn run(render: &Render, global: &GlobalArgs, args: &TrustShow) -> Result<Outcome, CommandError> {
    match &args.file {
        None => keystore(render, global),
        Some(path) => file(render, global, path),
    }
}

fn keystore(render: &Render, global: &GlobalArgs) -> Result<Outcome, CommandError> {
    let home = TrustHome::open(global)?;
    let now_ns = clock::now_ns();
    let path = home.keystore.trust_path().unwrap_or_default();
    let mut all_hold = true;
    if home.file.is_some() {
        policy(render, &path, &home.policy, now_ns)?;
        for (_, anchor) in home.policy.anchors() {
            if let Some(list) = home.keystore.revocations(&home.domain, anchor)? {
                revocations(render, None, &list, &home.policy)?;
            }
        }
    } else {
        render.note(format!(
            "there is no {}, so the mode is {}: {}",
            path.display(),
            home.policy.mode,
            mode_words(home.policy.mode)
        ));
    }
    let Some(key) = home.identity.as_ref().map(Identity::public_key) else {
        render.note("there is no key of this user's own yet");
        return Ok(Outcome::Found);
    };
    if let Some(chain) = home.own_chain(key)? {
        let path = home.keystore.certificate_path().unwrap_or_default();
        all_hold &= certificates(render, &path, &chain, &home.policy, &global.domain, now_ns)?;
    }
    if let Some(at_ns) = home.policy.revoked_at(key) {
        all_hold = false;
        render.warning(format!("the own key is revoked since {}", utc_text(at_ns)));
    }
    Ok(outcome(all_hold))
}

fn file(render: &Render, global: &GlobalArgs, path: &Path) -> Result<Outcome, CommandError> {
    let mut content = Zeroizing::new(Vec::new());
    let cannot_read =
        |error: io::Error| io::Error::new(error.kind(), format!("cannot read {}: {error}", path.display()));
    File::open(path)
        .and_then(|file| file.take(FILE_LEN_MAX).read_to_end(&mut content))
        .map_err(cannot_read)?;
    let now_ns = clock::now_ns();
    if content.starts_with(FRAME_BEGINS) {
        let home = TrustHome::open(global)?;
        return match SignedRevocations::read(&content, &global.domain) {
            Ok(list) => revocations(render, Some(path), &list, &home.policy),
            Err(refusal) => {
                let problem = format!("{}: {}", refusal.reason, refusal.detail);
                verdict(render, path, Some(&problem))?;
                Ok(Outcome::Refused)
            }
        };
    }
    let text = str::from_utf8(&content).map_err(|error| cannot_read(io::Error::other(error)))?;
    if text.starts_with(CERTIFICATE_BEGINS) {
        let home = TrustHome::open(global)?;
        return Ok(match CertificateChain::parse(text) {
            Ok(chain) => {
                let holds = certificates(render, path, &chain, &home.policy, &global.domain, now_ns)?;
                outcome(holds)
            }
            Err(error) => {
                let error = error.to_string();
                verdict(render, path, Some(&error))?;
                Outcome::Refused
            }
        });
    }
    if text.contains("-----BEGIN ") {
        key_file(render, path, text)?;
        return Ok(Outcome::Found);
    }
    match TrustFile::parse(text) {
        Ok(file) => {
            policy(render, path, file.policy(), now_ns)?;
            Ok(Outcome::Found)
        }
        Err(error) => {
            for problem in &error.problems {
                match render.is_json() {
                    true => render.answer(&TrustFileProblem {
                        file: path.display().to_string(),
                        line: problem.line,
                        column: problem.column,
                        message: &problem.message,
                    })?,
                    false => render.line(None, &format!("{}:{problem}", path.display()))?,
                }
            }
            Ok(Outcome::Refused)
        }
    }
}

fn policy(render: &Render, path: &Path, policy: &TrustPolicy, now_ns: i64) -> Result<(), CommandError> {
    let domain = policy.domain().map(Domain::as_str);
    let entries = policy_entries(policy, now_ns);
    if render.is_json() {
        return Ok(render.answer(&PolicyShown {
            file: path.display().to_string(),
            what: "policy",
            mode: policy.mode.as_str(),
            domain,
            entries: entries.into_iter().map(|entry| entry.row).collect(),
        })?);
    }
    render.line(Some(Tone::Strong), &path.display().to_string())?;
    render.line(None, &format!("  mode {}: {}", policy.mode, mode_words(policy.mode)))?;
    match domain {
        Some(domain) => render.line(None, &format!("  for domain {domain} only"))?,
        None => render.line(None, "  for every domain")?,
    }
    let mut table = Table::default();
    for entry in entries {
        table.row([entry.kind.to_owned(), entry.name, entry.words]);
    }
    table.lines(2).iter().try_for_each(|line| render.line(None, line))?;
    Ok(())
}

/// Prints who was revoked, and says whether that has effect here.
fn revocations(
    render: &Render,
    path: Option<&Path>,
    list: &SignedRevocations,
    policy: &TrustPolicy,
) -> Result<Outcome, CommandError> {
    let holds = policy.is_anchor(list.anchor());
    let problem = (!holds).then(|| format!("{} is no anchor in this user's trust.toml", list.anchor()));
    if render.is_json() {
        render.answer(&RevocationsShown {
            file: path.map(|path| path.display().to_string()),
            what: "revocations",
            anchor: list.anchor().to_string(),
            serial: list.serial(),
            revoked: list.revoked().iter().map(revoked_key).collect(),
            holds,
            problem,
        })?;
        return Ok(outcome(holds));
    }
    if let Some(path) = path {
        render.line(Some(Tone::Strong), &path.display().to_string())?;
    }
    let head = format!("revocations of {}, list {}", list.anchor(), list.serial());
    render.line(Some(Tone::Strong), &head)?;
    let mut table = Table::default();
    for revoked in list.revoked() {
        let since = format!("refused since {}", utc_text(revoked.since_ns));
        table.row([revoked.key.to_string(), since, revoked.reason.clone()]);
    }
    table.lines(2).iter().try_for_each(|line| render.line(None, line))?;
    if let Some(problem) = problem {
        render.line(Some(Tone::Warning), &format!("  they have no effect here: {problem}"))?;
    }
    Ok(outcome(holds))
}

fn revoked_key(revoked: &Revoked) -> RevokedKey<'_> {
    RevokedKey {
        key: revoked.key.to_string(),
        since: utc_text(revoked.since_ns),
        reason: &revoked.reason,
    }
}

/// Prints a chain and says whether it holds here and now.
fn certificates(
    render: &Render,
    path: &Path,
    chain: &CertificateChain,
    policy: &TrustPolicy,
    domain: &Domain,
    now_ns: i64,
) -> Result<bool, CommandError> {
    let problem = problem_of(chain, policy, domain, now_ns);
    let lines: Vec<String> = chain.certificates().map(certificate_words).collect();
    if render.is_json() {
        render.answer(&CertificatesShown {
            file: path.display().to_string(),
            what: "certificates",
            subject: chain.leaf().terms().subject.to_string(),
            anchor: chain.anchor().to_string(),
            certificates: lines,
            holds: problem.is_none(),
            problem: problem.clone(),
        })?;
    } else {
        render.line(Some(Tone::Strong), &path.display().to_string())?;
        for line in &lines {
            render.line(None, &format!("  {line}"))?;
        }
        verdict(render, path, problem.as_deref())?;
    }
    Ok(problem.is_none())
}

/// Why a chain grants nothing under the policy, if so. The order is that of a decision.
pub(super) fn problem_of(
    chain: &CertificateChain,
    policy: &TrustPolicy,
    domain: &Domain,
    now_ns: i64,
) -> Option<String> {
    let revoked = |key| policy.revoked_at(key).is_some_and(|at_ns| at_ns <= now_ns);
    if let Some(key) = chain.keys().find(|key| revoked(*key)) {
        return Some(format!("Revoked: it rests on {key}, which was revoked"));
    }
    if !policy.is_anchor(chain.anchor()) {
        return Some(format!(
            "CertInvalid: it leads to {}, which is no anchor in this user's trust.toml",
            chain.anchor()
        ));
    }
    let terms = chain.leaf().terms();
    if terms.domain != *domain {
        return Some(format!("CertInvalid: it is for domain {}, not {domain}", terms.domain));
    }
    if now_ns < terms.not_before_ns {
        return Some(format!(
            "CertNotYetValid: it begins at {}",
            utc_text(terms.not_before_ns)
        ));
    }
    if now_ns >= terms.not_after_ns {
        return Some(format!("CertExpired: it expired at {}", utc_text(terms.not_after_ns)));
    }
    None
}

fn verdict(render: &Render, path: &Path, problem: Option<&str>) -> Result<(), CommandError> {
    if render.is_json() {
        return Ok(render.answer(&FileVerdict {
            file: path.display().to_string(),
            holds: problem.is_none(),
            problem,
        })?);
    }
    match problem {
        None => render.line(None, "  it holds here and now")?,
        Some(problem) => render.line(Some(Tone::Warning), &format!("  it does not hold: {problem}"))?,
    }
    Ok(())
}

fn key_file(render: &Render, path: &Path, text: &str) -> Result<(), CommandError> {
    let (what, key) = if needs_passphrase(text) {
        ("an encrypted private key".to_owned(), None)
    } else {
        match Identity::from_pkcs8_pem(text) {
            Ok(identity) => ("a private key".to_owned(), Some(identity.public_key().to_string())),
            Err(error) => (error.to_string(), None),
        }
    };
    if render.is_json() {
        let file = path.display().to_string();
        return Ok(render.answer(&KeyFileShown { file, what, key })?);
    }
    render.line(Some(Tone::Strong), &path.display().to_string())?;
    render.line(None, &format!("  {what}"))?;
    if let Some(key) = key {
        render.line(None, &format!("  {key}"))?;
    }
    Ok(())
}

const fn outcome(all_hold: bool) -> Outcome {
    if all_hold { Outcome::Found } else { Outcome::Refused }
}
