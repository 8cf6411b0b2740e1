//! `topic plot`: numbers of a topic's messages over time, in the terminal or as a file.

use std::error::Error;
use std::fmt;
use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nuncio::{GenericReceived, GenericSubscriber, Node, QosProfile};
use ratatui::Frame;
use ratatui::crossterm::event::{Event, KeyCode, KeyModifiers};
use ratatui::layout::{Constraint, Layout};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use tokio::time::MissedTickBehavior;

use super::{CommandError, Outcome};
use crate::answers::topic::PlottedField;
use crate::catalog::Catalog;
use crate::cli::TopicPlot;
use crate::curve::{self, Curve};
use crate::field_notes::note;
use crate::field_series::{FieldSeries, NoSuchNumber, number_fields, svg};
use crate::known_types::KnownTypes;
use crate::palette::{Meaning, Palette};
use crate::refusal_talk::summary;
use crate::render::{Render, count, short_key};
use crate::sanitize;
use crate::session::Session;
use crate::terminal::Terminal;

/// How many messages wait to be drawn: in a file all are, on the screen the last ones.
const QUEUE_OF_A_FILE: NonZeroUsize = NonZeroUsize::new(65_536).expect("it is not zero");
const QUEUE_OF_A_SCREEN: NonZeroUsize = NonZeroUsize::new(256).expect("it is not zero");

/// How long messages for a file are waited for unless `--timeout` says otherwise.
const WAIT_FOR_MESSAGES: Duration = Duration::from_secs(10);

/// How often the screen is drawn.
const DRAW_PERIOD: Duration = Duration::from_millis(50);

pub(super) async fn run(session: &mut Session<'_>, args: TopicPlot) -> Result<Outcome, CommandError> {
    let depth = if args.svg.is_some() {
        QUEUE_OF_A_FILE
    } else {
        QUEUE_OF_A_SCREEN
    };
    let everything = QosProfile {
        depth,
        ..QosProfile::best_available()
    };
    if args.svg.is_none() {
        if session.render.is_json() {
            return Err(PlotError::NoJson.into());
        }
        if !session.render.is_terminal() {
            return Err(PlotError::NoTerminal.into());
        }
    }
    let types = KnownTypes::new(Catalog::open(&session.interfaces)?);
    let subscriber = session
        .node
        .generic_subscriber(args.topic.as_str(), args.qos.profile(everything))?;
    let mut plot = Plot::new(&args, types);
    match &args.svg {
        Some(file) => plot.fill_file(session, &subscriber, file).await?,
        None => plot.on_screen(session, &subscriber, args.window).await?,
    }
    Ok(outcome(session.render, &subscriber, plot.messages))
}

/// The curves, and what they are made of.
#[derive(Debug)]
struct Plot {
    types: KnownTypes,
    /// Empty until the first message, when no field was named.
    series: Vec<FieldSeries>,
    samples: usize,
    messages: u64,
    /// Who has signed the last message.
    signer: String,
    /// Why the last message could not be read.
    problem: Option<String>,
}

impl Plot {
    fn new(args: &TopicPlot, types: KnownTypes) -> Self {
        Self {
            types,
            series: args.field.iter().map(|path| FieldSeries::new(path)).collect(),
            samples: usize::try_from(args.samples).unwrap_or(usize::MAX),
            messages: 0,
            signer: String::new(),
            problem: None,
        }
    }

    /// Collects messages, and writes the file when there are enough, none come in time, or with Ctrl-C.
    async fn fill_file(
        &mut self,
        session: &mut Session<'_>,
        subscriber: &GenericSubscriber,
        file: &Path,
    ) -> Result<(), CommandError> {
        let time_is_up = tokio::time::sleep(session.timeout.unwrap_or(WAIT_FOR_MESSAGES));
        let mut time_is_up = std::pin::pin!(time_is_up);
        let wanted = self.samples.try_into().unwrap_or(u64::MAX);
        while self.messages < wanted {
            tokio::select! {
                received = subscriber.recv() => self.add(&session.node, &received?).await?,
                () = session.interrupt.wished() => break,
                () = &mut time_is_up => break,
            }
        }
        if self.messages == 0 {
            return Ok(());
        }
        let title = format!(
            "{}, {}",
            subscriber.topic(),
            count(usize::try_from(self.messages)?, "message")
        );
        fs::write(file, svg::draw(&title, &self.series)).map_err(|error| PlotError::File(file.to_owned(), error))?;
        for series in &self.series {
            self.report(session.render, subscriber, series, file)?;
        }
        Ok(())
    }

    fn report(
        &self,
        render: &Render,
        subscriber: &GenericSubscriber,
        series: &FieldSeries,
        file: &Path,
    ) -> Result<(), CommandError> {
        let (path, points) = (&series.path, series.points.len());
        let range = series.range();
        if render.is_json() {
            render.answer(&PlottedField {
                topic: subscriber.topic().as_str(),
                field: path,
                unit: series.unit.as_deref(),
                samples: points,
                min: range.map(|range| range.0),
                mean: range.map(|range| range.1),
                max: range.map(|range| range.2),
                file: file.display().to_string(),
            })?;
            return Ok(());
        }
        let unit = series.unit.as_ref().map(|unit| format!(" {unit}")).unwrap_or_default();
        let numbers = match range {
            Some((min, mean, max)) => {
                let [min, mean, max] = [min, mean, max].map(curve::short);
                format!("min {min}  mean {mean}  max {max}{unit}")
            }
            None => "no numbers".to_owned(),
        };
        render.line(None, &format!("{path}: {}, {numbers}", count(points, "sample")))?;
        Ok(())
    }

    /// Draws until the reader has had enough.
    async fn on_screen(
        &mut self,
        session: &mut Session<'_>,
        subscriber: &GenericSubscriber,
        window: Duration,
    ) -> Result<(), CommandError> {
        let palette = Palette::new(session.render.has_colour());
        let mut draws = tokio::time::interval(DRAW_PERIOD);
        draws.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut terminal, mut is_paused) = (Terminal::take()?, false);
        loop {
            tokio::select! {
                _ = draws.tick() => {
                    while let Ok(received) = subscriber.try_recv() {
                        if !is_paused {
                            self.add(&session.node, &received).await?;
                        }
                    }
                    self.series.iter_mut().for_each(|series| series.keep_last(window.as_secs_f64()));
                }
                event = terminal.next_event() => match event {
                    None => return Ok(()),
                    Some(Event::Key(key)) => match key.code {
                        KeyCode::Char('q') | KeyCode::Esc => return Ok(()),
                        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return Ok(()),
                        KeyCode::Char(' ' | 'p') => is_paused = !is_paused,
                        _ => {}
                    },
                    Some(_) => {}
                },
                () = session.interrupt.wished() => return Ok(()),
            }
            while session.node.try_next_refusal().is_some() {}
            terminal.draw(|frame| self.draw(frame, subscriber, palette, is_paused))?;
        }
    }

    /// Adds the numbers of one message.
    async fn add(&mut self, node: &Node, received: &GenericReceived) -> Result<(), CommandError> {
        let codec = match self.types.of(node, received.message()).await {
            Ok(codec) => codec,
            Err(error) => {
                self.problem = Some(error.to_string());
                return Ok(());
            }
        };
        let message = match codec.to_json(received.payload()) {
            Ok(message) => message,
            Err(error) => {
                self.problem = Some(error.to_string());
                return Ok(());
            }
        };
        if self.messages == 0 {
            if self.series.is_empty() {
                self.series
                    .extend(number_fields(codec, 64).first().map(|path| FieldSeries::new(path)));
            }
            for series in &mut self.series {
                let is_number = codec.field(&series.path).is_some_and(FieldSeries::may_be_of);
                if !is_number {
                    return Err(NoSuchNumber::new(codec, &series.path).into());
                }
                series.unit = note(codec, &series.path, &serde_json::Value::Null);
            }
        }
        let info = received.info();
        for series in &mut self.series {
            series.add(&message, info.source_time_ns, self.samples);
        }
        self.messages += 1;
        self.problem = None;
        self.signer = format!("{} {} ({})", info.node, short_key(&info.signer), info.verdict.as_str());
        Ok(())
    }

    fn draw(&self, frame: &mut Frame<'_>, subscriber: &GenericSubscriber, palette: Palette, is_paused: bool) {
        let [head, body, keys] =
            Layout::vertical([Constraint::Length(1), Constraint::Fill(1), Constraint::Length(1)]).areas(frame.area());
        let stats = subscriber.stats();
        let mut title = vec![
            Span::styled(subscriber.topic().to_string(), palette.of(Meaning::Strong)),
            Span::raw(format!("  {} messages of {}", self.messages, self.signer)),
        ];
        for (what, number) in [("not drawn", stats.dropped), ("refused", stats.refused_total())] {
            if number > 0 {
                title.push(Span::styled(
                    format!("  {number} {what}"),
                    palette.of(Meaning::Attention),
                ));
            }
        }
        if let Some(problem) = &self.problem {
            title.push(Span::styled(
                format!("  {}", sanitize::line(problem)),
                palette.of(Meaning::Bad),
            ));
        }
        frame.render_widget(Paragraph::new(Line::from(title)), head);
        if self.series.is_empty() {
            frame.render_widget(Paragraph::new("no message yet"), body);
        }
        let places = Layout::vertical(self.series.iter().map(|_| Constraint::Fill(1))).split(body);
        for (series, place) in self.series.iter().zip(places.iter()) {
            let curve = Curve {
                title: &series.path,
                unit: series.unit.as_deref(),
                points: &series.points,
            };
            curve::draw(frame, *place, &curve, palette);
        }
        let paused = if is_paused { "  PAUSED" } else { "" };
        let line = Line::from(vec![
            Span::styled("q", palette.key()),
            Span::raw(" quit  "),
            Span::styled("Space", palette.key()),
            Span::raw(" pause"),
            Span::styled(paused, palette.of(Meaning::Attention)),
        ]);
        frame.render_widget(Paragraph::new(line), keys);
    }
}

fn outcome(render: &Render, subscriber: &GenericSubscriber, messages: u64) -> Outcome {
    if let Some(line) = summary(&subscriber.stats().refused) {
        render.warning(line);
        return Outcome::Refused;
    }
    match messages {
        0 => {
            render.note(format!("no message on {}", subscriber.topic()));
            Outcome::Nothing
        }
        _ => Outcome::Found,
    }
}

/// Why nothing is drawn.
#[derive(Debug)]
enum PlotError {
    /// Standard output is something else.
    NoTerminal,
    /// A drawing on the screen is no JSON.
    NoJson,
    /// The file could not be written.
    File(PathBuf, io::Error),
}

impl fmt::Display for PlotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTerminal => f.write_str("standard output is no terminal; --svg FILE draws into a file"),
            Self::NoJson => f.write_str("a plot on the screen has no JSON form; with --json name a file, --svg FILE"),
            Self::File(file, error) => write!(f, "{} could not be written: {error}", file.display()),
        }
    }
}

impl Error for PlotError {}
