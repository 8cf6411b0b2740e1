//! The rules of the border: which topics and services cross, in which direction, through which face, under which name. Pure.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use nuncio::{TopicName, TopicPattern};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::border_error::BorderError;
use crate::origin::Origin;
use crate::role::{ClientRole, Token};

/// One foreign protocol of the bridge.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Face {
    /// ROS 2 nodes, over Zenoh.
    Ros2,
    /// Foxglove and Lichtblick.
    Foxglove,
    /// roslibjs, roslibpy and their like.
    Rosbridge,
    /// Programs of any language, over gRPC.
    Grpc,
    /// Web pages with a key of their own, at the port of the rosbridge face.
    Browser,
}

impl Face {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Ros2, Self::Foxglove, Self::Rosbridge, Self::Grpc, Self::Browser];

    /// The word for it in origins, configuration and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ros2 => "ros2",
            Self::Foxglove => "foxglove",
            Self::Rosbridge => "rosbridge",
            Self::Grpc => "grpc",
            Self::Browser => "browser",
        }
    }
}

impl fmt::Display for Face {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Face {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|face| face.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is no face; there are ros2, foxglove, rosbridge, grpc and browser"))
    }
}

/// Which way something crosses.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Whatever acts on Nuncio's side: foreign publishers, callers and servers.
    In,
    /// Whatever only looks: foreign subscribers.
    Out,
}

impl Direction {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// What one route lets through.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Route {
    /// The names on the Nuncio side.
    pub pattern: TopicPattern,
    /// Foreign clients may publish, call and serve.
    pub inward: bool,
    /// Foreign clients may subscribe.
    pub outward: bool,
    /// The faces that it is for.
    pub faces: Vec<Face>,
    /// What names begin with on the Nuncio side, and what instead on the foreign side; both begin with a slash.
    pub rename: Option<(String, String)>,
    /// The shortest time between two messages of a topic that are passed on to one client.
    pub min_interval: Duration,
}

impl Route {
    /// Both directions, all faces, names as they are.
    pub fn both_ways(pattern: TopicPattern) -> Self {
        Self {
            pattern,
            inward: true,
            outward: true,
            faces: Face::ALL.to_vec(),
            rename: None,
            min_interval: Duration::ZERO,
        }
    }

    fn lets(&self, face: Face, name: &TopicName, direction: Direction) -> bool {
        let is_open = match direction {
            Direction::In => self.inward,
            // Pages with a key of their own publish, and nothing else.
            Direction::Out => self.outward && face != Face::Browser,
        };
        is_open && self.faces.contains(&face) && self.pattern.matches(name)
    }

    fn foreign(&self, native: &str) -> String {
        match &self.rename {
            Some((here, there)) => moved(native, here, there).unwrap_or_else(|| native.to_owned()),
            None => native.to_owned(),
        }
    }

    fn native(&self, foreign: &str) -> String {
        match &self.rename {
            Some((here, there)) => moved(foreign, there, here).unwrap_or_else(|| foreign.to_owned()),
            None => foreign.to_owned(),
        }
    }
}

/// The name with another beginning; `None` when it does not begin so. Beginnings end where a segment does.
fn moved(name: &str, from: &str, to: &str) -> Option<String> {
    let rest = name.strip_prefix(from.trim_end_matches('/'))?;
    let is_whole = rest.is_empty() || rest.starts_with('/');
    let to = to.trim_end_matches('/');
    (is_whole && !(to.is_empty() && rest.is_empty())).then(|| format!("{to}{rest}"))
}

/// What crosses the border, and for whom.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The first route that has a name decides about it.
    pub routes: Vec<Route>,
    /// Who may come in with which token. None: everybody may, with [`Rules::open_role`].
    pub tokens: Vec<Token>,
    /// The role of clients where no token is demanded.
    pub open_role: Arc<ClientRole>,
    /// How many clients there may be at a time, all faces together.
    pub clients_max: usize,
    /// Whose pages may come in without a token, those of this machine apart.
    pub origins: Vec<Origin>,
}

impl Rules {
    /// What `--allow` says: these names cross both ways, for everybody.
    pub fn allow(patterns: impl IntoIterator<Item = TopicPattern>) -> Self {
        Self {
            routes: patterns.into_iter().map(Route::both_ways).collect(),
            tokens: Vec::new(),
            open_role: Arc::new(ClientRole::everything("everybody")),
            clients_max: 256,
            origins: Vec::new(),
        }
    }

    /// Whether a page of a browser may come in. `origin` and `host` are what it sends as such; whoever sends no origin is no page.
    ///
    /// # Errors
    ///
    /// [`BorderError::Page`] when no token is demanded, and the page is one of another site.
    pub fn check_page(&self, face: Face, origin: Option<&str>, host: Option<&str>) -> Result<(), BorderError> {
        let Some(origin) = origin.filter(|_| self.tokens.is_empty()) else {
            return Ok(());
        };
        let page = origin.parse::<Origin>();
        let is_known = page.as_ref().is_ok_and(|page| {
            let is_own = face == Face::Foxglove && page.is_foxglove();
            is_own || page.is_at_home(host) || self.origins.contains(page)
        });
        is_known.then_some(()).ok_or_else(|| BorderError::Page {
            origin: page.map_or_else(|wrong| wrong.text, |page| page.as_str().to_owned()),
        })
    }

    /// The name on the foreign side; `None` when it does not cross.
    pub fn foreign_name(&self, face: Face, native: &TopicName, direction: Direction) -> Option<String> {
        self.route_of(face, native, direction).map(|route| match face {
            // What is signed elsewhere is signed for the name on this side.
            Face::Browser => native.as_str().to_owned(),
            _ => route.foreign(native.as_str()),
        })
    }

    /// The route that lets a name through.
    pub fn route_of(&self, face: Face, native: &TopicName, direction: Direction) -> Option<&Route> {
        self.routes.iter().find(|route| route.lets(face, native, direction))
    }

    /// The name on Nuncio's side. Foreign clients may leave the leading slash out.
    ///
    /// # Errors
    ///
    /// [`BorderError`] when it is no name, or no route has it in this direction.
    pub fn native_name(&self, face: Face, foreign: &str, direction: Direction) -> Result<TopicName, BorderError> {
        let slashed = match foreign.starts_with('/') {
            true => foreign.to_owned(),
            false => format!("/{foreign}"),
        };
        let parsed = TopicName::parse(&slashed).map_err(|error| BorderError::Name(error.to_string()))?;
        let candidates = self.routes.iter().filter_map(|route| {
            let native = TopicName::parse(&route.native(&slashed)).ok()?;
            // The route that decides about the native name has to be the one that renames it so.
            let decides = self.foreign_name(face, &native, direction)? == slashed;
            decides.then_some(native)
        });
        candidates.into_iter().next().ok_or_else(|| BorderError::NoRoute {
            name: parsed.as_str().to_owned(),
            direction: direction.as_str(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use super::*;

    fn route(pattern: &str) -> Route {
        Route::both_ways(TopicPattern::parse(pattern).unwrap())
    }

    fn rules(routes: Vec<Route>) -> Rules {
        Rules {
            routes,
            ..Rules::allow([])
        }
    }

    fn topic(name: &str) -> TopicName {
        TopicName::parse(name).unwrap()
    }

    #[test]
    fn nothing_crosses_that_no_route_names() {
        let rules = rules(vec![route("/camera/**")]);
        assert_eq!(
            rules.foreign_name(Face::Grpc, &topic("/camera/image"), Direction::Out),
            Some("/camera/image".to_owned())
        );
        assert_eq!(rules.foreign_name(Face::Grpc, &topic("/cmd_vel"), Direction::Out), None);
        let refused = rules.native_name(Face::Ros2, "/cmd_vel", Direction::In).unwrap_err();
        assert!(refused.to_string().contains("--allow"), "{refused}");
        assert!(Rules::allow([]).routes.is_empty());
    }

    #[test]
    fn a_route_is_for_its_direction_and_its_faces() {
        let rules = rules(vec![Route {
            inward: false,
            faces: vec![Face::Foxglove],
            ..route("/**")
        }]);
        let name = topic("/chatter");
        assert!(rules.foreign_name(Face::Foxglove, &name, Direction::Out).is_some());
        assert!(rules.foreign_name(Face::Foxglove, &name, Direction::In).is_none());
        assert!(rules.foreign_name(Face::Grpc, &name, Direction::Out).is_none());
    }

    #[test]
    fn names_are_renamed_there_and_back() {
        let rules = rules(vec![
            Route {
                rename: Some(("/robot1".to_owned(), "/".to_owned())),
                ..route("/robot1/**")
            },
            route("/shared/**"),
        ]);
        let out = |name: &str| rules.foreign_name(Face::Ros2, &topic(name), Direction::Out);
        let back = |name: &str| {
            rules
                .native_name(Face::Ros2, name, Direction::In)
                .map(|n| n.as_str().to_owned())
        };
        assert_eq!(out("/robot1/cmd_vel"), Some("/cmd_vel".to_owned()));
        assert_eq!(back("/cmd_vel"), Ok("/robot1/cmd_vel".to_owned()));
        assert_eq!(
            back("cmd_vel"),
            Ok("/robot1/cmd_vel".to_owned()),
            "the slash may be missing"
        );
        assert_eq!(out("/shared/map"), Some("/shared/map".to_owned()));
        assert_eq!(out("/robot11/cmd_vel"), None);
    }

    #[test]
    fn pages_that_sign_for_themselves_publish_and_know_the_names_of_this_side() {
        let rules = rules(vec![Route {
            rename: Some(("/robot1".to_owned(), "/".to_owned())),
            ..route("/robot1/**")
        }]);
        let name = topic("/robot1/cmd_vel");
        let way = |direction| rules.foreign_name(Face::Browser, &name, direction);
        assert_eq!(way(Direction::In), Some(name.as_str().to_owned()));
        assert_eq!(way(Direction::Out), None);
    }

    #[test]
    fn a_foreign_name_that_two_routes_would_give_comes_from_the_first() {
        let rules = rules(vec![
            Route {
                rename: Some(("/a".to_owned(), "/x".to_owned())),
                ..route("/a/**")
            },
            route("/x/**"),
        ]);
        let native = rules.native_name(Face::Grpc, "/x/y", Direction::In).unwrap();
        assert_eq!(native.as_str(), "/a/y");
    }

    #[test]
    fn a_page_of_another_site_needs_a_token_or_has_to_be_named() {
        let mut rules = rules(vec![route("/**")]);
        let evil = Some("https://evil.example");
        let refused = rules
            .check_page(Face::Rosbridge, evil, Some("localhost:9090"))
            .unwrap_err();
        let said = refused.to_string();
        assert!(said.contains("--allow-origin https://evil.example"), "{said}");
        assert!(rules.check_page(Face::Rosbridge, Some("\u{1b}[2J"), None).is_err());
        // No browser: no origin.
        assert_eq!(rules.check_page(Face::Rosbridge, None, Some("localhost:9090")), Ok(()));
        let app = Some("https://app.foxglove.dev");
        assert_eq!(rules.check_page(Face::Foxglove, app, None), Ok(()));
        assert!(rules.check_page(Face::Rosbridge, app, None).is_err());
        rules.origins = vec!["https://evil.example:443".parse().unwrap()];
        assert_eq!(rules.check_page(Face::Rosbridge, evil, None), Ok(()));
        rules.origins.clear();
        rules.tokens = vec![Token::new("a token", Arc::clone(&rules.open_role))];
        assert_eq!(
            rules.check_page(Face::Rosbridge, evil, None),
            Ok(()),
            "it does not have the token"
        );
    }

    #[test]
    fn what_is_no_name_is_refused_as_such() {
        let rules = rules(vec![route("/**")]);
        for bad in ["", "/", "//", "/a//b", "/a b", "/ä", &"x".repeat(1000)] {
            let error = rules.native_name(Face::Rosbridge, bad, Direction::In).unwrap_err();
            assert!(matches!(error, BorderError::Name(_)), "{bad:?}: {error}");
        }
    }
}
