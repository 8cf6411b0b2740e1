//! `bag verify`: whether a recording is as it was recorded, and where it is not.

use nuncio::{PublicKey, TrustFile, TrustPolicy};
use nuncio_bridge::bag::{VerifyOptions, VerifyReport, verify};

use super::{CommandError, Outcome};
use crate::cli::{BagVerify, GlobalArgs};
use crate::render::{Progress, Render, Tone, count, utc};
use crate::trust_home::TrustHome;

pub(super) fn run(render: &Render, global: &GlobalArgs, args: &BagVerify) -> Result<Outcome, CommandError> {
    let policy = match &args.trust {
        Some(path) => TrustFile::parse(&std::fs::read_to_string(path)?)?.into_policy(),
        None => TrustHome::open(global)?.policy,
    };
    let recorder = match &args.recorder {
        Some(whom) => Some(find(whom, &policy, global)?),
        None => None,
    };
    let options = VerifyOptions {
        policy: Some(policy),
        recorder,
    };
    let mut progress = Progress::new(render, "verifying");
    let report = verify(&args.bag, &options, |read, total| progress.tell(read, total))?;
    drop(progress);
    if render.is_json() {
        render.answer(&report)?;
    } else {
        tell(render, &report)?;
    }
    Ok(if report.ok { Outcome::Found } else { Outcome::Wrong })
}

/// A key, or the one that the trust file or the keystore has under this name.
fn find(whom: &str, policy: &TrustPolicy, global: &GlobalArgs) -> Result<PublicKey, CommandError> {
    let grant = policy.grants().find(|grant| grant.nickname.to_string() == whom);
    let anchor = policy.anchors().find(|(name, _)| name.to_string() == whom);
    match grant.map(|grant| grant.key).or_else(|| anchor.map(|(_, key)| key)) {
        Some(key) => Ok(key),
        None => Ok(TrustHome::open(global)?.find(whom)?),
    }
}

fn tell(render: &Render, report: &VerifyReport) -> Result<(), CommandError> {
    for fault in &report.faults {
        let at = i64::try_from(fault.log_time)
            .ok()
            .filter(|ns| *ns > 0)
            .map(|ns| format!(", {}", utc(ns)));
        render.line(Some(Tone::Warning), &format!("{fault}{}", at.unwrap_or_default()))?;
    }
    let told = report.faults.len() as u64;
    if report.fault_count > told {
        let more = report.fault_count - told;
        render.line(Some(Tone::Warning), &format!("and {more} more faults"))?;
    }
    for (key, signer) in &report.signers {
        let nodes: Vec<&str> = signer.nodes.iter().map(String::as_str).collect();
        let name = signer.nickname.as_deref().unwrap_or("-");
        let line = format!(
            "signer  {key}  {name}  {}  {}  {} messages on {}{}",
            signer.trust,
            nodes.join(" "),
            signer.messages,
            count(signer.topics.len(), "topic"),
            if signer.gaps > 0 {
                format!(", {} never came", signer.gaps)
            } else {
                String::new()
            },
        );
        render.line(None, &line)?;
    }
    for source in &report.extract_of {
        let line = format!(
            "extract of {}, recorded by {}: what is not here may have been there",
            source.bag, source.recorder
        );
        render.line(None, &line)?;
    }
    for note in &report.notes {
        render.line(None, &format!("note: {note}"))?;
    }
    if !report.recorder.is_empty() {
        let known = report.recorder_nickname.as_deref().unwrap_or("-");
        let pinned = match report.recorder_pinned {
            true => "as it has to be",
            false => {
                "not pinned: whoever had the recording can have sealed it anew; --recorder KEY says who it has to be"
            }
        };
        let (key, node) = (&report.recorder, &report.recorder_node);
        render.line(None, &format!("recorder  {key}  {known}  {node}  {pinned}"))?;
    }
    let verdict = if report.ok { "ok" } else { "NOT AS IT WAS RECORDED" };
    let line = format!(
        "{verdict}: {} messages, {} never came, {} left out on purpose; {} seals",
        report.messages, report.gaps, report.skipped, report.seals
    );
    render.line(Some(if report.ok { Tone::Strong } else { Tone::Warning }), &line)?;
    Ok(())
}
