//! `topic echo --ros2`: a topic on a network of ROS 2, of which only messages are shown whose original signer is proved.
//!
//! What a bridge, or anybody else there, says of a message is checked by this user's own keystore and policy; see
//! [`nuncio_bridge::ros2::proof`].

use std::time::Duration;

use nuncio::{Discovery, Node, QosProfile};
use nuncio_bridge::TypeLibrary;
use nuncio_bridge::ros2::{SignedMessage, SignedReader, SignedReaderOptions};

use super::topic_echo::{Echo, WAIT_FOR_MESSAGE};
use super::{CommandError, Outcome, on_the_network};
use crate::cli::{GlobalArgs, TopicEcho};
use crate::render::{Render, count, span};
use crate::session::Session;

/// After which time without any sample the reason is told, as far as it is known.
const EXPLAIN_AFTER: Duration = Duration::from_secs(2);

pub(super) fn command(global: &GlobalArgs, render: &Render, args: &TopicEcho) -> Result<Outcome, CommandError> {
    // The node judges and pins; what it reads comes another way.
    let alone = GlobalArgs {
        connect: Vec::new(),
        listen: Vec::new(),
        discovery: Some(Discovery::Off),
        ..global.clone()
    };
    on_the_network(&alone, render, async |session| run(session, args).await)
}

async fn run(session: &mut Session<'_>, args: &TopicEcho) -> Result<Outcome, CommandError> {
    let limit = if args.once { Some(1) } else { args.times };
    let timeout = session.timeout.or(limit.map(|_| WAIT_FOR_MESSAGE));
    let library = TypeLibrary::open(&session.interfaces)?;
    let options = SignedReaderOptions {
        connect: args.ros.ros2.iter().cloned().collect(),
        ros_domain: args.ros.ros_domain,
        topic: args.topic.clone(),
        signed_topic: args.ros.signed_topic.clone(),
        qos: args.qos.profile(QosProfile::default().transient_local()),
    };
    let mut reader = SignedReader::open(&session.node, library, options).await?;
    let mut echo = Echo::new(args, session)?;
    let node = session.node.clone();
    let silence = tokio::select! {
        ended = print_all(&mut echo, &node, &mut reader, (limit, timeout)) => ended?,
        () = session.interrupt.wished() => None,
    };
    reader.end().await;
    session.render.flush()?;
    echo.tell_refusals(&node);
    if let Some(waited) = silence {
        let waited = span(i64::try_from(waited.as_nanos()).unwrap_or(i64::MAX));
        session
            .render
            .note(format!("no message on {} for {waited}", args.topic));
    }
    Ok(echo.outcome(reader.stats()))
}

/// Shows messages until there were enough of them, or none came for so long, which is returned then.
async fn print_all(
    echo: &mut Echo<'_>,
    node: &Node,
    reader: &mut SignedReader,
    (limit, timeout): (Option<u64>, Option<Duration>),
) -> Result<Option<Duration>, CommandError> {
    loop {
        echo.render.flush()?;
        let left = echo.time_left(timeout);
        let next = match left {
            Some(Duration::ZERO) => None,
            left => wait(echo, node, reader, left).await?,
        };
        let Some(message) = next else {
            return Ok(timeout);
        };
        echo.types.learn(message.ty.support(), message.ty.codec());
        echo.print(node, &message.received).await?;
        if limit.is_some_and(|limit| echo.shown >= limit) {
            return Ok(None);
        }
    }
}

/// The next message, or `None` when none came in time. Meanwhile tells about refusals as they come.
async fn wait(
    echo: &mut Echo<'_>,
    node: &Node,
    reader: &mut SignedReader,
    timeout: Option<Duration>,
) -> Result<Option<SignedMessage>, CommandError> {
    let silence = async {
        match timeout {
            Some(timeout) => tokio::time::sleep(timeout).await,
            None => std::future::pending().await,
        }
    };
    let mut silence = std::pin::pin!(silence);
    let mut explaining = std::pin::pin!(tokio::time::sleep(EXPLAIN_AFTER));
    let mut is_explained = echo.shown > 0;
    loop {
        tokio::select! {
            message = reader.recv() => return Ok(message),
            event = node.next_refusal() => {
                let refusal = event?.refusal;
                echo.tell(refusal.reason, &refusal.to_string());
            }
            () = &mut explaining, if !is_explained => {
                is_explained = true;
                explain(echo.render, reader, echo.args).await;
            }
            () = &mut silence => return Ok(None),
        }
    }
}

/// Says on stderr why nothing may be coming.
async fn explain(render: &Render, reader: &SignedReader, args: &TopicEcho) {
    if reader.heard() > 0 {
        return;
    }
    let (topic, domain) = (&args.topic, args.ros.ros_domain);
    render.note(match reader.neighbours().await {
        0 => format!(
            "no message yet: nobody answers at {}",
            args.ros.ros2.as_deref().unwrap_or_default()
        ),
        links => format!(
            "no message yet: nothing is put on {topic} in ROS domain {domain}; {} there",
            count(links, "link")
        ),
    });
}
