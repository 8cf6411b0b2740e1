//! `state list` and `state get`: the documents that nodes publish of themselves, gathered from all that have one.

use std::time::Duration;

use nuncio::{StateFilter, StateGathering};

use super::{CommandError, Outcome};
use crate::cli::{StateGet, StateList};
use crate::render::{Table, Tone, count, short_key};
use crate::session::Session;
use crate::state_reader::{StateReader, age, listed, print};

/// How long documents are waited for unless `--timeout` says otherwise.
const DEADLINE: Duration = Duration::from_secs(5);

pub(super) async fn list(session: &mut Session<'_>, args: StateList) -> Result<Outcome, CommandError> {
    let has_filter = args.selection.filter.is_some();
    let (mut reader, wanted) = StateReader::new(session, args.name, &args.selection)?;
    let Some(gathered) = gather(session, wanted).await? else {
        return Ok(Outcome::Nothing);
    };
    let render = session.render;
    let mut table = Table::new(["DOCUMENT", "NODE", "TYPE", "VERSION", "SET", "SIGNED BY"]);
    let mut shown = 0;
    for reading in &gathered.documents {
        if has_filter && reader.read((&session.node, render), reading, false).await.is_none() {
            continue;
        }
        shown += 1;
        if render.is_json() {
            render.answer(&listed(reading))?;
            continue;
        }
        let info = reading.info();
        table.row([
            reading.name().to_string(),
            info.node.to_string(),
            reading.type_name().to_owned(),
            format!("#{}", reading.version().number),
            format!("{} ago", age(reading)),
            format!("{} ({})", short_key(&info.signer), info.verdict.as_str()),
        ]);
    }
    if shown > 0 && !render.is_json() {
        for (index, line) in table.lines(0).iter().enumerate() {
            render.line((index == 0).then_some(Tone::Strong), line)?;
        }
    }
    end(session, &mut reader, &gathered, shown).await
}

pub(super) async fn get(session: &mut Session<'_>, args: StateGet) -> Result<Outcome, CommandError> {
    let (mut reader, wanted) = StateReader::new(session, Some(args.name), &args.selection)?;
    let Some(gathered) = gather(session, wanted).await? else {
        return Ok(Outcome::Nothing);
    };
    let mut shown = 0;
    for reading in &gathered.documents {
        let (node, render) = (&session.node, session.render);
        if let Some(read) = reader.read((node, render), reading, args.full_length).await {
            shown += 1;
            print(render, reading, &read)?;
        }
    }
    end(session, &mut reader, &gathered, shown).await
}

/// The documents, or `None` when a person has had enough.
async fn gather(session: &mut Session<'_>, wanted: StateFilter) -> Result<Option<StateGathering>, CommandError> {
    session.graph().await;
    let node = session.node.clone();
    let gathering = node.gather_state(wanted, session.timeout.unwrap_or(DEADLINE));
    let gathering = session.render.progress("waiting for documents", gathering);
    tokio::select! {
        gathered = gathering => Ok(Some(gathered?)),
        () = session.interrupt.wished() => Ok(None),
    }
}

/// Says what is missing, and how the command ends.
async fn end(
    session: &Session<'_>,
    reader: &mut StateReader,
    gathered: &StateGathering,
    shown: usize,
) -> Result<Outcome, CommandError> {
    let render = session.render;
    let refused = tell_refusals(session);
    for source in &gathered.unanswered {
        let (name, node, key) = (&source.name, &source.node, short_key(&source.key));
        render.warning(format!(
            "{name} of {node} ({key}) did not come in time, or is not believed"
        ));
    }
    let left_out = gathered.stats.turned_away + u64::try_from(gathered.stats.unwatched).unwrap_or(u64::MAX);
    if left_out > 0 {
        let documents = count(usize::try_from(left_out).unwrap_or(usize::MAX), "document");
        render.warning(format!("{documents} left out: one key has too many, or too large ones"));
    }
    if shown == 0
        && let Some(misfit) = reader.misfit()
    {
        return Err(misfit.into());
    }
    if refused > 0 {
        return Ok(Outcome::Refused);
    }
    if shown > 0 {
        return Ok(Outcome::Found);
    }
    match gathered.documents.as_slice() {
        [] => {
            render.note("no such document");
            session.explain_nothing(&session.node.graph()).await;
        }
        documents => render.note(format!("{}, none as asked for", count(documents.len(), "document"))),
    }
    Ok(Outcome::Nothing)
}

/// Says what was refused, and how many there were.
pub(super) fn tell_refusals(session: &Session<'_>) -> usize {
    let mut refused = 0;
    while let Some(event) = session.node.try_next_refusal() {
        refused += 1;
        let (topic, refusal) = (&event.topic, &event.refusal);
        session
            .render
            .warning(format!("refused on {topic}: {refusal}; {}", refusal.reason.remedy()));
    }
    refused
}
