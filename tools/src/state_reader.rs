//! Reads state documents for people and programs: which are asked for, by whom they are signed, what stands in them, and whether
//! they satisfy a filter.

use nuncio::{Node, StateFilter, StateName, StateReading, StateStanding, clock};
use nuncio_bridge::filter::{FilterError, Known};
use serde_json::Value;

use crate::answers::message::Message;
use crate::answers::parameter::{StateDocument, StateListed};
use crate::catalog::Catalog;
use crate::cli::StateSelection;
use crate::commands::CommandError;
use crate::field_notes::note;
use crate::known_types::KnownTypes;
use crate::message_filter::{MessageFilter, acquaintances};
use crate::render::{OutputError, Render, Tone, block, most_shown, short_key, span};
use crate::session::Session;

/// Reads documents of one selection.
#[derive(Debug)]
pub(crate) struct StateReader {
    types: KnownTypes,
    filter: Option<MessageFilter>,
}

/// A document that satisfies the filter.
#[derive(Debug)]
pub(crate) struct ReadState {
    /// Its JSON, and what people see of it.
    pub(crate) json: Value,
    notes: String,
}

impl StateReader {
    /// Reads what the arguments say; gives also which documents are to be had.
    ///
    /// # Errors
    ///
    /// When the filter cannot be read, or nobody is known by the name of the signer.
    pub(crate) fn new(
        session: &Session<'_>,
        name: Option<StateName>,
        selection: &StateSelection,
    ) -> Result<(Self, StateFilter), CommandError> {
        let acquaintances = acquaintances(session)?;
        let signer = selection
            .signer
            .as_deref()
            .map(|whom| acquaintances.find(whom))
            .transpose()?;
        let wanted = StateFilter {
            name,
            node: selection.node.clone(),
            signer,
            ..StateFilter::default()
        };
        let filter = selection.filter.clone();
        let reader = Self {
            types: KnownTypes::new(Catalog::open(&session.interfaces)?),
            filter: filter.map(|filter| MessageFilter::new(filter, acquaintances)),
        };
        Ok((reader, wanted))
    }

    /// Reads a document; `None` when it does not satisfy the filter, and with a warning when it cannot be read.
    pub(crate) async fn read(
        &mut self,
        (node, render): (&Node, &Render),
        reading: &StateReading,
        full_length: bool,
    ) -> Option<ReadState> {
        let info = reading.info();
        let read = match self.types.of(node, reading.message()).await {
            Ok(codec) => match codec
                .check(reading.payload())
                .and_then(|()| codec.to_json(reading.payload()))
            {
                Ok(json) => Ok((codec, json)),
                Err(error) => Err(error.to_string()),
            },
            Err(error) => Err(error.to_string()),
        };
        let (codec, json) = match read {
            Ok(read) => read,
            Err(problem) => {
                let name = reading.name();
                render.warning(format!("{name} of {} cannot be read: {problem}", info.node));
                return None;
            }
        };
        if let Some(filter) = &mut self.filter {
            let known = Known {
                name: reading.name().to_string(),
                ..filter.known(&info)
            };
            if !filter.passes(codec, reading.type_hash(), &json, &known) {
                return None;
            }
        }
        let notes = block(&json, most_shown(full_length), &|path, value| note(codec, path, value));
        Some(ReadState { json, notes })
    }

    /// Why the filter was never asked, if it fitted no document's type.
    pub(crate) fn misfit(&self) -> Option<FilterError> {
        self.filter.as_ref().and_then(MessageFilter::misfit)
    }
}

/// What is told of every document in JSON.
pub(crate) fn listed(reading: &StateReading) -> StateListed<'_> {
    let (info, version) = (reading.info(), reading.version());
    StateListed {
        name: reading.name().as_str(),
        node: info.node.to_string(),
        type_name: reading.type_name(),
        type_hash: reading.type_hash().to_string(),
        signer: info.signer.to_string(),
        verified: true,
        verdict: info.verdict.as_str(),
        standing: reading.standing().as_str(),
        epoch: version.epoch,
        number: version.number,
        stamp_ns: info.source_time_ns,
        id: info.id().to_string(),
    }
}

/// How long ago a document was set, by its node's clock and ours.
pub(crate) fn age(reading: &StateReading) -> String {
    span(clock::now_ns().saturating_sub(reading.info().source_time_ns))
}

/// Prints a document.
pub(crate) fn print(render: &Render, reading: &StateReading, read: &ReadState) -> Result<(), OutputError> {
    if render.is_json() {
        return render.answer(&StateDocument {
            of: listed(reading),
            document: Message(read.json.clone()),
        });
    }
    let info = reading.info();
    let standing = match reading.standing() {
        StateStanding::Current => String::new(),
        StateStanding::Gone => ", THE NODE IS GONE".to_owned(),
        other => format!(", {}", other.as_str().to_uppercase()),
    };
    let head = format!(
        "# {} of {}, signed by {} ({}), #{}, set {} ago{standing}",
        reading.name(),
        info.node,
        short_key(&info.signer),
        info.verdict.as_str(),
        reading.version().number,
        age(reading),
    );
    let tone = match reading.standing() {
        StateStanding::Current => Tone::Quiet,
        _ => Tone::Warning,
    };
    render.line(Some(tone), &head)?;
    render.lines(&read.notes)?;
    render.line(Some(Tone::Quiet), "---")
}
