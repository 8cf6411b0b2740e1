//! `bag verify`: whether a recording is as it was recorded, and where it is not.

use std::time::Instant;

use nuncio::TrustFile;
use nuncio_bridge::bag::{VerifyOptions, VerifyReport, verify};

use super::{CommandError, Outcome};
use crate::cli::{BagVerify, GlobalArgs};
use crate::render::{Render, Tone, count, utc};
use crate::trust_home::TrustHome;

pub(super) fn run(render: &Render, global: &GlobalArgs, args: &BagVerify) -> Result<Outcome, CommandError> {
    let policy = match &args.trust {
        Some(path) => TrustFile::parse(&std::fs::read_to_string(path)?)?.into_policy(),
        None => TrustHome::open(global)?.policy,
    };
    let options = VerifyOptions { policy: Some(policy) };
    let mut told = Instant::now();
    let report = verify(&args.bag, &options, |read, total| {
        if told.elapsed().as_secs() >= 1 {
            told = Instant::now();
            render.progress_line(&format!("verifying, {} %", read.saturating_mul(100) / total.max(1)));
        }
    })?;
    if render.is_json() {
        render.answer(&report)?;
    } else {
        tell(render, &report)?;
    }
    Ok(if report.ok { Outcome::Found } else { Outcome::Wrong })
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
    let verdict = if report.ok { "ok" } else { "NOT AS IT WAS RECORDED" };
    let line = format!(
        "{verdict}: {} messages, {} never came, {} left out on purpose; {} seals by {}",
        report.messages, report.gaps, report.skipped, report.seals, report.recorder
    );
    render.line(Some(if report.ok { Tone::Strong } else { Tone::Warning }), &line)?;
    Ok(())
}
