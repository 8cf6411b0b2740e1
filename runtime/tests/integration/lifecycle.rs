//! Managed nodes: who asks for a transition, what the callbacks return, what others see of it, and when publishers speak.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use nuncio::msgs::lifecycle_msgs::msg::{Transition as TransitionMessage, TransitionEvent};
use nuncio::msgs::lifecycle_msgs::srv::{
    ChangeState, ChangeStateRequest, GetAvailableStates, GetAvailableTransitions, GetState,
};
use nuncio::msgs::std_msgs::msg;
use nuncio::{
    CallbackReturn, Lifecycle, LifecycleCallbacks, LifecycleState, Node, QosProfile, Service, ServiceClient,
    Transition, TransitionError,
};

use crate::peers::{DEADLINE, Peers, next};

/// Returns what the test says, and notes what was called.
#[derive(Clone, Default)]
struct Scripted {
    called: Arc<Mutex<Vec<&'static str>>>,
    returns: Arc<Mutex<Vec<(&'static str, CallbackReturn)>>>,
    panics_in: Option<&'static str>,
}

impl Scripted {
    fn next_returns(&self, callback: &'static str, returned: CallbackReturn) {
        self.returns.lock().unwrap().push((callback, returned));
    }

    fn take_called(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.called.lock().unwrap())
    }

    fn call(&self, callback: &'static str, otherwise: CallbackReturn) -> CallbackReturn {
        self.called.lock().unwrap().push(callback);
        assert_ne!(self.panics_in, Some(callback), "as the test wants it");
        let mut returns = self.returns.lock().unwrap();
        let at = returns.iter().position(|(of, _)| *of == callback);
        at.map_or(otherwise, |at| returns.remove(at).1)
    }
}

impl LifecycleCallbacks for Scripted {
    fn on_configure(&mut self) -> CallbackReturn {
        self.call("configure", CallbackReturn::Success)
    }

    fn on_activate(&mut self) -> CallbackReturn {
        self.call("activate", CallbackReturn::Success)
    }

    fn on_deactivate(&mut self) -> CallbackReturn {
        self.call("deactivate", CallbackReturn::Success)
    }

    fn on_cleanup(&mut self) -> CallbackReturn {
        self.call("cleanup", CallbackReturn::Success)
    }

    fn on_shutdown(&mut self, _from: LifecycleState) -> CallbackReturn {
        self.call("shutdown", CallbackReturn::Success)
    }

    fn on_error(&mut self, _from: LifecycleState) -> CallbackReturn {
        self.call("error", CallbackReturn::Failure)
    }
}

fn managed(node: &Node) -> (Lifecycle, Scripted) {
    let script = Scripted::default();
    (node.lifecycle(script.clone()).expect("it is managed"), script)
}

/// Waits until a node knows that somebody subscribes to a topic.
async fn heard(node: &Node, topic: &str) {
    let so = |graph: &nuncio::graph::Graph| {
        let mut topics = graph.topics().into_iter();
        topics.any(|(name, ends)| name.as_str() == topic && !ends.subscribers.is_empty())
    };
    assert!(
        node.wait_for_graph(DEADLINE, so).await.is_some(),
        "nobody hears {topic}"
    );
}

async fn client<S: Service>(node: &Node, name: &str) -> ServiceClient<S> {
    let client = node.service_client::<S>(name).expect("it calls");
    assert!(client.wait_for_server(DEADLINE).await, "{:?}", client.servers());
    client
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_node_goes_through_its_life_and_each_step_is_told() {
    let peers = Peers::new().await;
    let events = peers
        .listener
        .subscriber::<TransitionEvent>("/talker/transition_event")
        .expect("it hears");
    heard(&peers.talker, "/talker/transition_event").await;
    let (life, script) = managed(&peers.talker);
    assert_eq!(life.state(), LifecycleState::Unconfigured);
    assert_eq!(life.configure(), Ok(LifecycleState::Inactive));
    assert_eq!(life.activate(), Ok(LifecycleState::Active));
    assert_eq!(life.deactivate(), Ok(LifecycleState::Inactive));
    assert_eq!(life.cleanup(), Ok(LifecycleState::Unconfigured));
    assert_eq!(life.shutdown(), Ok(LifecycleState::Finalized));
    assert_eq!(
        script.take_called(),
        ["configure", "activate", "deactivate", "cleanup", "shutdown"]
    );
    let told: Vec<_> = (0..4)
        .map(|_| {
            let event = next(&events).message;
            (event.transition.id, event.start_state.label, event.goal_state.label)
        })
        .collect();
    let edge = |id, from: &str, to: &str| (id, from.to_owned(), to.to_owned());
    assert_eq!(
        told,
        [
            edge(1, "unconfigured", "configuring"),
            edge(10, "configuring", "inactive"),
            edge(3, "inactive", "activating"),
            edge(30, "activating", "active"),
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_transition_that_is_not_there_changes_nothing_and_says_what_is() {
    let peers = Peers::new().await;
    let (life, script) = managed(&peers.talker);
    let error = life.activate().expect_err("it is not configured");
    let state = LifecycleState::Unconfigured;
    assert_eq!(error, TransitionError::NotAvailable { state });
    assert!(error.to_string().contains("configure, shutdown"), "{error}");
    assert_eq!(
        life.change(Transition::InactiveShutdown),
        Err(TransitionError::NotAvailable { state })
    );
    assert_eq!((life.state(), script.take_called()), (state, vec![]));
    life.shutdown().expect("it ends");
    for label in ["configure", "shutdown"] {
        let state = LifecycleState::Finalized;
        let again = if label == "shutdown" {
            life.shutdown()
        } else {
            life.configure()
        };
        assert_eq!(again, Err(TransitionError::NotAvailable { state }));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_callbacks_return_decides_where_the_node_is() {
    use CallbackReturn::{Error, Failure, Success};
    let peers = Peers::new().await;
    let (life, script) = managed(&peers.talker);
    let ended = |returned, reached| Err(TransitionError::Callback { returned, reached });
    script.next_returns("configure", Failure);
    assert_eq!(life.configure(), ended(Failure, LifecycleState::Unconfigured));
    script.next_returns("configure", Error);
    script.next_returns("error", Success);
    assert_eq!(
        life.configure(),
        ended(Error, LifecycleState::Unconfigured),
        "the error was dealt with"
    );
    life.configure().expect("it works now");
    life.activate().expect("it is active");
    script.next_returns("deactivate", Failure);
    assert_eq!(life.deactivate(), ended(Failure, LifecycleState::Active));
    script.next_returns("deactivate", Error);
    assert_eq!(
        life.deactivate(),
        ended(Error, LifecycleState::Finalized),
        "nobody dealt with it"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_callback_that_panics_has_returned_an_error() {
    let peers = Peers::new().await;
    let script = Scripted {
        panics_in: Some("activate"),
        ..Scripted::default()
    };
    script.next_returns("error", CallbackReturn::Success);
    let life = peers.talker.lifecycle(script.clone()).expect("it is managed");
    life.configure().expect("it is configured");
    assert!(matches!(life.activate(), Err(TransitionError::Callback { .. })));
    assert_eq!(life.state(), LifecycleState::Unconfigured);
    assert_eq!(script.take_called(), ["configure", "activate", "error"]);
    assert_eq!(life.configure(), Ok(LifecycleState::Inactive), "it goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn managed_publishers_speak_while_the_node_is_active_and_not_otherwise() {
    let peers = Peers::new().await;
    let subscriber = peers.listener.subscriber::<msg::String>("/chatter").expect("it hears");
    heard(&peers.talker, "/chatter").await;
    let (life, _) = managed(&peers.talker);
    let publisher = life
        .publisher::<msg::String>("/chatter", QosProfile::default())
        .expect("it publishes");
    let say = |text: &str| {
        publisher
            .publish(&msg::String { data: text.to_owned() })
            .expect("no error")
            .is_some()
    };
    assert!(!say("unconfigured"));
    life.configure().expect("it is configured");
    assert!(!say("inactive"));
    life.activate().expect("it is active");
    assert!(say("active"));
    life.deactivate().expect("it rests");
    assert!(!say("inactive again"));
    life.activate().expect("it is active");
    assert!(say("last"));
    assert_eq!(next(&subscriber).message.data, "active");
    assert_eq!(next(&subscriber).message.data, "last");
    assert_eq!((publisher.held_back(), publisher.stats().sent), (3, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_ask_through_the_services_of_ros_2() {
    let peers = Peers::new().await;
    let (life, _) = managed(&peers.talker);
    let caller = &peers.listener;
    let get = client::<GetState>(caller, "/talker/get_state").await;
    let change = client::<ChangeState>(caller, "/talker/change_state").await;
    let states = client::<GetAvailableStates>(caller, "/talker/get_available_states").await;
    let transitions = client::<GetAvailableTransitions>(caller, "/talker/get_available_transitions").await;
    let graph = client::<GetAvailableTransitions>(caller, "/talker/get_transition_graph").await;
    let ask = async |id: u8, label: &str| {
        let label = label.to_owned();
        let request = ChangeStateRequest {
            transition: TransitionMessage { id, label },
        };
        change
            .call_within(&request, DEADLINE)
            .await
            .expect("an answer")
            .message
            .success
    };
    let state = async || {
        let answer = get.call_within(&Default::default(), DEADLINE).await.expect("an answer");
        answer.message.current_state.label
    };
    assert_eq!(state().await, "unconfigured");
    assert!(!ask(3, "").await, "it cannot be activated yet");
    assert!(ask(1, "").await);
    assert!(ask(0, "activate").await);
    assert_eq!(state().await, "active");
    assert!(!ask(0, "dance").await);
    assert_eq!(life.state(), LifecycleState::Active);
    let available = transitions
        .call_within(&Default::default(), DEADLINE)
        .await
        .expect("an answer")
        .message;
    let ids: Vec<_> = available
        .available_transitions
        .iter()
        .map(|edge| edge.transition.id)
        .collect();
    assert_eq!(ids, [4, 7]);
    let all = states
        .call_within(&Default::default(), DEADLINE)
        .await
        .expect("an answer")
        .message;
    assert_eq!(all.available_states.len(), 11);
    let whole = graph
        .call_within(&Default::default(), DEADLINE)
        .await
        .expect("an answer")
        .message;
    assert_eq!(whole.available_transitions.len(), 25);
}

/// Waits in `on_configure` until it may go on.
struct Slow(std::sync::mpsc::Receiver<()>);

impl LifecycleCallbacks for Slow {
    fn on_configure(&mut self) -> CallbackReturn {
        match self.0.recv_timeout(DEADLINE) {
            Ok(()) => CallbackReturn::Success,
            Err(_) => CallbackReturn::Failure,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_transition_holds_up_nobody_who_asks_for_the_state() {
    let peers = Peers::new().await;
    let (go_on, wait) = std::sync::mpsc::channel();
    let life = peers.talker.lifecycle(Slow(wait)).expect("it is managed");
    let get = client::<GetState>(&peers.listener, "/talker/get_state").await;
    let change = client::<ChangeState>(&peers.listener, "/talker/change_state").await;
    let request = ChangeStateRequest {
        transition: TransitionMessage {
            id: TransitionMessage::TRANSITION_CONFIGURE,
            label: String::new(),
        },
    };
    let asking = async {
        assert!(life.wait_for(LifecycleState::Configuring, DEADLINE).await);
        let answer = get.call_within(&Default::default(), DEADLINE).await.expect("an answer");
        assert_eq!(answer.message.current_state.label, "configuring");
        go_on.send(()).expect("it waits");
    };
    let (changed, ()) = tokio::join!(change.call_within(&request, DEADLINE), asking);
    assert!(changed.expect("an answer").message.success);
    assert_eq!(life.state(), LifecycleState::Inactive);
    assert!(!life.wait_for(LifecycleState::Active, Duration::ZERO).await);
}
