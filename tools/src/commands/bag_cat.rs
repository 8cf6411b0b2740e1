//! `bag cat`: the messages of a recording, each with who signed it. What nobody has signed is not shown.

use nuncio::TrustPolicy;
use nuncio_bridge::BridgeType;
use nuncio_bridge::bag::{BagItem, ProvenMessage, ProvenReader};
use nuncio_bridge::filter::Known;

use super::{CommandError, Outcome};
use crate::answers::bag::BagMessage;
use crate::answers::message::ValueText;
use crate::cli::{BagCat, GlobalArgs};
use crate::message_filter::MessageFilter;
use crate::render::{Render, Tone, short_key, utc};
use crate::shown_message::Read;
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
    let TrustHome {
        policy, acquaintances, ..
    } = TrustHome::open(global)?;
    let filter = args.shown.filter.filter.clone();
    let mut cat = Cat {
        render,
        args,
        policy,
        filter: filter.map(|filter| MessageFilter::new(filter, acquaintances)),
        shown: 0,
        unshown: Unshown::default(),
    };
    let part = args.part.part();
    let mut reader = ProvenReader::open(&args.part.bag)?;
    let mut begin = None;
    while args.times.is_none_or(|times| cat.shown < times) {
        let item = match reader.next_item() {
            Ok(Some(item)) => item,
            Ok(None) => break,
            Err(error) => {
                render.flush()?;
                render.warning(&error);
                cat.unshown.refused += 1;
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
                    cat.show(&message)?;
                }
            }
            BagItem::Plain { received_ns, .. } => {
                begin.get_or_insert(received_ns);
                cat.unshown.plain += 1;
            }
            BagItem::Seal { .. } => {}
            BagItem::Refused(problem) => {
                cat.unshown.refused += 1;
                cat.unshown.first_refusal.get_or_insert(problem);
            }
        }
    }
    render.flush()?;
    if let Some(misfit) = cat.filter.as_ref().and_then(MessageFilter::misfit) {
        return Err(misfit.into());
    }
    Ok(tell(render, args, cat.shown, &cat.unshown))
}

/// Shows messages, and counts those that it cannot show.
struct Cat<'a> {
    render: &'a Render,
    args: &'a BagCat,
    policy: TrustPolicy,
    filter: Option<MessageFilter>,
    shown: u64,
    unshown: Unshown,
}

impl Cat<'_> {
    fn show(&mut self, message: &ProvenMessage) -> Result<(), CommandError> {
        if self.policy.revoked_at(message.key).is_some() {
            self.unshown.revoked += 1;
            return Ok(());
        }
        let text = match message.place.ty() {
            Ok(ty) => self.text_of(ty, message)?,
            Err(problem) => Err(problem),
        };
        match text {
            Ok(None) => return Ok(()),
            Ok(Some(text)) if self.render.is_json() => {
                self.render.answer_with(&answer(message), &text)?;
            }
            Ok(Some(text)) if self.args.shown.csv => self.render.line(None, &text)?,
            Ok(Some(text)) => {
                self.render.line(Some(Tone::Quiet), &head(message))?;
                self.render.lines(&text)?;
                self.render.line(Some(Tone::Quiet), "---")?;
            }
            Err(problem) => {
                self.unshown.untyped += 1;
                self.unshown.first_untyped.get_or_insert(problem);
                return Ok(());
            }
        }
        self.shown += 1;
        Ok(())
    }

    /// What is shown of a message, `None` if the filter leaves it out; or why the bytes are none of the type.
    fn text_of(
        &mut self,
        ty: &BridgeType,
        message: &ProvenMessage,
    ) -> Result<Result<Option<String>, String>, CommandError> {
        let (codec, shown, is_json) = (ty.codec(), &self.args.shown, self.render.is_json());
        let json = match shown.read(codec, &message.payload, is_json) {
            Ok(Read::Message(json)) => json,
            Ok(Read::Text(text)) => return Ok(Ok(Some(text))),
            Err(error) => return Ok(Err(error.to_string())),
        };
        if let Some(filter) = &mut self.filter {
            let known = Known {
                signer: filter.names_of(message.key),
                node: message.node.as_deref().unwrap_or_default().to_owned(),
                name: message.topic().to_string(),
                number: message.number,
                stamp_ns: message.source_ns,
                received_ns: i64::try_from(message.received_ns).unwrap_or(i64::MAX),
            };
            if !filter.passes(codec, ty.hash(), &json, &known) {
                return Ok(Ok(None));
            }
        }
        if shown.csv_header && self.shown == 0 {
            self.render.line(None, &shown.csv_names(codec, json.clone())?)?;
        }
        Ok(Ok(Some(shown.text(codec, json, is_json)?)))
    }
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
    if is_unsigned && args.part.part().topics.is_empty() {
        let (plain, bag) = (unshown.plain, args.part.bag.display());
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
