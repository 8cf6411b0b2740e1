//! Remapping: other names than the author of a node wrote, given by whoever starts it. The rules are those of ROS 2 (design
//! article "Remapping Names"), except for wildcards, which ROS 2 describes and does not have either.
//!
//! ```text
//! cmd_vel:=/safe/cmd_vel         topics, services and actions of this name, after both sides have been made absolute
//! rostopic://scan:=scan_2        topics alone; rosservice:// services and actions alone
//! ~/state:=/state                names below the node's own
//! __node:=left  __ns:=/robot_1   the node itself; `__name` is the same as `__node`
//! driver:scan:=front/scan        only in the node whose author calls it `driver`
//! ```
//!
//! The first rule that fits is taken, and once: what comes out is not remapped again. Pure rules, and the files that hold
//! them; who has rules is the business of `node_builder`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::name::{NameError, NodeName, TopicName};

/// What stands between the two names of a rule.
const ARROW: &str = ":=";

/// What a file of rules may be long, in bytes.
const FILE_LEN_MAX: u64 = 1024 * 1024;

/// One rule.
///
/// ```
/// # use nuncio::Remapping;
/// let rule: Remapping = "cmd_vel:=/safe/cmd_vel".parse()?;
/// assert_eq!(rule.to_string(), "cmd_vel:=/safe/cmd_vel");
/// # Ok::<(), nuncio::RemappingError>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Remapping {
    /// The base name that the author gave to the node that the rule is for; without, it is for all.
    node: Option<String>,
    what: What,
    to: String,
}

/// What a rule replaces.
#[derive(Clone, Debug, Eq, PartialEq)]
enum What {
    NodeName,
    Namespace,
    Name { kind: Option<Kind>, from: String },
}

/// What a name is the name of. Actions go with services: a client calls them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Topic,
    Service,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Topic, Self::Service];

    /// What stands before a name that is of this kind alone.
    fn scheme(self) -> &'static str {
        match self {
            Self::Topic => "rostopic://",
            Self::Service => "rosservice://",
        }
    }
}

impl FromStr for Remapping {
    type Err = RemappingError;

    fn from_str(text: &str) -> Result<Self, RemappingError> {
        let wrong = |problem| RemappingError {
            rule: text.to_owned(),
            problem,
        };
        let name = |error| wrong(RemappingProblem::Name(error));
        let (left, to) = text.split_once(ARROW).ok_or_else(|| wrong(RemappingProblem::NoArrow))?;
        let (node, from) = match left.split_once(':') {
            Some((node, from)) if !from.starts_with("//") => (Some(node.to_owned()), from),
            _ => (None, left),
        };
        if let Some(node) = &node {
            NodeName::join("/", node).map_err(name)?;
        }
        let what = match from {
            "__node" | "__name" => {
                NodeName::join("/", to).map_err(name)?;
                What::NodeName
            }
            "__ns" => {
                if !to.starts_with('/') {
                    return Err(wrong(RemappingProblem::RelativeNamespace));
                }
                NodeName::join(to, "node").map_err(name)?;
                What::Namespace
            }
            _ => {
                let schemed = |kind: Kind| Some((Some(kind), from.strip_prefix(kind.scheme())?));
                let (kind, from) = Kind::ALL.into_iter().find_map(schemed).unwrap_or((None, from));
                for name_text in [from, to] {
                    // Any node will do to see whether the characters are those of a name.
                    let any = NodeName::join("/", "node").map_err(name)?;
                    TopicName::resolve(name_text, &any).map_err(name)?;
                }
                let from = from.to_owned();
                What::Name { kind, from }
            }
        };
        let to = to.to_owned();
        Ok(Self { node, what, to })
    }
}

impl fmt::Display for Remapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(node) = &self.node {
            write!(f, "{node}:")?;
        }
        match &self.what {
            What::NodeName => f.write_str("__node")?,
            What::Namespace => f.write_str("__ns")?,
            What::Name { kind, from } => write!(f, "{}{from}", kind.map_or("", Kind::scheme))?,
        }
        write!(f, "{ARROW}{}", self.to)
    }
}

/// The rules that one node has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remappings(Vec<Remapping>);

impl Remappings {
    /// The rules for the node that its author calls `base`, in their order.
    pub(crate) fn for_node(base: &str, rules: impl IntoIterator<Item = Remapping>) -> Self {
        let meant = |rule: &Remapping| rule.node.as_deref().is_none_or(|node| node == base);
        Self(rules.into_iter().filter(meant).collect())
    }

    /// The full name of the node that its author calls `base`, in `namespace`.
    ///
    /// # Errors
    ///
    /// [`NameError`] when the name that comes out breaks the rules.
    pub(crate) fn node_name(&self, namespace: &str, base: &str) -> Result<NodeName, NameError> {
        let first = |what| {
            self.0
                .iter()
                .find(|rule| rule.what == what)
                .map(|rule| rule.to.as_str())
        };
        NodeName::join(
            first(What::Namespace).unwrap_or(namespace),
            first(What::NodeName).unwrap_or(base),
        )
    }

    /// The full name of a topic, service or action as the author of `node` writes it.
    ///
    /// # Errors
    ///
    /// [`NameError`] when the name, or what takes its place, breaks the rules.
    pub(crate) fn resolve(&self, text: &str, kind: Kind, node: &NodeName) -> Result<TopicName, NameError> {
        let name = TopicName::resolve(text, node)?;
        for rule in &self.0 {
            let What::Name { kind: only, from } = &rule.what else {
                continue;
            };
            // A rule whose name gets too long in this namespace fits nothing.
            let fits =
                only.is_none_or(|only| only == kind) && TopicName::resolve(from, node).is_ok_and(|from| from == name);
            if fits {
                return TopicName::resolve(&rule.to, node);
            }
        }
        Ok(name)
    }
}

/// Reads a file of rules: one a line, as after `-r`; `#` begins a comment.
pub(crate) fn read_file(path: &Path) -> Result<Vec<Remapping>, RemappingFileError> {
    let wrong = |problem| RemappingFileError {
        path: path.to_owned(),
        problem,
    };
    let read = |error| wrong(RemappingFileProblem::Read(error));
    let len = std::fs::metadata(path).map_err(read)?.len();
    if len > FILE_LEN_MAX {
        return Err(wrong(RemappingFileProblem::TooLong { len }));
    }
    let text = std::fs::read_to_string(path).map_err(read)?;
    read_rules(&text).map_err(|(line, error)| wrong(RemappingFileProblem::Rule { line, error }))
}

fn read_rules(text: &str) -> Result<Vec<Remapping>, (usize, RemappingError)> {
    let mut rules = Vec::new();
    for (line, text) in text.lines().enumerate() {
        let rule = text.split_once('#').map_or(text, |(rule, _)| rule).trim();
        if !rule.is_empty() {
            rules.push(rule.parse().map_err(|error| (line + 1, error))?);
        }
    }
    Ok(rules)
}

/// A text that is no rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RemappingError {
    /// The text.
    pub rule: String,
    /// What is wrong with it.
    pub problem: RemappingProblem,
}

/// What is wrong with a rule.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RemappingProblem {
    /// There is no `:=`.
    NoArrow,
    /// A namespace that does not begin with `/`.
    RelativeNamespace,
    /// One of the names breaks the rules.
    Name(NameError),
}

impl fmt::Display for RemappingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a remapping: ", self.rule)?;
        match &self.problem {
            RemappingProblem::NoArrow => {
                f.write_str("write FROM:=TO, such as cmd_vel:=/safe/cmd_vel, __node:=NAME or __ns:=/NAMESPACE")
            }
            RemappingProblem::RelativeNamespace => f.write_str("a namespace begins with `/`"),
            RemappingProblem::Name(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for RemappingError {}

/// Why a file of rules cannot be used.
#[derive(Debug)]
pub struct RemappingFileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: RemappingFileProblem,
}

/// What is wrong with a file of rules.
#[derive(Debug)]
#[non_exhaustive]
pub enum RemappingFileProblem {
    /// It cannot be read.
    Read(std::io::Error),
    /// It is too long.
    TooLong {
        /// Bytes found.
        len: u64,
    },
    /// A line is no rule.
    Rule {
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        error: RemappingError,
    },
}

impl fmt::Display for RemappingFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        match &self.problem {
            RemappingFileProblem::Read(error) => write!(f, " cannot be read: {error}"),
            RemappingFileProblem::TooLong { len } => write!(f, " has {len} bytes; at most {FILE_LEN_MAX} are read"),
            RemappingFileProblem::Rule { line, error } => write!(f, ":{line}: {error}"),
        }
    }
}

impl std::error::Error for RemappingFileError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a node `/robot_1/driver` makes of a name.
    fn remapped(rules: &[&str], kind: Kind, text: &str) -> String {
        let node = NodeName::parse("/robot_1/driver").unwrap();
        let rules = rules.iter().map(|rule| rule.parse().unwrap());
        let rules = Remappings::for_node("driver", rules);
        rules.resolve(text, kind, &node).unwrap().to_string()
    }

    fn topic(rules: &[&str], text: &str) -> String {
        remapped(rules, Kind::Topic, text)
    }

    #[test]
    fn a_name_is_compared_when_both_are_absolute() {
        for rule in ["scan:=front", "/robot_1/scan:=front", "scan:=/robot_1/front"] {
            for written in ["scan", "/robot_1/scan"] {
                assert_eq!(topic(&[rule], written), "/robot_1/front", "{rule} {written}");
            }
            assert_eq!(topic(&[rule], "/scan"), "/scan", "{rule}");
            assert_eq!(topic(&[rule], "scan/raw"), "/robot_1/scan/raw", "{rule}");
        }
        assert_eq!(topic(&["~/state:=/state"], "~/state"), "/state");
        assert_eq!(topic(&["state:=~/state"], "state"), "/robot_1/driver/state");
    }

    #[test]
    fn the_first_rule_that_fits_is_taken_once() {
        assert_eq!(topic(&["a:=b", "a:=c", "b:=d"], "a"), "/robot_1/b");
        assert_eq!(topic(&["a:=b", "b:=a"], "a"), "/robot_1/b");
        assert_eq!(topic(&["a:=b", "b:=a"], "b"), "/robot_1/a");
    }

    #[test]
    fn a_scheme_limits_a_rule_to_topics_or_services() {
        assert_eq!(topic(&["rosservice://a:=b"], "a"), "/robot_1/a");
        assert_eq!(remapped(&["rosservice://a:=b"], Kind::Service, "a"), "/robot_1/b");
        assert_eq!(topic(&["rostopic:///a:=b"], "/a"), "/robot_1/b");
        assert_eq!(remapped(&["rostopic:///a:=b"], Kind::Service, "/a"), "/a");
    }

    #[test]
    fn a_rule_for_another_node_is_left_out() {
        assert_eq!(topic(&["driver:a:=b"], "a"), "/robot_1/b");
        assert_eq!(topic(&["camera:a:=b"], "a"), "/robot_1/a");
        assert_eq!(topic(&["camera:rostopic://a:=b", "a:=c"], "a"), "/robot_1/c");
    }

    #[test]
    fn node_and_namespace_are_replaced_before_names_are_resolved() {
        let rules = ["__ns:=/left", "driver:__node:=motor", "cmd:=~/cmd"];
        let rules = Remappings::for_node("driver", rules.iter().map(|rule| rule.parse().unwrap()));
        let node = rules.node_name("/robot_1", "driver").unwrap();
        assert_eq!(node.as_str(), "/left/motor");
        let cmd = rules.resolve("cmd", Kind::Topic, &node).unwrap();
        assert_eq!(cmd.as_str(), "/left/motor/cmd");
        let root = Remappings::for_node("driver", ["__ns:=/".parse().unwrap()]);
        assert_eq!(root.node_name("/robot_1", "driver").unwrap().as_str(), "/driver");
    }

    #[test]
    fn a_rule_is_written_as_it_was_read() {
        for rule in [
            "a:=b",
            "driver:~/a:=/b/c",
            "rostopic://a:=b",
            "driver:rosservice:///a:=~/b",
            "__ns:=/x",
            "driver:__node:=y",
        ] {
            assert_eq!(rule.parse::<Remapping>().unwrap().to_string(), rule);
        }
    }

    #[test]
    fn what_is_no_rule_is_told_with_its_reason() {
        for (rule, problem) in [
            ("a=b", "write FROM:=TO"),
            ("", "write FROM:=TO"),
            ("a:=", "segment 1 is empty"),
            (":=b", "segment 1 is empty"),
            ("/**:=b", "has '*'"),
            ("a:=b c", "has ' '"),
            ("a:=b:=c", "has ':'"),
            ("__ns:=robot", "a namespace begins with `/`"),
            ("__node:=a/b", "no `/`"),
            ("a/b:c:=d", "no `/`"),
            ("~a:=b", "followed by `/`"),
        ] {
            let error = rule.parse::<Remapping>().unwrap_err().to_string();
            assert!(error.contains(problem), "{rule}: {error}");
        }
    }

    #[test]
    fn a_file_has_a_rule_a_line_and_comments() {
        let rules = read_rules("# arm\n\n  a:=b   # why\n__ns:=/x\r\n").unwrap();
        let rules: Vec<_> = rules.iter().map(Remapping::to_string).collect();
        assert_eq!(rules, ["a:=b", "__ns:=/x"]);
        assert_eq!(read_rules("a:=b\nnonsense\n").unwrap_err().0, 2);
    }

    #[test]
    fn damaged_rules_never_panic() {
        let rule = "driver:rostopic://~/a/b:=/c/d";
        for at in 0..=rule.len() {
            for inserted in ["", ":", "=", "/", "~", "\u{0}", "ä", "__ns", ":="] {
                let (before, after) = rule.split_at(at);
                let _ = format!("{before}{inserted}{after}").parse::<Remapping>();
                let _ = format!("{before}{inserted}").parse::<Remapping>();
            }
        }
    }
}
