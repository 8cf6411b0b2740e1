//! `bridge`: signed topics for other people's protocols, until it is told to end; see [`nuncio_bridge`].

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use nuncio::Discovery;
use nuncio_bridge::foxglove::{self, FoxgloveOptions};
use nuncio_bridge::grpc::{self, GrpcOptions};
use nuncio_bridge::ros2::{self, Ros2Options, Ros2Status};
use nuncio_bridge::rosbridge::{self, RosbridgeOptions};
use nuncio_bridge::status_page::{self, StatusPageOptions};
use nuncio_bridge::{Border, BridgeConfig, Direction, Face, FrontOptions, Ready, TypeLibrary};
use serde_json::{Value, json};
use tokio::sync::{broadcast, mpsc};

use super::bridge_flags::{of_door, of_ros2};
use super::{CommandError, Outcome, bridge_check, in_a_runtime};
use crate::answers::bridge::{BridgeFace, BridgeReady, BridgeRefused, BridgeRos2, BridgeStatus, BridgeTurnedAway};
use crate::cli::{BridgeCommand, BridgeNode, GlobalArgs};
use crate::render::Render;
use crate::session::Session;

/// How often `--json` tells what has gone on, when something has.
const REPORT_EVERY: Duration = Duration::from_secs(5);

/// How many status lines wait to be written.
const STATUSES_MAX: usize = 256;

/// A face that runs until it fails.
type Serving = Pin<Box<dyn Future<Output = Result<(), CommandError>>>>;

pub(super) fn command(global: &GlobalArgs, render: &Render, command: BridgeCommand) -> Result<Outcome, CommandError> {
    let mut global = global.clone();
    let (name, config) = match command {
        BridgeCommand::Check(args) => return bridge_check::run(render, &args),
        BridgeCommand::Run(args) => (args.node, BridgeConfig::read(&args.file)?),
        BridgeCommand::Ros2(args) => {
            // The endpoint is that of the ROS nodes: Nuncio's own are looked for as without it.
            global.discovery = global.discovery.or(Some(Discovery::Auto));
            (args.node.clone(), of_ros2(&global, args))
        }
        BridgeCommand::Foxglove(args) => {
            let config = BridgeConfig {
                foxglove_json: args.as_json,
                ..of_door(Face::Foxglove, args.port, &args.served)?
            };
            (args.served.node, config)
        }
        BridgeCommand::Rosbridge(args) => {
            let config = of_door(Face::Rosbridge, args.port, &args.served)?;
            (args.served.node, config)
        }
        BridgeCommand::Grpc(args) => {
            let config = of_door(Face::Grpc, args.port, &args.served)?;
            (args.served.node, config)
        }
    };
    in_a_runtime(async || serve(&global, render, &name, config).await)
}

/// Serves all faces of a configuration.
async fn serve(
    global: &GlobalArgs,
    render: &Render,
    name: &BridgeNode,
    config: BridgeConfig,
) -> Result<Outcome, CommandError> {
    let name = name
        .name
        .as_ref()
        .map_or_else(|| default_name(&config), |name| name.as_str().to_owned());
    let library = TypeLibrary::open(&global.interfaces)?;
    let mut session = Session::open_as(&name, global, render).await?;
    config.warnings.iter().for_each(|warning| render.warning(warning));
    let border = Border::new(session.node.clone(), config.rules.clone(), library);
    let (statuses, said) = broadcast::channel(STATUSES_MAX);
    let (tell, mut ready) = mpsc::unbounded_channel();
    let faces = faces(&border, config, &statuses, &tell)?;
    let expected = faces.len();
    let mut serving = tokio::task::JoinSet::new();
    let local = tokio::task::LocalSet::new();
    faces.into_iter().for_each(|face| {
        serving.spawn_local_on(face, &local);
    });
    let talk = async {
        let mut there = Vec::new();
        while there.len() < expected
            && let Some(face) = ready.recv().await
        {
            there.push(face);
        }
        tell_ready(render, &border, &there)?;
        tell_on(render, &border, said).await
    };
    let end = local.run_until(async {
        tokio::select! {
            failed = serving.join_next() => match failed {
                Some(Ok(ended)) => ended,
                Some(Err(panicked)) => Err(CommandError::Failed(Box::new(panicked))),
                None => Ok(()),
            },
            told = talk => told,
            () = session.interrupt.wished() => Ok(()),
        }
    });
    let ended = end.await;
    serving.abort_all();
    session.close().await;
    ended.map(|()| Outcome::Found)
}

/// The name of the bridge's node, so that bridges of one user do not get in each other's way.
fn default_name(config: &BridgeConfig) -> String {
    let faces = config.addresses.iter();
    let listening = faces.map(|(face, address)| match address.port() {
        0 => format!("_{face}_{}", std::process::id()),
        port => format!("_{face}_{port}"),
    });
    let ros2 = config.ros2.iter().map(|ros2| format!("_ros2_{}", ros2.domain));
    let parts: String = ros2.chain(listening).collect();
    format!("/bridge{parts}")
}

fn faces(
    border: &Border,
    config: BridgeConfig,
    statuses: &broadcast::Sender<Ros2Status>,
    ready: &mpsc::UnboundedSender<Ready>,
) -> Result<Vec<Serving>, CommandError> {
    let told = || {
        let ready = ready.clone();
        // Whoever waits for it has gone when the bridge ends.
        move |face| drop(ready.send(face))
    };
    let mut serving: Vec<Serving> = Vec::new();
    if let Some(ros2) = config.ros2 {
        let options = Ros2Options {
            connect: ros2.connect,
            listen: ros2.listen,
            domain: ros2.domain,
            offer_router: ros2.offer_router,
            proof: ros2.proof,
            statuses: statuses.clone(),
        };
        serving.push(serving_of(ros2::serve(border.clone(), options, told())));
    }
    for (face, address) in config.addresses {
        let front = FrontOptions {
            tls: config.tls.clone(),
            ..FrontOptions::at(address)
        };
        let (border, ready) = (border.clone(), told());
        serving.push(match face {
            Face::Foxglove => {
                let options = FoxgloveOptions::at(front, config.foxglove_json);
                serving_of(foxglove::serve(border, options, ready))
            }
            Face::Rosbridge => {
                let options = RosbridgeOptions {
                    front,
                    ..RosbridgeOptions::default()
                };
                serving_of(rosbridge::serve(border, options, ready))
            }
            Face::Grpc => {
                let options = GrpcOptions {
                    front,
                    ..GrpcOptions::default()
                };
                serving_of(grpc::serve(border, options, ready))
            }
            // Pages with a key of their own come to the port of rosbridge.
            Face::Ros2 | Face::Browser => continue,
        });
    }
    if let Some(address) = config.status {
        let options = StatusPageOptions {
            front: FrontOptions {
                address,
                tls: config.tls,
                ..StatusPageOptions::default().front
            },
        };
        serving.push(serving_of(status_page::serve(border.clone(), options, told())));
    }
    Ok(serving)
}

/// A face whose end is an error of the command.
fn serving_of<E: Error + Send + Sync + 'static>(face: impl Future<Output = Result<(), E>> + 'static) -> Serving {
    Box::pin(async move { face.await.map_err(|error| CommandError::Failed(Box::new(error))) })
}

/// One line, when everything is there.
fn tell_ready(render: &Render, border: &Border, faces: &[Ready]) -> Result<(), CommandError> {
    let at: Vec<String> = faces
        .iter()
        .map(|face| format!("{} {}", face.face, face.address))
        .collect();
    let crossing = border.rules().routes.iter().map(|route| {
        let ways = [(route.inward, Direction::In), (route.outward, Direction::Out)];
        let ways: Vec<&str> = ways
            .into_iter()
            .filter(|(open, _)| *open)
            .map(|(_, way)| way.as_str())
            .collect();
        format!("/{} {}", route.pattern, ways.join("+"))
    });
    let crossing: Vec<String> = crossing.collect();
    if render.is_json() {
        let faces = faces.iter().map(|face| BridgeFace {
            face: face.face,
            address: face.address.to_string(),
        });
        render.answer(&BridgeReady {
            event: "ready",
            faces: faces.collect(),
            node: border.node().name().as_str(),
            key: border.node().public_key().to_string(),
            routes: crossing.clone(),
        })?;
        render.flush()?;
    }
    render.note(format!(
        "ready {}; as {}; lets through: {}",
        at.join(", "),
        border.node().name(),
        match crossing.is_empty() {
            true => "nothing".to_owned(),
            false => crossing.join(", "),
        }
    ));
    Ok(())
}

/// Tells of refusals, of what the ROS 2 face says, and with `--json` of what has gone on.
async fn tell_on(
    render: &Render,
    border: &Border,
    mut said: broadcast::Receiver<Ros2Status>,
) -> Result<(), CommandError> {
    let mut refusals = border.refusals();
    let mut pages = border.turned_away();
    let mut every = tokio::time::interval(REPORT_EVERY);
    let mut last = Value::Null;
    loop {
        tokio::select! {
            Ok(refused) = refusals.recv() => {
                match render.is_json() {
                    true => render.answer(&BridgeRefused {
                        event: "refused",
                        topic: refused.topic.as_str(),
                        reason: refused.reason.as_str(),
                        detail: &refused.text,
                        remedy: refused.reason.remedy(),
                    })?,
                    false => render.warning(format!(
                        "refused on {}: {}; {}",
                        refused.topic,
                        refused.text,
                        refused.reason.remedy()
                    )),
                }
                render.flush()?;
            }
            Ok(turned_away) = pages.recv() => {
                let detail = turned_away.error.to_string();
                match render.is_json() {
                    true => render.answer(&BridgeTurnedAway {
                        event: "turned_away",
                        face: turned_away.face.as_str(),
                        detail,
                    })?,
                    false => render.warning(format!("turned away from {}: {detail}", turned_away.face)),
                }
                render.flush()?;
            }
            Ok(status) = said.recv() => {
                match render.is_json() {
                    true => render.answer(&BridgeRos2 {
                        status: &status,
                        face: "ros2",
                    })?,
                    false => render.note(status),
                }
                render.flush()?;
            }
            _ = every.tick(), if render.is_json() => {
                let report = border.report();
                let counts = json!([report.clients, report.topics]);
                if without_times(&counts) != last {
                    last = without_times(&counts);
                    render.answer(&BridgeStatus {
                        event: "status",
                        report: &report,
                    })?;
                    render.flush()?;
                }
            }
        }
    }
}

/// The same without what changes by itself.
fn without_times(counts: &Value) -> Value {
    let mut counts = counts.clone();
    let clients = counts.get_mut(0).and_then(Value::as_array_mut);
    for client in clients.into_iter().flatten().filter_map(Value::as_object_mut) {
        client.remove("connected_s");
    }
    counts
}
