//! A ROS 2-style node whose every message proves who sent it.
//!
//! ```no_run
//! use nuncio::msgs::geometry_msgs::msg::Twist;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let node = nuncio::Node::builder("teleop").open().await?;
//! let commands = node.publisher::<Twist>("/cmd_vel")?;
//! let odometry = node.subscriber::<Twist>("/odom_twist")?;
//!
//! commands.publish(&Twist::default())?;
//! let received = odometry.recv().await?;
//! println!("{} says {:?}", received.info.signer, received.message);
//! # Ok(())
//! # }
//! ```
//!
//! # The path of a message
//!
//! ```text
//! publish     &M -> payload -> frame (outbox, security::frame) -> sign (security::signer) -> link
//! busy nodes  outbox -> signing_desk (one signature for the frames of many publishers) -> outbox -> link
//! subscribe   link -> reception -> security::verifier -> Verified -> queue -> payload -> Received<M>
//! late, lost  sequencer -> history (asks the publisher) -> security::verifier -> sequencer -> queue
//! acked       inquiry (asks the subscribers' nodes) -> receipt_desk (what was accepted: acceptance) -> receipt -> acknowledgement
//! durable     outbox -> journal_keeper -> journal (on the disk) -> link; cursor -> sequencer (asks for what is behind it) -> queue
//! shown       somebody else's network -> shown_frames (asks the signer through it) -> security::verifier -> Verified
//! trace       question -> evidence of the publishers -> security::testimony -> Verified -> the next question
//! call        &Request -> payload -> frame for one server (service_frame) -> link -> reception (as above) -> request_desk
//! respond     &Response -> payload -> frame for one request (service_frame) -> link -> security::answer -> Verified
//! goal        action_client -> a service's call -> goal_ledger (action_server) -> feedback, status -> goal_watch
//! strangers   reception -> contact (asks for the card) -> security::peers -> reception again
//! guests      guest (relays questions and answers) -> security::passage -> Verified -> link: a key that lives elsewhere
//! events      cards -> matching; signs of life, assertions -> watch; queue -> lifespan; all -> event
//! approvals   Verified -> approval_desk (waits for a second signer, where trust.toml demands one) -> queue
//! versions    Verified -> translation_desk (asks for the type, once) -> queue -> run_time_type::Translation -> payload
//! ```
//!
//! The only door is the proof: decoding, tools and bridges take a [`Verified`] message, which the verifier alone makes.
//!
//! # Reading order
//!
//! [`publisher`] → [`generic_publisher`] → `outbox` → [`security::frame`] → [`security::signer`] → `reception` →
//! [`security::verifier`] → `sequencer` → [`security::peers`] → `contact` → [`generic_subscriber`] → [`subscriber`].
//!
//! Services: [`service_client`] → [`generic_service_client`] → `service_directory` → `service_frame` →
//! [`generic_service_server`] → `request_desk` → [`service_server`]; what others see of calls: [`service_introspection`].
//!
//! Actions, which are made of services and topics: [`action_client`] →
//! [`generic_action_client`] → [`generic_goal_run`] → `goal_watch` → [`action_server`] → [`generic_action_server`] →
//! `action_port` → `goal_ledger` → [`goal_state`].
//!
//! State documents, which are topics: [`StateDocument`] → [`StateWatch`] → `state_shelf`.
//!
//! Parameters: [`parameters`] → `parameter_desk` → [`parameter_table`] → `parameter_services` → [`parameter_client`].
//!
//! Time, for applications: [`node_clock`] → `sim_time`. What guards a node goes by [`clock`], the wall clock.
//!
//! Managed nodes: [`lifecycle`] → `lifecycle_desk` → `lifecycle_state` → `lifecycle_services`.
//!
//! Names, from the author's to the fabric's: [`name`] → [`remapping`] → [`node_arguments`].
//!
//! How a node is: [`stats`] → [`node_stats`] → `health_checks` → [`health`] → `facts_gathering` → `facts_inquiry`, `metrics`.
//!
//! # What is promised, and what is not
//!
//! See [`security`] for the threat model.
//!
//! The runtime is for Unix: keys are guarded by file modes and locks.

mod acceptance;
pub mod acknowledgement;
pub mod action_client;
mod action_error;
mod action_port;
pub mod action_server;
pub mod action_support;
pub mod adversary;
mod agenda;
pub mod approval;
mod approval_desk;
pub mod approver;
mod assertion;
mod attendant;
mod buffers;
pub mod call_error;
mod card;
pub mod clock;
mod contact;
mod cursor;
mod delays;
mod delivery;
mod durable_options;
pub mod durable_publisher;
pub mod durable_subscriber;
mod endpoints;
pub mod event;
mod event_talk;
pub mod evidence;
mod facts_gathering;
mod facts_inquiry;
mod file_lock;
pub mod generic_action_client;
pub mod generic_action_server;
pub mod generic_goal_run;
pub mod generic_publisher;
mod generic_request;
pub mod generic_service_client;
pub mod generic_service_server;
pub mod generic_subscriber;
mod goal_error;
mod goal_id;
mod goal_ledger;
pub mod goal_state;
mod goal_watch;
pub mod graph;
pub mod guest;
pub mod health;
mod health_checks;
mod history;
mod inquiry;
mod journal;
mod journal_keeper;
mod key_expr;
mod lane;
pub mod lifecycle;
mod lifecycle_desk;
mod lifecycle_services;
mod lifecycle_state;
mod lifespan;
pub mod link;
mod link_config;
mod link_error;
pub mod local_registry;
mod matching;
mod message_info;
mod metrics;
mod metrics_server;
pub mod name;
pub mod node;
pub mod node_arguments;
pub mod node_builder;
pub mod node_clock;
mod node_link;
pub mod node_stats;
mod number_set;
mod outbox;
pub mod parameter;
pub mod parameter_client;
mod parameter_desk;
mod parameter_services;
pub mod parameter_table;
pub mod parameter_yaml;
pub mod parameters;
mod payload;
mod peer_facts;
mod presence;
pub mod private_file;
mod publish_error;
pub mod publisher;
mod publisher_port;
pub mod qos;
mod queue;
pub mod raw_link;
mod reach;
mod receipt;
mod receipt_desk;
mod recent_refusals;
mod reception;
mod refusal_ledger;
pub mod remapping;
mod request_desk;
mod revocations;
pub mod rosout;
pub mod router;
pub mod run_time_type;
pub mod security;
mod sequencer;
mod service_calls;
pub mod service_client;
pub mod service_directory;
mod service_error;
mod service_facts;
mod service_frame;
pub mod service_gathering;
pub mod service_introspection;
pub mod service_options;
pub mod service_server;
pub mod service_support;
mod shield;
pub mod shown_frames;
mod sign_of_life;
mod signing_budget;
mod signing_desk;
mod sim_time;
mod stand_in;
mod state_document;
mod state_reading;
mod state_shelf;
mod state_watch;
pub mod stats;
pub mod subscriber;
pub mod subscription_options;
mod sync;
mod talk_limit;
mod tls_files;
pub mod trace;
mod translation_desk;
pub mod trust_watch;
mod type_inquiry;
pub mod type_support;
mod watch;
mod whereabouts;

pub use acknowledgement::{Acknowledgement, ReaderAnswer, ReaderOutcome};
pub use action_client::{ActionClient, GoalOutcome, GoalRun};
pub use action_error::ActionError;
pub use action_server::{AcceptError, ActionServer, EndError, GoalHandle, IncomingGoal};
pub use action_support::ActionSupport;
pub use approval::ApprovalState;
pub use approver::{Approver, ApproverError};
pub use call_error::{CallError, NoServer};
pub use card::time_from_ns;
pub use cursor::{Cursor, CursorError, Position};
pub use durable_options::{DurableOptions, Reader, SyncWrites};
pub use durable_publisher::{
    DurableError, DurablePublishError, DurablePublisher, GenericDurablePublisher, JournalStats,
};
pub use durable_subscriber::{DurableSubscriber, DurableSubscriberError, GenericDurableSubscriber};
pub use event::{Counterpart, EventCallback, EventStream, PublisherEvent, SubscriberEvent};
pub use facts_inquiry::FactsError;
pub use generic_action_client::{ActionClientOptions, GenericActionClient};
pub use generic_action_server::{GenericActionServer, GenericGoalHandle, GenericIncomingGoal};
pub use generic_goal_run::{GenericGoalOutcome, GenericGoalRun};
pub use generic_publisher::{GenericPublisher, PublishError, Published, PublisherError};
pub use generic_service_client::{GenericResponse, GenericServiceClient, ServiceClientStats};
pub use generic_service_server::{GenericRequest, GenericServiceServer, RespondError, ServiceServerStats};
pub use generic_subscriber::{GenericReceived, GenericSubscriber, MessageInfo, ReceiveError, SubscriberError};
pub use goal_error::{CancelGoalError, GoalResultError, SendGoalError};
pub use goal_id::{GoalId, GoalIdError};
pub use goal_state::GoalState;
pub use goal_watch::GenericFeedback;
pub use guest::{Asked, Guest, GuestCard, GuestClaim, GuestError, GuestQuestion};
pub use health::{Finding, FindingKind, Health, Level, QueueKind, QueueUse};
pub use journal::JournalError;
pub use lifecycle::{
    CallbackReturn, Lifecycle, LifecycleCallbacks, LifecycleError, LifecycleState, ManagedPublisher, Transition,
    TransitionError,
};
pub use link::{Bytes, Discovery, LinkConfig, RouterLink, SharedMemory, TlsFiles};
pub use metrics_server::MetricsError;
pub use name::{Domain, NodeName, TopicName};
pub use node::Node;
pub use node::close::{Close, Unsent};
pub use node::state::StateGathering;
pub use node_arguments::{ArgumentError, NodeArguments};
pub use node_builder::{NodeBuilder, OpenError};
pub use node_clock::{Clock, ClockError, ClockEvent, ClockSource, SleepError};
pub use node_stats::{NodeStats, PublisherReport, ServiceReport, SubscriptionReport};
pub use nuncio_msgs as msgs;
pub use nuncio_msgs::nuncio_msgs::msg::ServiceFault;
pub use nuncio_msgs::service::Service;
pub use nuncio_msgs::{Message, TypeHash};
pub use parameter::{
    ParameterDescriptor, ParameterInfo, ParameterNames, ParameterRange, ParameterType, ParameterValue,
    UnknownParameterType,
};
pub use parameter_client::{ParameterCallError, ParameterClient, ParameterLoadError};
pub use parameter_table::{DeclareError, SetError};
pub use parameter_yaml::{ParameterFileError, ParameterYamlError};
pub use parameters::{LoadError, Parameters};
pub use payload::{DecodeError, EncodeError};
pub use peer_facts::PeerFacts;
pub use publisher::Publisher;
pub use qos::{Durability, History, Liveliness, Priority, QosProfile, Reliability};
pub use receipt::Receipt;
pub use refusal_ledger::RefusalEvent;
pub use remapping::{Remapping, RemappingError, RemappingFileError};
pub use router::Router;
pub use security::believer::Verdict;
pub use security::certificate::{Certificate, CertificateTerms};
pub use security::certificate_chain::CertificateChain;
pub use security::decision::{Decision, Permit, Question, Step};
pub use security::frame::{Accompaniment, MessageId, MessageIdError};
pub use security::key::{Identity, PublicKey};
pub use security::keystore::Keystore;
pub use security::refusal::{Reason, Refusal};
pub use security::role::{Action, Nickname, Role, RoleName};
pub use security::topic_limits::TopicLimits;
pub use security::topic_pattern::TopicPattern;
pub use security::trust_file::TrustFile;
pub use security::trust_policy::{Grant, TrustMode, TrustPolicy};
pub use security::verifier::{Provenance, Verified, VerifiedMessage};
pub use service_client::ServiceClient;
pub use service_directory::{ServerProblem, ServiceServerInfo};
pub use service_error::ServiceError;
pub use service_frame::SealError;
pub use service_gathering::{Answers, Respondent};
pub use service_introspection::{ServiceIntrospection, UnknownIntrospection};
pub use service_options::{ServiceClientOptions, ServiceServerOptions};
pub use service_server::{IncomingRequest, ServiceServer, Serving};
pub use service_support::ServiceSupport;
pub use shown_frames::{CARD_NONCE_LEN, CardQuestion, Shown, ShownFrame, ShownFrames};
pub use state_document::{StateDocument, StateError, StateName, StateNameError, StateVersion};
pub use state_reading::{StateFilter, StateLimits, StateReading, StateSource, StateStanding, StateWatchStats};
pub use state_watch::StateWatch;
pub use stats::{PublisherStats, SigningStats, SubscriptionStats};
pub use subscriber::{Callback, Received, Subscriber};
pub use subscription_options::{SubscriptionOptions, TypeVersions, Unapproved};
pub use trace::{Found, Trace, TraceApproval, TraceLink, TraceStep};
pub use trust_watch::TrustEvent;
pub use type_support::{TypeError, TypeSupport};
