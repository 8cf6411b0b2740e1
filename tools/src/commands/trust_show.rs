//! `trust show`: what a trust.toml, certificates or a key file say, in plain words, and whether it holds.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use nuncio::security::certificate_chain::CertificateChain;
use nuncio::security::key::needs_passphrase;
use nuncio::security::time_text::utc_text;
use nuncio::security::trust_file::TrustFile;
use nuncio::{Domain, Identity, TrustPolicy, clock};
use serde_json::json;

use super::{CommandError, Outcome};
use crate::cli::{GlobalArgs, TrustShow};
use crate::policy_words::{certificate_words, mode_words, policy_entries};
use crate::render::{Render, Table, Tone};
use crate::trust_home::TrustHome;

/// No file that is looked at is larger.
const FILE_LEN_MAX: u64 = 2 * 1024 * 1024;

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
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(FILE_LEN_MAX).read_to_string(&mut text))
        .map_err(|error| io::Error::new(error.kind(), format!("cannot read {}: {error}", path.display())))?;
    let now_ns = clock::now_ns();
    if text.starts_with(CERTIFICATE_BEGINS) {
        let home = TrustHome::open(global)?;
        return Ok(match CertificateChain::parse(&text) {
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
        key_file(render, path, &text)?;
        return Ok(Outcome::Found);
    }
    match TrustFile::parse(&text) {
        Ok(file) => {
            policy(render, path, file.policy(), now_ns)?;
            Ok(Outcome::Found)
        }
        Err(error) => {
            for problem in &error.problems {
                match render.is_json() {
                    true => render.json(&json!({
                        "file": path.display().to_string(),
                        "line": problem.line,
                        "column": problem.column,
                        "message": problem.message,
                    }))?,
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
        let entries: Vec<_> = entries.into_iter().map(|entry| entry.json).collect();
        return Ok(render.json(&json!({
            "file": path.display().to_string(),
            "what": "policy",
            "mode": policy.mode.as_str(),
            "domain": domain,
            "entries": entries,
        }))?);
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
        render.json(&json!({
            "file": path.display().to_string(),
            "what": "certificates",
            "subject": chain.leaf().terms().subject.to_string(),
            "anchor": chain.anchor().to_string(),
            "certificates": lines,
            "holds": problem.is_none(),
            "problem": problem,
        }))?;
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
        return Ok(render.json(&json!({
            "file": path.display().to_string(),
            "holds": problem.is_none(),
            "problem": problem,
        }))?);
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
        let path = path.display().to_string();
        return Ok(render.json(&json!({"file": path, "what": what, "key": key}))?);
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
