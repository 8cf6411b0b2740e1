//! Which command prints which answers.

use nuncio_bridge::bag::{BagInfo, VerifyReport};

use super::bag::{BagExported, BagExtracted, BagImported, BagMessage, BagPlayed, BagRecorded};
use super::bench::{
    CostMeasured, FleetMeasured, LateJoinersMeasured, LatencyMeasured, MemoryMeasured, OutboxMeasured, RateMeasured,
    RobotMeasured, ServiceMeasured, StepMeasured, ThroughputMeasured,
};
use super::bridge::{
    BridgeConfigBad, BridgeConfigGood, BridgeReady, BridgeRefused, BridgeRos2, BridgeStatus, BridgeTurnedAway,
};
use super::called::{
    ActionDetails, ActionListed, ActionType, GoalAccepted, GoalCanceling, GoalFeedback, GoalResult, ServiceDetails,
    ServiceListed, ServiceResponse, ServiceType,
};
use super::diagnosis::{CauseTold, FindingTold, ReasonTold, TopNode, TopTopic, TraceLine};
use super::interface::{
    CrateGenerated, InterfaceChange, InterfaceHashed, InterfaceListed, InterfaceProblem, InterfaceShown,
    JsonSchemaDocument, PackageListed,
};
use super::key::{ContextShown, KeyExported, KeyListed, KeyMade, KeyRevoked, KeyRotated, KeyShown};
use super::link::{LinkAccepted, LinkInviteEvent};
use super::message::Message;
use super::node::{NodeDetails, NodeFacts, NodeHealth, NodeListed};
use super::parameter::{
    LogLine, ManagedNode, ManagedNodes, ManagedState, ManagedTransition, ParameterDescribed, ParameterGot,
    ParameterListed, ParameterWasSet, ParametersDumped, StateDocument, StateListed, TransitionMade,
};
use super::program::{AttackListed, AttackMade, CommandWithSchema, DemoEnded, ManualWritten, RouterReady};
use super::topic::{
    Approved, EchoedMessage, PlottedField, PublishedMessage, TopicBandwidth, TopicDelay, TopicDetails, TopicFound,
    TopicListed, TopicRate, TopicType,
};
use super::trust::{
    CertificateSigned, CertificatesShown, FileVerdict, GrantAdded, KeyFileShown, PolicyRow, PolicyShown,
    RevocationsShown, RouterExported, TrustChecked, TrustFileProblem, TrustMade, TrustRemoved, TrustTestEnd,
    TrustTestRow, TrustText, TrustWritten,
};
use super::{Answers, Prints, Shape, of};
use crate::node_graph::Listing;

/// Every command that prints JSON, in the order of the help.
pub(crate) const ALL: &[Answers] = &[
    lines("topic list", &[of::<TopicListed<'_>>]),
    lines("topic type", &[of::<TopicType<'_>>]),
    lines("topic find", &[of::<TopicFound<'_>>]),
    document("topic info", &[of::<TopicDetails<'_>>]),
    lines("topic echo", &[of::<EchoedMessage<'_>>]),
    lines("topic pub", &[of::<PublishedMessage<'_>>]),
    lines("topic approve", &[of::<EchoedMessage<'_>>, of::<Approved<'_>>]),
    lines("topic hz", &[of::<TopicRate<'_>>]),
    lines("topic bw", &[of::<TopicBandwidth<'_>>]),
    lines("topic delay", &[of::<TopicDelay<'_>>]),
    lines("topic plot", &[of::<PlottedField<'_>>]),
    lines("node list", &[of::<NodeListed<'_>>]),
    lines("node info", &[of::<NodeDetails<'_>>]),
    lines("node facts", &[of::<NodeFacts<'_>>]),
    lines("node health", &[of::<NodeHealth<'_>>]),
    lines("service list", &[of::<ServiceListed<'_>>]),
    lines("service type", &[of::<ServiceType<'_>>]),
    lines("service find", &[of::<ServiceListed<'_>>]),
    document("service info", &[of::<ServiceDetails<'_>>]),
    lines("service call", &[of::<ServiceResponse<'_>>]),
    lines("service echo", &[of::<EchoedMessage<'_>>]),
    lines("action list", &[of::<ActionListed<'_>>]),
    lines("action type", &[of::<ActionType<'_>>]),
    lines("action find", &[of::<ActionListed<'_>>]),
    document("action info", &[of::<ActionDetails<'_>>]),
    lines(
        "action send_goal",
        &[of::<GoalAccepted<'_>>, of::<GoalFeedback<'_>>, of::<GoalResult<'_>>],
    ),
    lines("action cancel", &[of::<GoalCanceling<'_>>]),
    lines("param list", &[of::<ParameterListed<'_>>]),
    lines("param get", &[of::<ParameterGot<'_>>]),
    lines("param set", &[of::<ParameterWasSet<'_>>]),
    lines("param describe", &[of::<ParameterDescribed<'_>>]),
    document("param dump", &[of::<ParametersDumped<'_>>]),
    lines("param load", &[of::<ParameterWasSet<'_>>]),
    lines("param delete", &[of::<ParameterWasSet<'_>>]),
    lines("lifecycle nodes", &[of::<ManagedNode<'_>>, of::<ManagedNodes>]),
    lines("lifecycle get", &[of::<ManagedState<'_>>]),
    lines("lifecycle list", &[of::<ManagedTransition<'_>>]),
    document("lifecycle set", &[of::<TransitionMade<'_>>]),
    lines("state list", &[of::<StateListed<'_>>]),
    lines("state get", &[of::<StateDocument<'_>>]),
    lines("state watch", &[of::<StateDocument<'_>>]),
    lines("log", &[of::<LogLine<'_>>]),
    lines("top", &[of::<TopTopic<'_>>, of::<TopNode<'_>>]),
    document("graph", &[of::<Listing>]),
    lines("interface list", &[of::<InterfaceListed>]),
    lines("interface packages", &[of::<PackageListed<'_>>]),
    lines("interface package", &[of::<InterfaceListed>]),
    document("interface show", &[of::<InterfaceShown<'_>>, of::<JsonSchemaDocument>]),
    lines("interface hash", &[of::<InterfaceHashed>]),
    document("interface proto", &[of::<Message>]),
    lines("interface check", &[of::<InterfaceProblem<'_>>]),
    lines("interface diff", &[of::<InterfaceChange<'_>>]),
    document("interface generate", &[of::<CrateGenerated<'_>>]),
    document("interface transcode", &[of::<Message>]),
    document("key show", &[of::<KeyShown>]),
    document("key new", &[of::<KeyMade>]),
    lines("key list", &[of::<KeyListed<'_>>]),
    document("key import", &[of::<KeyMade>]),
    document("key export", &[of::<KeyExported<'_>>]),
    document("key rotate", &[of::<KeyRotated<'_>>]),
    document("key revoke", &[of::<KeyRevoked>]),
    document("trust init", &[of::<TrustMade<'_>>]),
    document("trust add", &[of::<GrantAdded<'_>>]),
    lines("trust remove", &[of::<TrustRemoved<'_>>]),
    lines("trust list", &[of::<PolicyRow>]),
    document("trust sign", &[of::<CertificateSigned>]),
    lines(
        "trust show",
        &[
            of::<PolicyShown<'_>>,
            of::<RevocationsShown<'_>>,
            of::<CertificatesShown>,
            of::<FileVerdict<'_>>,
            of::<KeyFileShown>,
            of::<TrustFileProblem<'_>>,
        ],
    ),
    document("trust check", &[of::<TrustChecked<'_>>]),
    lines("trust test", &[of::<TrustTestRow<'_>>, of::<TrustTestEnd>]),
    document(
        "trust export",
        &[of::<TrustText>, of::<TrustWritten>, of::<RouterExported<'_>>],
    ),
    lines("context list", &[of::<ContextShown<'_>>]),
    document("context show", &[of::<ContextShown<'_>>]),
    document("manual", &[of::<ManualWritten>]),
    lines("json-schema", &[of::<CommandWithSchema<'_>>, of::<JsonSchemaDocument>]),
    lines("doctor", &[of::<FindingTold<'_>>, of::<ReasonTold>]),
    lines("why", &[of::<CauseTold<'_>>]),
    document("bag record", &[of::<BagRecorded<'_>>]),
    document("bag verify", &[of::<VerifyReport>]),
    document("bag slice", &[of::<BagExtracted>]),
    document("bag filter", &[of::<BagExtracted>]),
    document("bag merge", &[of::<BagExtracted>]),
    document("bag info", &[of::<BagInfo>]),
    lines("bag cat", &[of::<BagMessage<'_>>]),
    document("bag play", &[of::<BagPlayed>]),
    lines("bag convert", &[of::<BagExported>, of::<BagImported<'_>>]),
    lines("bridge run", BRIDGE),
    document("bridge check", &[of::<BridgeConfigGood<'_>>, of::<BridgeConfigBad<'_>>]),
    lines("bridge ros2", BRIDGE),
    lines("bridge foxglove", BRIDGE),
    lines("bridge rosbridge", BRIDGE),
    lines("bridge grpc", BRIDGE),
    document("router", &[of::<RouterReady<'_>>]),
    lines("link invite", &[of::<LinkInviteEvent>, of::<RouterReady<'_>>]),
    document("link accept", &[of::<LinkAccepted>]),
    lines("trace", &[of::<TraceLine<'_>>]),
    document("demo", &[of::<DemoEnded<'_>>]),
    lines("prove", &[of::<AttackMade<'_>>, of::<AttackListed>]),
    lines(
        "bench",
        &[
            of::<ThroughputMeasured<'_>>,
            of::<LatencyMeasured<'_>>,
            of::<StepMeasured>,
            of::<CostMeasured>,
            of::<OutboxMeasured>,
            of::<RateMeasured<'_>>,
            of::<RobotMeasured>,
            of::<ServiceMeasured<'_>>,
            of::<LateJoinersMeasured>,
            of::<MemoryMeasured>,
            of::<FleetMeasured>,
        ],
    ),
];

/// What a bridge tells, whichever faces it serves.
const BRIDGE: &[Shape] = &[
    of::<BridgeReady<'_>>,
    of::<BridgeRefused<'_>>,
    of::<BridgeTurnedAway<'_>>,
    of::<BridgeRos2<'_>>,
    of::<BridgeStatus<'_>>,
];

const fn document(command: &'static str, shapes: &'static [Shape]) -> Answers {
    Answers {
        command,
        prints: Prints::Document,
        shapes,
    }
}

const fn lines(command: &'static str, shapes: &'static [Shape]) -> Answers {
    Answers {
        command,
        prints: Prints::Lines,
        shapes,
    }
}
