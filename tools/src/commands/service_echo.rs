//! `service echo`: what the ends of a service tell of its calls, where they do.

use nuncio::graph::Graph;
use nuncio::msgs::service_msgs::msg::ServiceEventInfo;
use serde_json::Value;

use super::topic_echo::follow;
use super::{CommandError, Outcome};
use crate::cli::{EchoOfRos, ServiceEcho, TopicEcho};
use crate::session::Session;

pub(super) async fn run(session: &mut Session<'_>, args: ServiceEcho) -> Result<Outcome, CommandError> {
    let service = args.service;
    let echo = TopicEcho {
        topic: service.service_events()?,
        once: args.once,
        times: args.times,
        raw: false,
        verbose: args.verbose,
        replay: false,
        shown: args.shown,
        qos: args.qos,
        ros: EchoOfRos::default(),
    };
    let nobody = |graph: &Graph| match graph.services().get(&service) {
        Some(known) if !known.servers.is_empty() => format!(
            "{service} is served, but no end of it tells of calls; its server does with `introspection: \
             ServiceIntrospection::Contents` in its ServiceServerOptions, a caller with `nuncio service call --introspection \
             contents`, or the same in its ServiceClientOptions"
        ),
        _ => format!("nobody is known to serve {service}"),
    };
    follow(session, &echo, name_step, nobody).await
}

/// Writes the name of the step in the place of its number, as ROS 2 does.
fn name_step(event: &mut Value) {
    let names = [
        (ServiceEventInfo::REQUEST_SENT, "REQUEST_SENT"),
        (ServiceEventInfo::REQUEST_RECEIVED, "REQUEST_RECEIVED"),
        (ServiceEventInfo::RESPONSE_SENT, "RESPONSE_SENT"),
        (ServiceEventInfo::RESPONSE_RECEIVED, "RESPONSE_RECEIVED"),
    ];
    if let Some(step) = event.pointer_mut("/info/event_type")
        && let Some((_, name)) = names
            .into_iter()
            .find(|(number, _)| step.as_u64() == Some(u64::from(*number)))
    {
        *step = name.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn steps_have_names_and_unknown_numbers_stay() {
        let named = |number: u8| {
            let mut event = json!({"info": {"event_type": number}, "request": []});
            name_step(&mut event);
            event["info"]["event_type"].clone()
        };
        assert_eq!(
            (named(0), named(3), named(9)),
            ("REQUEST_SENT".into(), "RESPONSE_RECEIVED".into(), 9.into())
        );
    }
}
