//! The live view: all topics and nodes with rate, bandwidth, latency, jitter, gaps, drops, signers, verdicts and refusals,
//! and what is behind each of them.
//!
//! ```text
//! survey (asks nodes, which sign) -> counts -> model -> rows -> list, columns -> view -> terminal
//! keys -> screen -> close_up (subscribes to the one topic that is open) -> view
//! ```
//!
//! Whose word a number is stands in [`help`]: publishers and subscribers count, this program adds up and takes differences. So
//! it is exact at any rate, and its cost goes with the number of nodes, not of messages.

mod answer;
mod cells;
mod close_up;
mod columns;
mod counts;
mod detail;
mod help;
mod list;
mod model;
mod rows;
mod screen;
mod snapshot;
mod survey;
mod text;
mod topic_detail;
mod view;

use std::time::Duration;

use ratatui::crossterm::event::Event;
use tokio::time::MissedTickBehavior;

use self::close_up::CloseUp;
use self::model::Model;
use self::screen::{Screen, Wish};
use self::survey::{Answer, Survey};
use self::view::Scene;
use crate::catalog::Catalog;
use crate::commands::CommandError;
use crate::palette::Palette;
use crate::session::Session;
use crate::terminal::Terminal;

pub(crate) use self::model::Scope;

/// How often what is open is drawn anew.
const DRAW_PERIOD: Duration = Duration::from_millis(100);

/// How long a node may take to answer unless `--timeout` says otherwise.
const ANSWER_TIME: Duration = Duration::from_secs(2);

/// What is looked at, and how often.
#[derive(Debug)]
pub(crate) struct TopOptions {
    pub(crate) interval: Duration,
    pub(crate) scope: Scope,
}

/// Measures for one interval, and prints what was found. Gives whether there was anything.
///
/// # Errors
///
/// When nothing can be written.
pub(crate) async fn once(session: &mut Session<'_>, options: TopOptions) -> Result<bool, CommandError> {
    let graph = session.graph().await;
    let mut watch = Watch::new(session, options.scope);
    for wait in [options.interval, Duration::ZERO] {
        watch.round().await;
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = session.interrupt.wished() => break,
        }
    }
    answer::print(session.render, &watch.model)?;
    if watch.model.topics.is_empty() && watch.model.nodes.is_empty() {
        session.explain_nothing(&graph).await;
        return Ok(false);
    }
    Ok(true)
}

/// Prints what was found after each interval, until Ctrl-C.
///
/// # Errors
///
/// As [`once`].
pub(crate) async fn print_on_and_on(session: &mut Session<'_>, options: TopOptions) -> Result<bool, CommandError> {
    let mut watch = Watch::new(session, options.scope);
    let mut ticks = tokio::time::interval(options.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    watch.round().await;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = session.interrupt.wished() => return Ok(!watch.model.nodes.is_empty()),
        }
        watch.round().await;
        answer::print(session.render, &watch.model)?;
    }
}

/// Shows the live view until it is left.
///
/// # Errors
///
/// When there is no terminal, or it is gone.
pub(crate) async fn show(session: &mut Session<'_>, options: TopOptions) -> Result<(), CommandError> {
    let catalog = Catalog::open(&session.interfaces)?;
    let place = format!(
        "domain {}, every {} s",
        session.node.domain(),
        options.interval.as_secs_f64()
    );
    let palette = Palette::new(session.render.has_colour());
    let (mut watch, mut screen) = (Watch::new(session, options.scope), Screen::new());
    let mut close_up: Option<CloseUp> = None;
    let mut ticks = tokio::time::interval(options.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut draws = tokio::time::interval(DRAW_PERIOD);
    draws.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut terminal = Terminal::take()?;
    loop {
        tokio::select! {
            _ = ticks.tick(), if !screen.is_paused => {
                watch.begin_round();
                if !watch.is_over() {
                    continue;
                }
            }
            answer = watch.survey.next_answer() => {
                watch.take(answer);
                if !watch.is_over() || screen.is_paused {
                    continue;
                }
                watch.model.close_round();
            }
            event = terminal.next_event() => match event {
                None => return Ok(()),
                Some(Event::Key(key)) => match screen.press(key, &watch.model) {
                    Wish::Quit => return Ok(()),
                    Wish::CountAnew => watch.model.count_anew(),
                    Wish::GoOn => {}
                },
                Some(_) => {}
            },
            _ = draws.tick(), if close_up.is_some() && !screen.is_paused => {}
            () = session.interrupt.wished() => return Ok(()),
        }
        // What is refused shows in the rows and in the close-up.
        while session.node.try_next_refusal().is_some() {}
        look_closer(session, &mut close_up, &screen, &catalog);
        let sight = close_up.as_ref().map(CloseUp::sight);
        let scene = Scene {
            model: &watch.model,
            sight: sight.as_ref(),
            palette,
            place: &place,
        };
        terminal.draw(|frame| view::draw(frame, &mut screen, &scene))?;
    }
}

/// Subscribes to the topic that is open, and to no other.
fn look_closer(session: &Session<'_>, close_up: &mut Option<CloseUp>, screen: &Screen, catalog: &Catalog) {
    let topic = screen.open_topic();
    if close_up.as_ref().map(|close_up| &close_up.topic) != topic {
        *close_up = topic.map(|topic| CloseUp::begin(&session.node, topic.clone(), catalog.clone()));
    }
    if let Some(close_up) = close_up.as_ref().filter(|_| screen.line > 0) {
        close_up.plot(screen.line);
    }
}

/// The survey and the model that it fills.
#[derive(Debug)]
struct Watch {
    survey: Survey,
    model: Model,
}

impl Watch {
    fn new(session: &Session<'_>, scope: Scope) -> Self {
        let timeout = session.timeout.unwrap_or(ANSWER_TIME);
        Self {
            survey: Survey::new(session.node.clone(), timeout),
            model: Model::new(scope),
        }
    }

    /// Asks everybody, and waits until all have answered or their time is up.
    async fn round(&mut self) {
        self.begin_round();
        while !self.is_over() {
            let answer = self.survey.next_answer().await;
            self.take(answer);
        }
        self.model.close_round();
    }

    /// Asks everybody; what has not come of the last round is not waited for any longer.
    fn begin_round(&mut self) {
        if !self.is_over() {
            self.model.close_round();
        }
        let seen = self.survey.begin();
        self.model.see(seen);
    }

    fn is_over(&self) -> bool {
        self.survey.is_over()
    }

    fn take(&mut self, answer: Answer) {
        match answer.facts {
            Ok(facts) => self.model.take_answer(&answer.id, answer.epoch, &facts),
            Err(error) => self.model.take_silence(&answer.id, &error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
