//! `bag record`: records until it is told to end, or there is no room.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use nuncio::Keystore;
use nuncio::clock::now_ms;
use nuncio_bridge::TypeLibrary;
use nuncio_bridge::bag::committed_file::Sync;
use nuncio_bridge::bag::{
    BagSettings, Ended, Recorder, RecorderOptions, RecorderStatus, SealSigner, Selection, Snapshots,
};
use regex_lite::Regex;

use super::{CommandError, Outcome, in_a_runtime};
use crate::answers::bag::BagRecorded;
use crate::cli::{BagRecord, GlobalArgs};
use crate::render::{Render, bytes, count};
use crate::session::Session;

/// How often it is told how far it is.
const TELL_EVERY: Duration = Duration::from_secs(1);

pub(super) fn run(global: &GlobalArgs, render: &Render, args: BagRecord) -> Result<Outcome, CommandError> {
    in_a_runtime(async || record(global, render, args).await)
}

async fn record(global: &GlobalArgs, render: &Render, args: BagRecord) -> Result<Outcome, CommandError> {
    let library = Arc::new(TypeLibrary::open(&global.interfaces)?);
    let selection = selection(&args)?;
    let name = match &args.node_name {
        Some(name) => format!("/{}", name.trim_start_matches('/')),
        None => format!("/recorder_{}", std::process::id()),
    };
    let mut session = Session::open_as(&name, global, render).await?;
    let recorder = Recorder::start(session.node.clone(), library, options(&args, selection, &session)?);
    let mut recorder = match recorder {
        Ok(recorder) => recorder,
        Err(error) => {
            session.close().await;
            return Err(error.into());
        }
    };
    render.note(format!("recording as {name}; Ctrl-C ends it"));
    let mut told = Told::default();
    let end = global.timeout.map(|timeout| tokio::time::Instant::now() + timeout);
    loop {
        let until = async {
            match end {
                Some(end) => tokio::time::sleep_until(end).await,
                None => std::future::pending().await,
            }
        };
        let is_over = tokio::select! {
            () = recorder.run() => true,
            () = session.interrupt.wished() => true,
            () = until => true,
            () = tokio::time::sleep(TELL_EVERY) => false,
        };
        told.tell(render, &recorder);
        if is_over {
            break;
        }
    }
    let status = recorder.status();
    let ended = recorder.close().await;
    session.close().await;
    tell_end(render, &status, &ended)?;
    Ok(match (&ended.because, status.refused) {
        (Some(_), _) => Outcome::Unsuccessful,
        (None, 0) => Outcome::Found,
        (None, _) => Outcome::Refused,
    })
}

fn selection(args: &BagRecord) -> Result<Selection, CommandError> {
    let regex = |text: &Option<String>| text.as_deref().map(Regex::new).transpose();
    Ok(Selection {
        all: args.all,
        topics: args.topics.clone(),
        regex: regex(&args.regex)?,
        types: args.types.clone(),
        services: args.services,
        exclude: regex(&args.exclude)?,
        hidden: args.include_hidden_topics,
    })
}

fn options(args: &BagRecord, selection: Selection, session: &Session<'_>) -> Result<RecorderOptions, CommandError> {
    let node = &session.node;
    let signer = SealSigner {
        identity: Keystore::open(&session.keystore_dir)?.identity()?,
        domain: node.domain().clone(),
        node: node.name().clone(),
        epoch: node.epoch(),
    };
    let output = args
        .output
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("bag_{}", now_ms() / 1000)));
    let cache = usize::try_from(args.max_cache_size).unwrap_or(usize::MAX);
    Ok(RecorderOptions {
        settings: BagSettings {
            compression: args.compression,
            max_bytes: args.max_size,
            max_duration: args.max_duration,
            max_files: args.max_files,
            sync: if args.sync { Sync::Wait } else { Sync::Leave },
            ..BagSettings::new(output, signer)
        },
        selection,
        queue_bytes_max: cache,
        snapshots: args.snapshot.then_some(Snapshots {
            pre: args.pre,
            post: args.post,
            bytes_max: cache,
        }),
        bytes_max: args.max_disk,
        bytes_free_min: args.min_free,
        is_paused: args.start_paused,
        accept_replay: args.accept_replay,
    })
}

/// What was told so far.
#[derive(Default)]
struct Told {
    notes: usize,
    topics: usize,
}

impl Told {
    fn tell(&mut self, render: &Render, recorder: &Recorder) {
        let status = recorder.status();
        for note in status.notes.iter().skip(self.notes) {
            render.warning(note);
        }
        self.notes = status.notes.len();
        let topics: Vec<_> = recorder.topics().map(ToString::to_string).collect();
        if topics.len() != self.topics {
            render.note(format!("{}: {}", count(topics.len(), "topic"), topics.join(" ")));
            self.topics = topics.len();
        }
        render.progress_line(&line(&status));
    }
}

fn line(status: &RecorderStatus) -> String {
    let summary = &status.summary;
    let word = if status.is_paused { "paused, " } else { "" };
    format!(
        "{word}{} messages, {}, {} lost, {}, {} refused",
        summary.messages,
        bytes(summary.bytes as f64),
        summary.lost,
        count(usize::try_from(status.signers).unwrap_or(usize::MAX), "signer"),
        status.refused,
    )
}

fn tell_end(render: &Render, status: &RecorderStatus, ended: &Ended) -> Result<(), CommandError> {
    if let Some(because) = &ended.because {
        render.warning(format!("the recording has ended by itself: {because}"));
    }
    if render.is_json() {
        render.answer(&recorded(status, ended))?;
        return Ok(());
    }
    let status = RecorderStatus {
        summary: ended.summary.clone(),
        ..status.clone()
    };
    render.line(None, &format!("{}, {} seals", line(&status), ended.summary.seals))?;
    Ok(())
}

fn recorded<'a>(status: &RecorderStatus, ended: &'a Ended) -> BagRecorded<'a> {
    let summary = &ended.summary;
    BagRecorded {
        messages: summary.messages,
        frames: summary.frames,
        bytes: summary.bytes,
        files: summary.files,
        seals: summary.seals,
        lost: summary.lost,
        refused: status.refused,
        undecodable: summary.undecodable,
        signers: status.signers,
        topics: status.topics,
        closed: ended.is_closed,
        because: ended.because.as_deref(),
    }
}
