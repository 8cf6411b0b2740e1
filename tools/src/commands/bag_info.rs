//! `bag info`: what is in a recording, and what of it is proved.

use nuncio::PublicKey;
use nuncio_bridge::bag::{BagInfo, SealInfo};

use super::{CommandError, Outcome};
use crate::cli::{self, GlobalArgs};
use crate::render::{Progress, Render, Table, Tone, bytes, count, hz, short_key, span, utc};
use crate::trust_home::TrustHome;

pub(super) fn run(render: &Render, global: &GlobalArgs, args: &cli::BagInfo) -> Result<Outcome, CommandError> {
    let mut progress = Progress::new(render, "reading");
    let info = BagInfo::read(&args.bag, |read, total| progress.tell(read, total))?;
    drop(progress);
    if render.is_json() {
        render.answer(&info)?;
    } else {
        show(render, &info, &TrustHome::open(global)?)?;
    }
    for problem in info.damage.iter().chain(&info.refusals) {
        render.warning(problem);
    }
    Ok(
        match (info.damage.is_empty() && info.refused == 0, info.topics.is_empty()) {
            (false, _) => Outcome::Refused,
            (true, true) => Outcome::Nothing,
            (true, false) => Outcome::Found,
        },
    )
}

fn show(render: &Render, info: &BagInfo, home: &TrustHome) -> Result<(), CommandError> {
    let signed_ns = |ns: u64| i64::try_from(ns).unwrap_or(i64::MAX);
    let compression = match info.compression.as_str() {
        "none" => "not compressed".to_owned(),
        word => format!("compressed with {word}"),
    };
    let head = format!(
        "{}, {}, {compression}",
        count(info.files.len(), "file"),
        bytes(info.bytes as f64)
    );
    render.line(Some(Tone::Strong), &head)?;
    let times = format!(
        "from {} on, for {}",
        utc(signed_ns(info.start_ns)),
        span(signed_ns(info.duration_ns))
    );
    render.line(None, &times)?;
    let messages = format!(
        "{} signed messages, {} never came{}{}",
        info.messages,
        info.lost,
        more(info.unsigned, "that nobody has signed"),
        more(info.refused, "that prove nothing")
    );
    render.line(None, &messages)?;
    match &info.seals {
        Some(seals) => render.line(None, &seals_text(seals, home))?,
        None if info.proven => render.line(Some(Tone::Warning), "not sealed: nothing proves that it is whole")?,
        None => render.line(Some(Tone::Warning), "nothing in it is signed: nothing of it is proved")?,
    }
    show_topics(render, info, home)?;
    show_signers(render, info, home)
}

fn show_topics(render: &Render, info: &BagInfo, home: &TrustHome) -> Result<(), CommandError> {
    let mut table = Table::new(["TOPIC", "TYPE", "MESSAGES", "RATE", "LOST", "SIGNED BY", "HASH"]);
    for topic in &info.topics {
        let signers: Vec<String> = topic.signers.iter().map(|key| named(key, home)).collect();
        table.row([
            topic.topic.clone(),
            topic.type_name.clone(),
            (topic.messages + topic.unsigned).to_string(),
            hz(topic.rate_hz),
            topic.lost.to_string(),
            match (topic.messages, topic.unsigned) {
                (0, _) => "nobody".to_owned(),
                (_, 0) => signers.join(" "),
                (_, unsigned) => format!("{}, {unsigned} by nobody", signers.join(" ")),
            },
            topic.type_hash.chars().take(16).collect(),
        ]);
    }
    if !info.topics.is_empty() {
        table.lines(0).iter().try_for_each(|line| render.line(None, line))?;
    }
    Ok(())
}

fn show_signers(render: &Render, info: &BagInfo, home: &TrustHome) -> Result<(), CommandError> {
    let mut table = Table::new(["SIGNER", "NAME", "NODES", "TOPICS", "MESSAGES", "LOST"]);
    for signer in &info.signers {
        let nodes: Vec<&str> = signer.nodes.iter().map(String::as_str).collect();
        table.row([
            signer.key.clone(),
            nickname(&signer.key, home).unwrap_or_else(|| "-".to_owned()),
            nodes.join(" "),
            signer.topics.len().to_string(),
            signer.messages.to_string(),
            signer.lost.to_string(),
        ]);
    }
    if !info.signers.is_empty() {
        table.lines(0).iter().try_for_each(|line| render.line(None, line))?;
    }
    Ok(())
}

fn more(number: u64, what: &str) -> String {
    match number {
        0 => String::new(),
        number => format!(", {number} {what}"),
    }
}

fn seals_text(seals: &SealInfo, home: &TrustHome) -> String {
    let end = match seals.closed {
        true => "closed",
        false => "not closed: killed, or cut off",
    };
    let extract = match seals.extract_of.as_slice() {
        [] => String::new(),
        of => format!("; extract of {}", of.join(" and ")),
    };
    format!(
        "{} by {} ({}), {end}{}{extract}; `bag verify` checks them",
        count(usize::try_from(seals.count).unwrap_or(usize::MAX), "seal"),
        named(&seals.key, home),
        seals.node,
        more(seals.refused, "frames refused"),
    )
}

fn nickname(key: &str, home: &TrustHome) -> Option<String> {
    let key = PublicKey::parse(key).ok()?;
    home.acquaintances.nickname(key).map(|name| name.to_string())
}

fn named(key: &str, home: &TrustHome) -> String {
    let short = || PublicKey::parse(key).map_or_else(|_| key.to_owned(), |key| short_key(&key));
    nickname(key, home).unwrap_or_else(short)
}
