//! What the flags of `bridge ros2|foxglove|rosbridge|grpc` say, as a configuration would.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use nuncio::TopicPattern;
use nuncio_bridge::{BridgeConfig, ClientRole, Face, Ros2Config, Route, Rules, TlsPair, Token};

use super::CommandError;
use crate::cli::{BridgeAllow, BridgeRos2, BridgeServed, GlobalArgs};

/// What flags say of the ROS 2 face.
pub(super) fn of_ros2(global: &GlobalArgs, args: BridgeRos2) -> BridgeConfig {
    let connect = match args.ros_connect.is_empty() && !args.offer_router {
        true => global.connect.clone(),
        false => args.ros_connect,
    };
    BridgeConfig {
        ros2: Some(Ros2Config {
            connect,
            listen: args.ros_listen,
            domain: args.ros_domain,
            offer_router: args.offer_router,
        }),
        ..without_faces(&args.allow, args.status.status_port)
    }
}

/// What flags say of a face that clients connect to.
pub(super) fn of_door(face: Face, port: u16, served: &BridgeServed) -> Result<BridgeConfig, CommandError> {
    let BridgeServed {
        allow, door, status, ..
    } = served;
    let mut config = without_faces(allow, status.status_port);
    let address = SocketAddr::new(door.host, port);
    config.addresses = BTreeMap::from([(face, address)]);
    if let Some(path) = &door.token_file {
        config.rules.tokens = vec![token(path)?];
    }
    config.rules.origins.clone_from(&door.allow_origins);
    if let (Some(certificates), Some(key)) = (&door.tls_cert, &door.tls_key) {
        config.tls = Some(TlsPair {
            certificates: certificates.clone(),
            key: key.clone(),
        });
    }
    if !door.host.is_loopback() && config.rules.tokens.is_empty() {
        config.warnings.push(format!(
            "no token is demanded: everybody who reaches {address} may do what --allow lets through; --token-file demands one"
        ));
    }
    Ok(config)
}

fn without_faces(allow: &BridgeAllow, status_port: Option<u16>) -> BridgeConfig {
    let mut rules = Rules::allow(allow.allow.iter().cloned());
    let read_only = |pattern: &TopicPattern| Route {
        inward: false,
        ..Route::both_ways(pattern.clone())
    };
    rules.routes.extend(allow.allow_out.iter().map(read_only));
    let warnings = match rules.routes.is_empty() {
        true => {
            vec!["nothing crosses: name topics and services with --allow, such as --allow '/**' for all".to_owned()]
        }
        false => Vec::new(),
    };
    BridgeConfig {
        rules,
        tls: None,
        ros2: None,
        addresses: BTreeMap::new(),
        foxglove_json: false,
        status: status_port.map(|port| SocketAddr::from(([127, 0, 0, 1], port))),
        warnings,
    }
}

fn token(path: &Path) -> Result<Token, CommandError> {
    let failed = |problem: &dyn Display| CommandError::Failed(format!("{}: {problem}", path.display()).into());
    let text = fs::read_to_string(path).map_err(|error| failed(&error))?;
    Token::read(&text, Arc::new(ClientRole::everything("token"))).map_err(|error| failed(&error))
}
