//! The trunk of the face: whenever something changes on either side, makes a plan, and has what runs agree with it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nuncio::NodeName;
use nuncio_codegen::{Change, ChangeKind, diff};
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, JoinSet};

use super::describing;
use super::native_ends::NativeEnds;
use super::plan::{Crossing, Mismatch, Party, Plan, Situation};
use super::side::{CrossingError, Side};
use super::status::Ros2Status;
use super::token::EndpointKind;
use super::{inbound, inbound_service, outbound, outbound_service};
use crate::border_error::BorderError;

/// Changes that follow each other faster are looked at together.
const CHANGES_TOGETHER: Duration = Duration::from_millis(20);

/// How often the plan is made again without a change, for what has failed.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How long after a crossing has failed it is tried again.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// How long something that crosses shows itself before the first message, when there is another bridge that may begin at the
/// same moment: the time in which each sees the other's endpoint.
const SETTLING: Duration = Duration::from_millis(300);

/// How long every bridge in ROS counts as one between the same networks, because Nuncio's side is not known whole yet.
const YOUTH: Duration = Duration::from_secs(3);

/// What crosses now.
#[derive(Debug)]
pub(crate) struct Traffic {
    side: Side,
    changed: Arc<Notify>,
    started: Instant,
    running: HashMap<Crossing, Running>,
    ended: JoinSet<(Crossing, Result<(), CrossingError>)>,
    failed: HashMap<Crossing, Instant>,
    told: BTreeSet<Ros2Status>,
    mismatches: BTreeSet<Mismatch>,
    explaining: JoinSet<()>,
}

#[derive(Debug)]
struct Running {
    task: AbortHandle,
    party: watch::Sender<Party>,
}

impl Traffic {
    pub(crate) fn new(side: Side, changed: Arc<Notify>) -> Self {
        Self {
            side,
            changed,
            started: Instant::now(),
            running: HashMap::new(),
            ended: JoinSet::new(),
            failed: HashMap::new(),
            told: BTreeSet::new(),
            mismatches: BTreeSet::new(),
            explaining: JoinSet::new(),
        }
    }

    /// Runs until the border's node is closed.
    pub(crate) async fn run(mut self) {
        let mut native = self.side.client.border().changes();
        loop {
            self.keep_to(self.plan());
            let changed = Arc::clone(&self.changed);
            tokio::select! {
                () = changed.notified() => {}
                moved = native.changed() => {
                    if moved.is_err() {
                        return;
                    }
                }
                Some(ended) = self.ended.join_next() => {
                    // What was taken back ends with a join error.
                    if let Ok((crossing, result)) = ended {
                        self.note_end(crossing, result);
                    }
                    continue;
                }
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
            tokio::time::sleep(CHANGES_TOGETHER).await;
            while self.explaining.try_join_next().is_some() {}
        }
    }

    fn plan(&self) -> Plan {
        let border = self.side.client.border();
        let native = NativeEnds::of(&border.node().graph(), border.rules());
        let held = self.running.keys().cloned().collect();
        let situation = Situation {
            own: &self.side.own,
            domain: self.side.domain,
            ros: &self.side.graph(),
            native: &native,
            rules: border.rules(),
            held: &held,
            is_young: self.started.elapsed() < YOUTH,
        };
        situation.plan()
    }

    fn keep_to(&mut self, plan: Plan) {
        let gone: Vec<Crossing> = self
            .running
            .keys()
            .filter(|known| !plan.crossings.contains_key(known))
            .cloned()
            .collect();
        for crossing in gone {
            if let Some(running) = self.running.remove(&crossing) {
                running.task.abort();
                self.side.tell(Ros2Status::NoLongerCrossing {
                    direction: crossing.direction(),
                    what: crossing.what(),
                    name: crossing.name.as_str().to_owned(),
                });
            }
        }
        self.failed.retain(|_, when| when.elapsed() < TRY_AGAIN_AFTER);
        for (crossing, party) in plan.crossings {
            if let Some(running) = self.running.get(&crossing) {
                running.party.send_if_modified(|known| {
                    let is_other = *known != party;
                    *known = party;
                    is_other
                });
            } else if !self.failed.contains_key(&crossing) {
                self.start(crossing, party);
            }
        }
        let mut statuses = plan.statuses;
        statuses.extend(
            plan.led_by_others
                .iter()
                .map(|(crossing, leader)| Ros2Status::StandsBy {
                    direction: crossing.direction(),
                    what: crossing.what(),
                    name: crossing.name.as_str().to_owned(),
                    leader: leader.node_name(),
                }),
        );
        for status in statuses.difference(&self.told) {
            self.side.tell(status.clone());
        }
        self.told = statuses;
        for mismatch in plan.mismatches.difference(&self.mismatches) {
            self.explaining.spawn(explain(Arc::clone(&self.side), mismatch.clone()));
        }
        self.mismatches = plan.mismatches;
    }

    fn start(&mut self, crossing: Crossing, party: Party) {
        let settling = if self.side.graph().bridges().is_empty() {
            Duration::ZERO
        } else {
            SETTLING
        };
        let (sender, party) = watch::channel(party);
        let (side, of) = (Arc::clone(&self.side), crossing.clone());
        let task = self.ended.spawn(async move {
            let crossing = of.clone();
            let result = match of.kind {
                EndpointKind::Publisher => outbound::run(side, of, party, settling).await,
                EndpointKind::Subscription => inbound::run(side, of, party, settling).await,
                EndpointKind::Server => outbound_service::run(side, of, party, settling).await,
                EndpointKind::Client => inbound_service::run(side, of, party, settling).await,
            };
            (crossing, result)
        });
        self.running.insert(crossing, Running { task, party: sender });
    }

    fn note_end(&mut self, crossing: Crossing, result: Result<(), CrossingError>) {
        let party = self
            .running
            .remove(&crossing)
            .map(|running| running.party.borrow().clone());
        self.failed.insert(crossing.clone(), Instant::now());
        let Err(error) = result else { return };
        let name = crossing.name.as_str().to_owned();
        let first = party.as_ref().and_then(|party| party.nodes.keys().next());
        let status = match error {
            CrossingError::Border(BorderError::UnknownType { problem, .. }) => Ros2Status::UnknownType {
                node: first.map_or("a node", NodeName::as_str).to_owned(),
                found: crossing.ty.to_string(),
                problem,
                name,
            },
            other => Ros2Status::Failed {
                name,
                problem: other.to_string(),
            },
        };
        // Told once for as long as it stays so.
        if self.told.insert(status.clone()) {
            self.side.tell(status);
        }
    }
}

/// Tells of a type that does not fit, with the first field that differs where both are known.
async fn explain(side: Side, mismatch: Mismatch) {
    let difference = difference(&side, &mismatch).await;
    side.tell(Ros2Status::OtherType {
        name: mismatch.name.as_str().to_owned(),
        node: mismatch.node.as_str().to_owned(),
        role: mismatch.kind.as_str(),
        found: mismatch.found.to_string(),
        expected: mismatch.expected.iter().map(ToString::to_string).collect(),
        difference,
    });
}

async fn difference(side: &Side, mismatch: &Mismatch) -> Option<String> {
    let expected = mismatch.expected.first()?;
    if expected.name != mismatch.found.name {
        return Some(format!("one is {}, the other {}", mismatch.found.name, expected.name));
    }
    let node = std::slice::from_ref(&mismatch.node);
    let (found, expected) = match mismatch.kind {
        EndpointKind::Publisher | EndpointKind::Subscription => {
            let found = describing::message_type(side, &mismatch.found, node).await.ok()?;
            let expected = describing::message_type(side, expected, node).await.ok()?;
            (found.support().clone(), expected.support().clone())
        }
        EndpointKind::Server | EndpointKind::Client => {
            let found = describing::service_type(side, &mismatch.found, node).await.ok()?;
            let expected = describing::service_type(side, expected, node).await.ok()?;
            (found.support().service().clone(), expected.support().service().clone())
        }
    };
    let diffs = diff(expected.description(), found.description());
    let changes = diffs
        .iter()
        .flat_map(|of| of.changes.iter().map(move |change| (of, change)));
    let own = |change: &Change| !matches!(change.kind, ChangeKind::NestedChanged { .. });
    let (of, change) = changes.into_iter().find(|(_, change)| own(change))?;
    Some(format!("{}: {}", of.type_name, in_words(change)))
}

/// The first change, as the difference between ROS and Nuncio.
fn in_words(change: &Change) -> String {
    let place = &change.place;
    match &change.kind {
        ChangeKind::FieldAddedAtEnd | ChangeKind::FieldAddedInTheMiddle => {
            format!("the field {place} is there in ROS and not in Nuncio")
        }
        ChangeKind::FieldRemoved => format!("the field {place} is there in Nuncio and not in ROS"),
        ChangeKind::FieldRenamed { to } => format!("the field {place} of Nuncio is called {to} in ROS"),
        ChangeKind::FieldTypeChanged { old, new }
        | ChangeKind::BoundWidened { old, new }
        | ChangeKind::BoundNarrowed { old, new } => format!("the field {place} is {new} in ROS and {old} in Nuncio"),
        ChangeKind::FieldsReordered => format!("the fields stand in another order, from {place} on"),
        other => format!("{place}: {other:?}"),
    }
}
