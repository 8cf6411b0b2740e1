//! `bridge check`: what a configuration lets through, and what is wrong with it.

use nuncio::TopicName;
use nuncio_bridge::origin::FOXGLOVE_APP;
use nuncio_bridge::{BridgeConfig, Direction, Face, Origin, Route};

use super::{CommandError, Outcome};
use crate::answers::bridge::{BridgeConfigBad, BridgeConfigGood, BridgeCrossing, BridgeFace, BridgeForeignNames};
use crate::cli::BridgeCheck;
use crate::render::{Render, Tone};

pub(super) fn run(render: &Render, args: &BridgeCheck) -> Result<Outcome, CommandError> {
    let config = match BridgeConfig::read(&args.file) {
        Ok(config) => config,
        Err(error) => {
            if render.is_json() {
                render.answer(&BridgeConfigBad {
                    ok: false,
                    file: error.path.display().to_string(),
                    problems: &error.problems,
                })?;
            } else {
                for problem in &error.problems {
                    render.line(Some(Tone::Warning), &format!("{}: {problem}", error.path.display()))?;
                }
            }
            return Ok(Outcome::Wrong);
        }
    };
    if render.is_json() {
        let faces = served(&config).into_iter();
        render.answer(&BridgeConfigGood {
            ok: true,
            file: args.file.display().to_string(),
            faces: faces.map(|(face, address)| BridgeFace { face, address }).collect(),
            routes: config.rules.routes.iter().map(route_words).collect(),
            roles: roles(&config),
            origins: config.rules.origins.iter().map(Origin::as_str).collect(),
            warnings: &config.warnings,
            topics: args.topics.iter().map(|topic| crossing_of(&config, topic)).collect(),
        })?;
        return Ok(Outcome::Found);
    }
    for (face, at) in served(&config) {
        render.line(None, &format!("face   {face} {at}"))?;
    }
    for (index, route) in config.rules.routes.iter().enumerate() {
        render.line(None, &format!("route  {} {}", index + 1, route_words(route)))?;
    }
    match config.rules.tokens.is_empty() {
        true => {
            render.line(
                None,
                "role   everybody may do what the routes let through; no token is demanded",
            )?;
            let named = config.rules.origins.iter().map(Origin::as_str);
            let mut pages: Vec<&str> = std::iter::once("this machine").chain(named).collect();
            let app = format!("{FOXGLOVE_APP} at foxglove");
            pages.extend(config.addresses.contains_key(&Face::Foxglove).then_some(app.as_str()));
            render.line(
                None,
                &format!("pages  of {} are let in without a token", pages.join(", ")),
            )?;
        }
        false => {
            for role in roles(&config) {
                render.line(None, &format!("role   {role} with a token"))?;
            }
        }
    }
    for warning in &config.warnings {
        render.line(Some(Tone::Warning), &format!("warning: {warning}"))?;
    }
    for topic in &args.topics {
        for line in crossing(&config, topic) {
            render.line(None, &line)?;
        }
    }
    Ok(Outcome::Found)
}

fn served(config: &BridgeConfig) -> Vec<(&'static str, String)> {
    let ros2 = config
        .ros2
        .iter()
        .map(|ros2| ("ros2", format!("domain {}, proof {}", ros2.domain, ros2.proof)));
    let listening = config
        .addresses
        .iter()
        .map(|(face, address)| (face.as_str(), address.to_string()));
    let status = config.status.iter().map(|address| ("status", address.to_string()));
    ros2.chain(listening).chain(status).collect()
}

fn roles(config: &BridgeConfig) -> Vec<String> {
    let mut roles: Vec<String> = config
        .rules
        .tokens
        .iter()
        .map(|token| token.role.name.clone())
        .collect();
    roles.sort();
    roles.dedup();
    roles
}

fn route_words(route: &Route) -> String {
    let ways = match (route.inward, route.outward) {
        (true, true) => "in and out",
        (true, false) => "in",
        _ => "out",
    };
    let faces: Vec<&str> = route.faces.iter().map(|face| face.as_str()).collect();
    let rename = route
        .rename
        .as_ref()
        .map_or_else(String::new, |(from, to)| format!(", {from} here is {to} there"));
    let rate = match route.min_interval.is_zero() {
        true => String::new(),
        false => format!(", at most {} a second", 1.0 / route.min_interval.as_secs_f64()),
    };
    format!("/{} {ways}, for {}{rename}{rate}", route.pattern, faces.join(" "))
}

/// The faces that are served.
fn faces(config: &BridgeConfig) -> impl Iterator<Item = Face> {
    Face::ALL.into_iter().filter(|face| match face {
        Face::Ros2 => config.ros2.is_some(),
        Face::Browser => config.addresses.contains_key(&Face::Rosbridge),
        listening => config.addresses.contains_key(listening),
    })
}

/// How one name crosses, face by face.
fn crossing(config: &BridgeConfig, topic: &TopicName) -> Vec<String> {
    let each = faces(config).map(|face| {
        let ways = [Direction::Out, Direction::In].map(|way| match config.rules.foreign_name(face, topic, way) {
            Some(name) => format!("{} as {name}", way.as_str()),
            None => format!("not {}", way.as_str()),
        });
        format!("topic  {topic} {face}: {}", ways.join(", "))
    });
    each.collect()
}

fn crossing_of<'a>(config: &BridgeConfig, topic: &'a TopicName) -> BridgeCrossing<'a> {
    let each = faces(config).map(|face| {
        let name = |way| config.rules.foreign_name(face, topic, way);
        let names = BridgeForeignNames {
            out: name(Direction::Out),
            inward: name(Direction::In),
        };
        (face.as_str(), names)
    });
    BridgeCrossing {
        topic: topic.as_str(),
        faces: each.collect(),
    }
}
