//! What the ROS 2 face has to tell whoever runs it: lines for people, objects for scripts.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

/// One thing that happened, or that keeps something from crossing.
#[derive(Clone, Debug, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ros2Status {
    /// Something crosses from now on.
    Crossing {
        /// `out` or `in`.
        direction: &'static str,
        /// `topic` or `service`.
        what: &'static str,
        /// Its name on the side of ROS.
        name: String,
        /// Its type.
        #[serde(rename = "type")]
        type_name: String,
    },
    /// Something does not cross any more.
    NoLongerCrossing {
        /// `out` or `in`.
        direction: &'static str,
        /// `topic` or `service`.
        what: &'static str,
        /// Its name on the side of ROS.
        name: String,
    },
    /// Another bridge between the same networks lets it cross; this one takes over when that one is gone.
    StandsBy {
        /// `out` or `in`.
        direction: &'static str,
        /// `topic` or `service`.
        what: &'static str,
        /// Its name on the side of ROS.
        name: String,
        /// The node of the bridge that does.
        leader: String,
    },
    /// A node of ROS has another type than the nodes of Nuncio on the same topic or service: neither hears the other.
    OtherType {
        /// Its name on the side of ROS.
        name: String,
        /// The node of ROS.
        node: String,
        /// What that is there: `publisher`, `subscription`, `service server`, `service client`.
        role: &'static str,
        /// Its type and hash.
        found: String,
        /// The types and hashes on Nuncio's side.
        expected: Vec<String>,
        /// The first field that differs, where both descriptions are known.
        difference: Option<String>,
    },
    /// Both sides have a server of the service, so that it does not cross.
    ServersOnBothSides {
        /// The service.
        name: String,
        /// The node of ROS that serves it.
        node: String,
    },
    /// A type that is not known here, and its node does not describe it.
    UnknownType {
        /// The topic or service.
        name: String,
        /// The node of ROS.
        node: String,
        /// The type and its hash.
        found: String,
        /// What was tried.
        problem: String,
    },
    /// There are nodes of another domain on this network.
    OtherDomain {
        /// Their domain.
        domain: u32,
        /// That of the bridge.
        own: u32,
        /// One of them.
        node: String,
    },
    /// A liveliness token that is none.
    BadToken {
        /// It, as far as it is worth showing.
        token: String,
        /// What is wrong.
        problem: String,
    },
    /// Messages of a node of ROS that are not passed on.
    Dropped {
        /// The topic or service.
        name: String,
        /// The node of ROS, or what is known of it.
        node: String,
        /// How many since this was said last.
        count: u64,
        /// Why, of the last one.
        problem: String,
    },
    /// Something could not be started; it is tried again.
    Failed {
        /// The topic or service.
        name: String,
        /// Why.
        problem: String,
    },
    /// No router of ROS 2 answers yet.
    NoRouter {
        /// The endpoints that were tried.
        endpoints: Vec<String>,
    },
}

impl fmt::Display for Ros2Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crossing {
                direction,
                what,
                name,
                type_name,
            } => write!(f, "{what} {name} ({type_name}) crosses {direction}"),
            Self::NoLongerCrossing { direction, what, name } => {
                write!(f, "{what} {name} does not cross {direction} any more")
            }
            Self::StandsBy {
                direction,
                what,
                name,
                leader,
            } => write!(
                f,
                "{what} {name} crosses {direction} through {leader}; this bridge stands by"
            ),
            Self::OtherType { .. } => self.write_other_type(f),
            Self::ServersOnBothSides { name, node } => {
                write!(
                    f,
                    "{name} has a server on both sides ({node} in ROS), so it does not cross; rename one"
                )
            }
            Self::UnknownType {
                name,
                node,
                found,
                problem,
            } => write!(
                f,
                "{name}: {node} has {found}, which is not known here ({problem}); give the folder of its package with -I"
            ),
            Self::OtherDomain { domain, own, node } => write!(
                f,
                "{node} and others are in ROS domain {domain}, this bridge is in {own}; a bridge with --ros-domain {domain} \
                 would see them"
            ),
            Self::BadToken { token, problem } => write!(f, "a liveliness token is ignored: {problem}: {token}"),
            Self::Dropped {
                name,
                node,
                count,
                problem,
            } => write!(f, "{name}: {count} of {node} not passed on: {problem}"),
            Self::Failed { name, problem } => write!(f, "{name} does not cross: {problem}"),
            Self::NoRouter { endpoints } => write!(
                f,
                "no router of ROS 2 answers at {}; start one (`ros2 run rmw_zenoh_cpp rmw_zenohd`) or give --offer-router",
                endpoints.join(" ")
            ),
        }
    }
}

impl Ros2Status {
    fn write_other_type(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::OtherType {
            name,
            node,
            role,
            found,
            expected,
            difference,
        } = self
        else {
            return Ok(());
        };
        let expected = expected.join(", ");
        write!(
            f,
            "{name}: the {role} of ROS node {node} has {found}, Nuncio has {expected}; "
        )?;
        f.write_str(difference.as_deref().unwrap_or("build both with the same definition"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use super::*;

    #[test]
    fn a_status_is_an_object_with_its_own_word() {
        let status = Ros2Status::OtherDomain {
            domain: 5,
            own: 0,
            node: "/far".to_owned(),
        };
        let json = serde_json::to_string(&status).unwrap();
        assert_eq!(json, r#"{"event":"other_domain","domain":5,"own":0,"node":"/far"}"#);
        assert!(status.to_string().contains("--ros-domain 5"));
    }
}
