//! The part of `doctor` that looks at this machine: the keystore's files, what they say, and the clock.
//!
//! Each file is looked at by itself, so that one that is broken hides nothing of the others.

use std::error::Error;
use std::fs;
use std::time::UNIX_EPOCH;

use nuncio::security::revocation::SignedRevocations;
use nuncio::security::time_text::utc_text;
use nuncio::security::trust_storage::{ANCHOR_FILE, read_key_text};
use nuncio::{Domain, Keystore, PublicKey, TrustMode, TrustPolicy, clock};

use super::trust_show::problem_of;
use crate::cli::GlobalArgs;
use crate::findings::Finding;
use crate::link::{RENEWED_BEFORE_DAYS, Standing, TlsFolder};
use crate::policy_words::mode_words;
use crate::render::{count, short_key, span};

/// How long before its end a certificate or a grant is told about.
const SOON_NS: i64 = 30 * 86_400 * 1_000_000_000;

/// No clock that is right has stood before this program was written.
const WRITTEN_NS: i64 = 1_760_000_000 * 1_000_000_000;

/// How far ahead of the clock the time of a file may be.
const FILE_SLACK_NS: i64 = 2_000_000_000;

pub(super) fn look(global: &GlobalArgs) -> Vec<Finding> {
    let now_ns = clock::now_ns();
    let keystore = global
        .keystore_dir()
        .map_err(boxed)
        .and_then(|dir| Keystore::open(dir).map_err(boxed));
    let keystore = match keystore {
        Ok(keystore) => keystore,
        Err(error) => {
            return vec![
                Finding::problem("keystore", error.to_string()),
                look_at_clock(None, now_ns),
            ];
        }
    };
    let path = keystore.path().map(|dir| dir.display().to_string()).unwrap_or_default();
    let mut findings = vec![Finding::good("keystore", path)];
    let (identity, own) = look_at_identity(&keystore);
    findings.push(identity);
    let (trust, policy) = look_at_policy(&keystore, global, now_ns);
    findings.extend(trust);
    let (lists, policy) = look_at_revocations(&keystore, &global.domain, policy);
    findings.extend(lists);
    if let Some(own) = own {
        findings.extend(look_at_own_key(&keystore, own, &policy, &global.domain, now_ns));
    }
    findings.extend(look_at_anchor(&keystore));
    findings.extend(look_at_tls(&keystore, global, now_ns));
    findings.push(match keystore.pins() {
        Ok(pins) => {
            let (nodes, topics) = (pins.nodes().count(), pins.topics().count());
            Finding::good(
                "known.toml",
                format!("{} and {}", count(nodes, "node pin"), count(topics, "topic pin")),
            )
        }
        Err(error) => Finding::problem("known.toml", error.to_string()),
    });
    findings.push(look_at_clock(Some(&keystore), now_ns));
    findings
}

/// The certificate for TLS links, if there is one.
fn look_at_tls(keystore: &Keystore, global: &GlobalArgs, now_ns: i64) -> Option<Finding> {
    // A key that cannot be read is a finding of its own.
    let identity = keystore.stored_identity().ok()??;
    let folder = TlsFolder::of(global, keystore);
    let about = "certificate of TLS links";
    let at = folder.path().display();
    let again = "`nuncio link invite` on the other host and `nuncio link accept` here make a new one, or `nuncio trust export \
                 --zenoh` where the anchor's key is";
    Some(match folder.standing(&identity, now_ns) {
        Ok(None) => return None,
        Ok(Some(Standing::Good)) => Finding::good(about, at.to_string()),
        Ok(Some(Standing::EndsSoon)) => {
            let text = format!("{at}: it ends within {RENEWED_BEFORE_DAYS} days");
            Finding::notice(about, text).with_remedy(again)
        }
        Ok(Some(Standing::Bad(error))) => Finding::problem(about, format!("{at}: {error}")).with_remedy(again),
        Err(error) => Finding::problem(about, error.to_string()),
    })
}

fn look_at_identity(keystore: &Keystore) -> (Finding, Option<PublicKey>) {
    match keystore.stored_identity() {
        Ok(Some(identity)) => {
            let key = identity.public_key();
            (Finding::good("identity.key", key.to_string()), Some(key))
        }
        Ok(None) => {
            let finding = Finding::notice("identity.key", "there is none yet; the first node to start makes it");
            (finding, None)
        }
        Err(error) => (Finding::problem("identity.key", error.to_string()), None),
    }
}

fn look_at_policy(keystore: &Keystore, global: &GlobalArgs, now_ns: i64) -> (Vec<Finding>, TrustPolicy) {
    let about = "trust.toml";
    let file = match keystore.trust_file() {
        Ok(Some(file)) => file,
        Ok(None) => {
            let mode = global.trust_mode.unwrap_or_default();
            let text = format!("there is none; mode {mode}: {}", mode_words(mode));
            let finding = match mode {
                TrustMode::Enforce => Finding::problem(about, text),
                _ => Finding::notice(about, text),
            };
            return (
                vec![finding.with_remedy("`nuncio trust init` makes it")],
                TrustPolicy::in_mode(mode),
            );
        }
        Err(error) => return (vec![Finding::problem(about, error.to_string())], TrustPolicy::default()),
    };
    let policy = file.into_policy();
    let text = format!("mode {}: {}", policy.mode, mode_words(policy.mode));
    let mut findings = vec![Finding::good(about, text)];
    if let Some(found) = policy.domain().filter(|found| **found != global.domain) {
        let text = format!(
            "it is for domain {found}, so no node in domain {} starts with it",
            global.domain
        );
        findings.push(Finding::problem(about, text).with_remedy(format!("use --domain {found}")));
    }
    if policy.mode == TrustMode::Enforce && !policy.has_rules() {
        let text = "it has no grants and no anchors, so every message is refused";
        findings.push(Finding::problem(about, text).with_remedy("`nuncio trust add KEY --role ROLE` adds a grant"));
    }
    for grant in policy.grants() {
        let about = format!("{about}, grant {}", grant.nickname);
        findings.extend(ending(&about, grant.expires_ns.unwrap_or(i64::MAX), now_ns));
    }
    (findings, policy)
}

/// A notice when something has ended or soon will.
fn ending(about: &str, ends_ns: i64, now_ns: i64) -> Option<Finding> {
    let text = if ends_ns <= now_ns {
        format!("expired at {}", utc_text(ends_ns))
    } else if ends_ns.saturating_sub(now_ns) < SOON_NS {
        format!("expires at {}", utc_text(ends_ns))
    } else {
        return None;
    };
    Some(Finding::notice(about, text))
}

fn look_at_revocations(keystore: &Keystore, domain: &Domain, policy: TrustPolicy) -> (Vec<Finding>, TrustPolicy) {
    let mut findings = Vec::new();
    let mut more = Vec::new();
    for (nickname, anchor) in policy.anchors() {
        let about = format!("revocations of {nickname}");
        match keystore.revocations(domain, anchor) {
            Ok(None) => {}
            Ok(Some(list)) => {
                let revoked = SignedRevocations::revoked(&list);
                more.extend(revoked.iter().map(|revoked| (revoked.key, revoked.since_ns)));
                let text = format!("list {}, {}", list.serial(), count(revoked.len(), "key"));
                findings.push(Finding::good(about, text));
            }
            Err(error) => findings.push(Finding::problem(about, error.to_string())),
        }
    }
    let policy = policy.with_revocations(&more);
    (findings, policy)
}

fn look_at_own_key(
    keystore: &Keystore,
    own: PublicKey,
    policy: &TrustPolicy,
    domain: &Domain,
    now_ns: i64,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(at_ns) = policy.revoked_at(own) {
        let text = format!("this user's key is revoked since {}", utc_text(at_ns));
        findings.push(Finding::problem("identity.key", text).with_remedy("`nuncio key new --force` makes another one"));
    }
    let about = "identity.cert";
    let chain = match keystore.certificates(own) {
        Ok(chain) => chain,
        Err(error) => {
            findings.push(Finding::problem(about, error.to_string()));
            return findings;
        }
    };
    let has_grant = policy.grants().any(|grant| grant.key == own);
    let Some(chain) = chain else {
        if policy.mode == TrustMode::Enforce && !has_grant {
            let text = "this user's key has neither a grant nor a certificate, so its own nodes refuse each other";
            findings.push(
                Finding::notice("identity.key", text).with_remedy("`nuncio trust add me --role ROLE --name NAME`"),
            );
        }
        return findings;
    };
    let ends_ns = chain.leaf().terms().not_after_ns;
    match problem_of(&chain, policy, domain, now_ns) {
        None => {
            findings.push(Finding::good(
                about,
                format!("signed by {}", short_key(&chain.leaf().issuer())),
            ));
            findings.extend(ending(about, ends_ns, now_ns));
        }
        // Others may have another trust.toml, but most often it is shared.
        Some(problem) => findings.push(
            Finding::problem(about, format!("it does not hold: {problem}"))
                .with_remedy("have it issued again with `nuncio trust sign`"),
        ),
    }
    findings
}

fn look_at_anchor(keystore: &Keystore) -> Option<Finding> {
    let path = keystore.path()?.join(ANCHOR_FILE);
    match read_key_text(&path) {
        Ok(None) => None,
        Ok(Some(_)) => Some(Finding::good(
            ANCHOR_FILE,
            "it is here, where programs of this user can sign with it; with more than one machine it belongs in a safe place",
        )),
        Err(error) => Some(Finding::problem(ANCHOR_FILE, error.to_string())),
    }
}

/// Compares the clock with the little that is known for sure.
fn look_at_clock(keystore: Option<&Keystore>, now_ns: i64) -> Finding {
    let about = "clock";
    let text = utc_text(now_ns);
    let remedy = "set the clock, and let it be kept by NTP";
    if now_ns < WRITTEN_NS {
        return Finding::problem(about, format!("{text}, before this program was written")).with_remedy(remedy);
    }
    let files = keystore.and_then(Keystore::path).map(fs::read_dir);
    let times = files.into_iter().flatten().flatten().flatten();
    let newest = times
        .filter_map(|entry| entry.metadata().ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok())
        .filter_map(|since| i64::try_from(since.as_nanos()).ok())
        .max();
    match newest.map(|newest| newest.saturating_sub(now_ns)) {
        Some(ahead) if ahead > FILE_SLACK_NS => {
            let text = format!("{text}, but a file of the keystore was written {} later", span(ahead));
            Finding::problem(about, text).with_remedy(remedy)
        }
        _ => Finding::good(about, text),
    }
}

fn boxed(error: impl Error + 'static) -> Box<dyn Error> {
    Box::new(error)
}
