//! `bag play`: a recording, once more. What is played is signed by this user, as replay: live subscribers refuse it.

use std::io::{IsTerminal, Read};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use nuncio_bridge::bag::{BagPlayer, PlayOptions, PlayProgress, PlayWish, Played};
use ratatui::crossterm::terminal::{disable_raw_mode, enable_raw_mode};

use super::{CommandError, Outcome};
use crate::answers::bag::BagPlayed;
use crate::cli::BagPlay;
use crate::render::{Render, count, span};
use crate::session::Session;

/// How long the node stays after the last message, so that whoever has to ask for its card can.
const LINGER: Duration = Duration::from_millis(300);

pub(super) async fn run(session: &mut Session<'_>, args: BagPlay) -> Result<Outcome, CommandError> {
    let options = PlayOptions {
        bag: args.part.bag.clone(),
        part: args.part.part(),
        rate: args.rate,
        repeat: args.repeat,
        remap: args.remap.clone(),
        clock_hz: args.clock,
        paused: args.pause || args.step,
    };
    let mut player = BagPlayer::new(&session.node, options)?;
    if player.publishers().next().is_none() {
        let bag = args.part.bag.display();
        session.render.warning(format!(
            "nothing in {bag} that is asked for is signed, so nothing is played; `nuncio bag convert {bag} -o DIR` signs a \
             recording of ROS 2 with this user's key, as its importer"
        ));
        return Ok(Outcome::Nothing);
    }
    wait_for_subscribers(session, &player, args.wait).await?;
    let (wishes, wished) = channel();
    let keyboard = Keyboard::listen(&args, wishes.clone());
    let (news, mut told) = tokio::sync::mpsc::unbounded_channel();
    let mut playing = tokio::task::spawn_blocking(move || {
        let played = player.play(&wished, |progress| {
            // Nobody listening is no error.
            let _ = news.send(progress);
        });
        (played, player)
    });
    let (played, player) = loop {
        tokio::select! {
            ended = &mut playing => break ended?,
            Some(progress) = told.recv() => session.render.progress_line(&progress_text(&progress)),
            () = session.interrupt.wished() => drop(wishes.send(PlayWish::End)),
        }
    };
    drop(keyboard);
    let played = played?;
    tokio::select! {
        () = tokio::time::sleep(LINGER) => {}
        () = session.interrupt.wished() => {}
    }
    drop(player);
    tell(session.render, &played)
}

/// Waits until somebody listens on each of the topics, for at most so long.
async fn wait_for_subscribers(
    session: &mut Session<'_>,
    player: &BagPlayer,
    wait: Duration,
) -> Result<(), CommandError> {
    let waits = player.publishers().map(|publisher| {
        let publisher = Arc::clone(publisher);
        tokio::task::spawn_blocking(move || publisher.wait_for_subscribers(wait))
    });
    let waits: Vec<_> = waits.collect();
    let mut is_heard = wait.is_zero();
    let all = async {
        for wait in waits {
            is_heard |= wait.await??;
        }
        Ok::<_, CommandError>(())
    };
    tokio::select! {
        ended = session.render.progress("waiting for subscribers", all) => ended?,
        () = session.interrupt.wished() => return Ok(()),
    }
    if !is_heard {
        session.render.note("nobody subscribes yet; playing all the same");
    }
    Ok(())
}

fn progress_text(progress: &PlayProgress) -> String {
    let (read, total) = progress.read;
    let word = if progress.paused { "paused" } else { "playing" };
    format!(
        "{word} at {:.1} s, {} messages, {} % read",
        progress.at.as_secs_f64(),
        progress.messages,
        read.saturating_mul(100) / total.max(1)
    )
}

/// Keys of a terminal, or lines of a pipe; the terminal is as before when it is dropped.
#[derive(Debug)]
struct Keyboard {
    is_raw: bool,
}

impl Keyboard {
    fn listen(args: &BagPlay, wishes: Sender<PlayWish>) -> Self {
        let is_terminal = std::io::stdin().is_terminal();
        if !is_terminal && !args.step && !args.pause {
            return Self { is_raw: false };
        }
        let (is_raw, step) = (is_terminal && enable_raw_mode().is_ok(), args.step);
        // It ends with the program: a read of stdin cannot be taken back.
        std::thread::spawn(move || {
            for key in std::io::stdin().lock().bytes() {
                let wish = match key {
                    Ok(b' ') if !step => PlayWish::Pause,
                    Ok(b' ' | b'\n' | b'\r') => PlayWish::Next,
                    Ok(b'q' | 3 | 4) | Err(_) => PlayWish::End,
                    Ok(_) => continue,
                };
                if wishes.send(wish).is_err() {
                    return;
                }
            }
            // The end of the pipe is the end of what is played by hand.
            let _ = wishes.send(PlayWish::End);
        });
        Self { is_raw }
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        if self.is_raw {
            let _ = disable_raw_mode();
        }
    }
}

fn tell(render: &Render, played: &Played) -> Result<Outcome, CommandError> {
    let ns = |ns: u128| i64::try_from(ns).unwrap_or(i64::MAX);
    let mean = ns(played.late.as_nanos() / u128::from(played.timed.max(1)));
    let most = ns(played.late_max.as_nanos());
    for damage in &played.damage {
        render.warning(damage);
    }
    if played.refused > 0 {
        render.warning(format!("{} frames prove nothing and were not played", played.refused));
    }
    if played.untyped > 0 {
        let untyped = played.untyped;
        render.warning(format!("{untyped} messages are of no known type and were not played"));
    }
    if render.is_json() {
        render.answer(&BagPlayed {
            played: played.messages,
            rounds: played.rounds,
            refused: played.refused,
            untyped: played.untyped,
            late_mean_ns: mean,
            late_max_ns: most,
        })?;
    } else {
        let messages = count(usize::try_from(played.messages).unwrap_or(usize::MAX), "message");
        let late = format!("{} late on the average, {} at most", span(mean), span(most));
        render.note(format!("played {messages}, {late}"));
    }
    let is_whole = played.refused + played.untyped == 0 && played.damage.is_empty();
    Ok(match (is_whole, played.messages) {
        (false, _) => Outcome::Refused,
        (true, 0) => Outcome::Nothing,
        (true, _) => Outcome::Found,
    })
}
