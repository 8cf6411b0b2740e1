//! `bag cat`: the messages of a recording, each with who signed it. What nobody has signed is not shown.

use nuncio::TrustPolicy;
use nuncio::run_time_type::RunTimeType;
use nuncio_bridge::bag::{BagItem, BagPart, ProvenMessage, ProvenReader};

use super::topic_echo::fold_lists;
use super::{CommandError, Outcome};
use crate::answers::bag::BagMessage;
use crate::answers::message::ValueText;
use crate::cli::{self, BagCat, GlobalArgs};
use crate::field_notes::note;
use crate::field_path::pick;
use crate::render::{Render, Tone, block, short_key, utc};
use crate::trust_home::TrustHome;

/// What was not shown, and why.
#[derive(Debug, Default)]
struct Unshown {
    /// Frames that prove nothing.
    refused: u64,
    first_refusal: Option<String>,
    /// Messages in the form that every reader understands.
    plain: u64,
    /// Messages of keys that are revoked.
    revoked: u64,
    /// Messages whose type is not known, or that are none of their type.
    untyped: u64,
    first_untyped: Option<String>,
}

pub(super) fn run(render: &Render, global: &GlobalArgs, args: &BagCat) -> Result<Outcome, CommandError> {
    let policy = TrustHome::open(global)?.policy;
    let part = part(&args.part, &args.named);
    let mut reader = ProvenReader::open(&args.bag)?;
    let (mut unshown, mut shown, mut begin) = (Unshown::default(), 0, None);
    while args.times.is_none_or(|times| shown < times) {
        let item = match reader.next_item() {
            Ok(Some(item)) => item,
            Ok(None) => break,
            Err(error) => {
                render.flush()?;
                render.warning(&error);
                unshown.refused += 1;
                reader.skip_file();
                continue;
            }
        };
        match item {
            BagItem::Proven(message) => {
                let after = message
                    .received_ns
                    .saturating_sub(*begin.get_or_insert(message.received_ns));
                if part.has_time(after) && part.has_topic(message.topic()) {
                    shown += u64::from(show(render, args, &policy, &message, &mut unshown)?);
                }
            }
            BagItem::Plain { received_ns, .. } => {
                begin.get_or_insert(received_ns);
                unshown.plain += 1;
            }
            BagItem::Seal { .. } => {}
            BagItem::Refused(problem) => {
                unshown.refused += 1;
                unshown.first_refusal.get_or_insert(problem);
            }
        }
    }
    render.flush()?;
    Ok(tell(render, args, shown, &unshown))
}

/// What the flags say.
pub(super) fn part(args: &cli::BagPart, named: &[nuncio::TopicPattern]) -> BagPart {
    BagPart {
        topics: named.iter().chain(&args.topics).cloned().collect(),
        exclude: args.exclude.clone(),
        start: args.start,
        until: args.until,
    }
}

/// `false`: it cannot be shown.
fn show(
    render: &Render,
    args: &BagCat,
    policy: &TrustPolicy,
    message: &ProvenMessage,
    unshown: &mut Unshown,
) -> Result<bool, CommandError> {
    if policy.revoked_at(message.key).is_some() {
        unshown.revoked += 1;
        return Ok(false);
    }
    let text = match message.place.ty() {
        Ok(ty) => text_of(render, args, ty.codec(), &message.payload)?,
        Err(problem) => Err(problem),
    };
    match text {
        Ok(text) if render.is_json() => {
            render.answer_with(&answer(message), &text)?;
            Ok(true)
        }
        Ok(text) => {
            render.line(Some(Tone::Quiet), &head(message))?;
            render.lines(&text)?;
            render.line(Some(Tone::Quiet), "---")?;
            Ok(true)
        }
        Err(problem) => {
            unshown.untyped += 1;
            unshown.first_untyped.get_or_insert(problem);
            Ok(false)
        }
    }
}

/// The message, or the field that is asked for; or why the bytes are none of the type.
fn text_of(
    render: &Render,
    args: &BagCat,
    codec: &RunTimeType,
    payload: &[u8],
) -> Result<Result<String, String>, CommandError> {
    if args.field.is_none() && render.is_json() {
        let mut line = String::new();
        let written = codec.write_json(payload, &mut line);
        return Ok(written.map(|()| line).map_err(|error| error.to_string()));
    }
    let mut message = match codec.to_json(payload) {
        Ok(message) => message,
        Err(error) => return Ok(Err(error.to_string())),
    };
    if let Some(path) = &args.field {
        message = pick(&message, path)?.clone();
    }
    if render.is_json() {
        return Ok(Ok(message.to_string()));
    }
    if args.no_arr {
        fold_lists(&mut message);
    }
    let lead = args.field.as_ref().map_or(String::new(), |field| format!("{field}."));
    let text = block(&message, args.full_length, &|path, value| {
        note(codec, &format!("{lead}{path}"), value)
    });
    Ok(Ok(text))
}

/// The header above a message: a comment, so that what is printed stays YAML.
fn head(message: &ProvenMessage) -> String {
    let by = match &message.node {
        Some(node) => format!("{node}, signed by {}", short_key(&message.key)),
        None => format!("signed by {}", short_key(&message.key)),
    };
    let origin = message.origin.as_ref().map(|origin| format!(", on behalf of {origin}"));
    format!(
        "# {} {by}{}, #{}{}, {}",
        message.topic(),
        origin.unwrap_or_default(),
        message.number,
        if message.is_replay { ", replay" } else { "" },
        utc(message.source_ns),
    )
}

/// What is told of every message in JSON: as `topic echo` has it, as far as a recording knows.
fn answer(message: &ProvenMessage) -> BagMessage<'_> {
    let place = &message.place.place;
    BagMessage {
        topic: place.topic.as_str(),
        type_name: place.type_name.as_str(),
        signer: message.key.to_string(),
        verified: true,
        number: message.number,
        stamp_ns: message.source_ns,
        received_ns: message.received_ns,
        provenance: "recording",
        replay: message.is_replay.then_some(true),
        node: message.node.as_deref(),
        id: message.id().to_string(),
        cause: message.cause.map(|cause| cause.to_string()),
        origin: message.origin.as_deref(),
        message: ValueText,
    }
}

fn tell(render: &Render, args: &BagCat, shown: u64, unshown: &Unshown) -> Outcome {
    let because = |first: &Option<String>| first.as_ref().map_or(String::new(), |first| format!(": {first}"));
    if unshown.refused > 0 {
        let (refused, why) = (unshown.refused, because(&unshown.first_refusal));
        render.warning(format!("{refused} parts prove nothing and are not shown{why}"));
    }
    if unshown.untyped > 0 {
        let (untyped, why) = (unshown.untyped, because(&unshown.first_untyped));
        render.warning(format!("{untyped} messages cannot be shown{why}"));
    }
    if unshown.revoked > 0 {
        let revoked = unshown.revoked;
        render.warning(format!(
            "{revoked} messages are signed with revoked keys and are not shown"
        ));
    }
    let is_unsigned = shown == 0 && unshown.plain > 0 && unshown.refused + unshown.untyped + unshown.revoked == 0;
    if is_unsigned && args.named.is_empty() && args.part.topics.is_empty() {
        let (plain, bag) = (unshown.plain, args.bag.display());
        render.warning(format!(
            "none of {plain} messages in {bag} is signed, so none is shown; `nuncio bag convert {bag} -o DIR` signs them \
             with this user's key, as their importer"
        ));
        return Outcome::Refused;
    }
    match (unshown.refused + unshown.untyped + unshown.revoked, shown) {
        (0, 0) => Outcome::Nothing,
        (0, _) => Outcome::Found,
        _ => Outcome::Refused,
    }
}
