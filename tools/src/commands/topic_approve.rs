//! `topic approve`: messages that await a second signer, each shown before anybody acts on it, and approved or rejected.

use std::time::{Duration, Instant};

use nuncio::approval::WAIT_MAX;
use nuncio::{Approver, GenericReceived, MessageInfo};
use tokio::io::Stdin;

use super::topic_echo::Echo;
use super::{CommandError, Outcome};
use crate::answers::topic::Approved;
use crate::cli::{EchoOfRos, QosArgs, ShownArgs, TopicApprove, TopicEcho};
use crate::render::{Render, count};
use crate::session::Session;
use crate::values::Lines;

/// How long the first answer waits for somebody who listens to it.
const WAIT_FOR_LISTENER: Duration = Duration::from_secs(2);
/// How often is looked for one.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How long the node stays after the last answer: who has not met this key yet asks the node for its card first.
const LINGER: Duration = Duration::from_millis(500);

pub(super) async fn run(session: &mut Session<'_>, args: TopicApprove) -> Result<Outcome, CommandError> {
    let node = session.node.clone();
    let approver = node.approver(args.topic.as_str())?;
    let look = TopicEcho {
        topic: args.topic.clone(),
        once: false,
        times: None,
        raw: false,
        verbose: true,
        replay: false,
        shown: ShownArgs {
            full_length: args.full_length,
            ..ShownArgs::default()
        },
        qos: QosArgs::default(),
        ros: EchoOfRos::default(),
    };
    let mut desk = Desk {
        args: &args,
        node: &node,
        approver: &approver,
        render: session.render,
        echo: Echo::new(&look, session)?,
        lines: Lines::new(tokio::io::stdin()),
        answered: 0,
    };
    tokio::select! {
        ended = desk.attend_all(session.timeout) => ended,
        () = session.interrupt.wished() => Ok(()),
    }?;
    if desk.answered > 0 {
        tokio::select! {
            () = tokio::time::sleep(LINGER) => {}
            () = session.interrupt.wished() => {}
        }
    }
    desk.render
        .note(format!("answered {}", count(desk.answered, "message")));
    Ok(match (desk.echo.outcome(approver.stats()), desk.answered) {
        (Outcome::Refused, _) => Outcome::Refused,
        (_, 0) => Outcome::Nothing,
        (_, _) => Outcome::Found,
    })
}

/// What is said of a message.
enum Answer {
    Approve,
    /// With the reason.
    Reject(String),
}

struct Desk<'a> {
    args: &'a TopicApprove,
    node: &'a nuncio::Node,
    approver: &'a Approver,
    render: &'a Render,
    echo: Echo<'a>,
    lines: Lines<Stdin>,
    answered: usize,
}

impl Desk<'_> {
    async fn attend_all(&mut self, timeout: Option<Duration>) -> Result<(), CommandError> {
        let own = self.node.public_key();
        while let Some(message) = self.echo.wait(self.node, self.approver, timeout).await? {
            let (info, since) = (message.info(), Instant::now());
            if self.args.id.is_some_and(|id| id != info.id()) || !self.echo.print(self.node, &message).await? {
                continue;
            }
            self.render.flush()?;
            if info.signer == own {
                self.render
                    .note("this user's own key has signed it: another must approve it");
                continue;
            }
            let Some(answer) = self.answer(&info).await? else {
                self.render.note("no answer can be read from stdin any more");
                return Ok(());
            };
            if since.elapsed() > WAIT_MAX {
                let seconds = WAIT_MAX.as_secs();
                self.render
                    .warning(format!("nobody waits for an answer for longer than {seconds} s"));
            }
            self.say(&message, &info, answer).await?;
            let is_last = self.args.times.is_some_and(|times| self.answered as u64 >= times);
            if is_last || self.args.id.is_some() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The answer; `None` when there are no more.
    async fn answer(&mut self, info: &MessageInfo) -> Result<Option<Answer>, CommandError> {
        if self.args.yes || self.args.id.is_some() {
            return Ok(Some(Answer::Approve));
        }
        loop {
            self.render
                .note(format!("approve {}? answer `y`, or `n` and why", info.id()));
            let Some((_, line)) = self.lines.next().await? else {
                return Ok(None);
            };
            let (word, why) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
            match word.to_lowercase().as_str() {
                "y" | "yes" => return Ok(Some(Answer::Approve)),
                "n" | "no" => return Ok(Some(Answer::Reject(why.trim().to_owned()))),
                _ => {}
            }
        }
    }

    async fn say(&mut self, message: &GenericReceived, info: &MessageInfo, answer: Answer) -> Result<(), CommandError> {
        if self.answered == 0 {
            self.wait_for_listener().await?;
        }
        let (published, decision, text) = match &answer {
            Answer::Approve => (self.approver.approve(message)?, "approved", ""),
            Answer::Reject(why) => (self.approver.reject(message, why)?, "rejected", why.as_str()),
        };
        self.answered += 1;
        if self.render.is_json() {
            self.render.answer(&Approved {
                topic: self.approver.approvals().topic().as_str(),
                message_id: info.id().to_string(),
                decision,
                text,
                id: published.id().to_string(),
                signer: self.node.public_key().to_string(),
            })?;
        } else {
            let text = format!("{decision} {}, id of this answer {}", info.id(), published.id());
            self.render.line(None, &text)?;
        }
        Ok(self.render.flush()?)
    }

    async fn wait_for_listener(&self) -> Result<(), CommandError> {
        let approvals = self.approver.approvals();
        let until = Instant::now() + WAIT_FOR_LISTENER;
        while !approvals.has_subscribers()? {
            if Instant::now() >= until {
                let topic = approvals.topic();
                self.render.warning(format!(
                    "nobody listens on {topic}: no trust.toml that is in force at a subscriber demands a second signer here"
                ));
                break;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }
}
