//! `bag slice`, `bag filter` and `bag merge`: parts of recordings, sealed anew by this user, which name where they come from.

use std::path::PathBuf;

use nuncio::clock::{now_ms, now_ns};
use nuncio::{Keystore, NodeName};
use nuncio_bridge::bag::extract::{Cut, extract, sources};
use nuncio_bridge::bag::{BagReader, BagSettings, SealSigner, Selection, VerifyOptions, verify};
use regex_lite::Regex;

use super::{CommandError, Outcome};
use crate::answers::bag::BagExtracted;
use crate::cli::{BagExtract, BagFilter, BagMerge, BagSlice, GlobalArgs};
use crate::render::{Progress, Render, bytes};

/// The node that seals: an extract is recorded by none.
const NODE: &str = "/_nuncio_extract";

pub(super) fn slice(render: &Render, global: &GlobalArgs, args: &BagSlice) -> Result<Outcome, CommandError> {
    let mut reader = BagReader::open(&args.bag)?;
    let mut first: Option<u64> = None;
    let mut progress = Progress::new(render, "looking for the beginning");
    while let Some(record) = reader.next_record()? {
        if record.channel.role == nuncio_bridge::bag::Role::Frame {
            first = Some(first.map_or(record.log_time, |first| first.min(record.log_time)));
        }
        progress.tell(reader.bytes_read(), reader.bytes());
    }
    drop(progress);
    let first = i64::try_from(first.unwrap_or(0)).unwrap_or(i64::MAX);
    let at = |after: std::time::Duration| first.saturating_add(i64::try_from(after.as_nanos()).unwrap_or(i64::MAX));
    let cut = Cut {
        start_ns: Some(at(args.start)),
        end_ns: args.end.map(at),
        ..Cut::default()
    };
    run((render, global), std::slice::from_ref(&args.bag), &cut, &args.extract)
}

pub(super) fn filter(render: &Render, global: &GlobalArgs, args: &BagFilter) -> Result<Outcome, CommandError> {
    let selection = Selection {
        all: args.topics.is_empty(),
        topics: args.topics.clone(),
        exclude: args.exclude.as_deref().map(Regex::new).transpose()?,
        hidden: true,
        ..Selection::default()
    };
    let cut = Cut {
        selection: Some(selection),
        signers: args.signers.clone(),
        ..Cut::default()
    };
    run((render, global), std::slice::from_ref(&args.bag), &cut, &args.extract)
}

pub(super) fn merge(render: &Render, global: &GlobalArgs, args: &BagMerge) -> Result<Outcome, CommandError> {
    run((render, global), &args.bags, &Cut::default(), &args.extract)
}

fn run(
    (render, global): (&Render, &GlobalArgs),
    bags: &[PathBuf],
    cut: &Cut,
    args: &BagExtract,
) -> Result<Outcome, CommandError> {
    for bag in bags.iter().filter(|_| !args.unverified) {
        let mut progress = Progress::new(render, "verifying");
        let report = verify(bag, &VerifyOptions::default(), |read, total| progress.tell(read, total))?;
        if let Some(fault) = report.faults.first() {
            let bag = bag.display();
            let problem =
                format!("{bag} does not verify ({fault}); --unverified takes what can be proved all the same");
            return Err(CommandError::from(std::io::Error::other(problem)));
        }
    }
    let mut progress = Progress::new(render, "reading seals");
    let (domain, extract_of) = sources(bags, |read, total| progress.tell(read, total))?;
    let signer = SealSigner {
        identity: Keystore::open(global.keystore_dir()?)?.identity()?,
        domain,
        node: NodeName::parse(NODE)?,
        epoch: now_ms(),
    };
    let settings = BagSettings {
        compression: args.compression,
        extract_of,
        ..BagSettings::new(&args.output, signer)
    };
    let mut progress = Progress::new(render, "extracting");
    let summary = extract(bags, cut, settings, now_ns(), |read, total| progress.tell(read, total))?;
    drop(progress);
    if render.is_json() {
        render.answer(&BagExtracted {
            messages: summary.messages,
            frames: summary.frames,
            bytes: summary.bytes,
            seals: summary.seals,
            lost: summary.lost,
            extract_of: bags.iter().map(|bag| bag.display().to_string()).collect(),
        })?;
    } else {
        let names: Vec<String> = bags.iter().map(|bag| bag.display().to_string()).collect();
        let line = format!(
            "extract of {}: {} messages, {}",
            names.join(" and "),
            summary.messages,
            bytes(summary.bytes as f64)
        );
        render.line(None, &line)?;
    }
    Ok(if summary.messages > 0 {
        Outcome::Found
    } else {
        Outcome::Nothing
    })
}
