//! `state watch`: documents as they are, and then each change.

use super::state::tell_refusals;
use super::{CommandError, Outcome};
use crate::cli::StateWatch;
use crate::session::Session;
use crate::state_reader::{StateReader, print};

pub(super) async fn run(session: &mut Session<'_>, args: StateWatch) -> Result<Outcome, CommandError> {
    let is_one_name = args.name.is_some();
    let (mut reader, wanted) = StateReader::new(session, args.name, &args.selection)?;
    let node = session.node.clone();
    let watch = node.state_watch(wanted)?;
    let (render, timeout) = (session.render, session.timeout);
    let (mut shown, mut refused) = (0, 0);
    while args.times.is_none_or(|times| shown < times) {
        render.flush()?;
        let silence = async {
            match timeout {
                Some(timeout) => tokio::time::sleep(timeout).await,
                None => std::future::pending().await,
            }
        };
        let change = tokio::select! {
            change = watch.next() => change?,
            () = silence => break,
            () = session.interrupt.wished() => break,
        };
        refused += tell_refusals(session);
        if let Some(read) = reader.read((&node, render), &change, args.full_length).await {
            shown += 1;
            print(render, &change, &read)?;
        }
        // Where all names are watched, those of other types are left out.
        if is_one_name && let Some(misfit) = reader.misfit() {
            return Err(misfit.into());
        }
    }
    render.flush()?;
    refused += tell_refusals(session);
    let stats = watch.stats();
    for (count, what) in [
        (
            stats.turned_away,
            "versions were turned away: one key has too many documents, or too large ones",
        ),
        (
            stats.foreign,
            "messages on the topics of documents came from other nodes",
        ),
        (stats.skipped, "versions were replaced before they could be printed"),
    ] {
        if count > 0 {
            render.warning(format!("{count} {what}"));
        }
    }
    Ok(match (refused, shown) {
        (1.., _) => Outcome::Refused,
        (0, 0) => Outcome::Nothing,
        (0, _) => Outcome::Found,
    })
}
