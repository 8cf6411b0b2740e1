//! What a program's command line says about its nodes, as ROS 2 has it: `--ros-args -r cmd_vel:=/safe/cmd_vel -p speed:=0.5`.
//!
//! Only what stands between `--ros-args` and `--`, or the end, is read; the rest is given back for the program's own
//! reader. Reads arguments; opens no file.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use crate::name::{NameError, NodeName};
use crate::parameter::ParameterValue;
use crate::parameter_yaml::ParameterYamlError;
use crate::remapping::{Remapping, RemappingError};

/// The arguments for nodes among those of a program, for [`NodeBuilder::arguments`](crate::NodeBuilder::arguments).
///
/// | argument | meaning |
/// |---|---|
/// | `-r`, `--remap RULE` | a [`Remapping`]: `FROM:=TO`, `__node:=NAME`, `__ns:=/NAMESPACE`, `NODE:FROM:=TO` |
/// | `--remap-file FILE` | such rules from a file, one a line; `#` begins a comment |
/// | `-p`, `--param [NODE:]NAME:=VALUE` | the value of a parameter, as YAML |
/// | `--params-file FILE` | values of parameters from a YAML file as ROS 2 writes it |
///
/// ```
/// # use nuncio::{Node, NodeArguments};
/// # fn read() -> Result<(), nuncio::ArgumentError> {
/// let (arguments, rest) = NodeArguments::take(std::env::args_os())?;
/// let builder = Node::builder("driver").arguments(&arguments);
/// # let _ = (builder, rest);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeArguments {
    pub(crate) remappings: Vec<Remapping>,
    pub(crate) remapping_files: Vec<PathBuf>,
    pub(crate) parameters: Vec<GivenParameter>,
    pub(crate) parameter_files: Vec<PathBuf>,
}

/// The value of a parameter, of one node or of all.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GivenParameter {
    /// The base name that the author gave to the node.
    pub(crate) node: Option<String>,
    pub(crate) name: String,
    pub(crate) value: ParameterValue,
}

impl NodeArguments {
    /// Takes the arguments for nodes out of a program's arguments; gives both.
    ///
    /// # Errors
    ///
    /// [`ArgumentError`] names the first argument that cannot be used.
    pub fn take(
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> Result<(Self, Vec<OsString>), ArgumentError> {
        let (mut taken, mut rest) = (Self::default(), Vec::new());
        let mut arguments = arguments.into_iter().map(Into::into);
        while let Some(argument) = arguments.next() {
            if argument == "--ros-args" {
                taken.read(&mut arguments)?;
            } else {
                rest.push(argument);
            }
        }
        Ok((taken, rest))
    }

    /// Reads up to `--` or the end.
    fn read(&mut self, arguments: &mut impl Iterator<Item = OsString>) -> Result<(), ArgumentError> {
        while let Some(flag) = arguments.next() {
            let flag = text(flag)?;
            let mut value = || {
                let missing = || ArgumentError::NoValue { flag: flag.clone() };
                arguments.next().ok_or_else(missing)
            };
            match flag.as_str() {
                "--" => return Ok(()),
                // Launch files repeat it.
                "--ros-args" => {}
                "-r" | "--remap" => {
                    let rule = text(value()?)?.parse().map_err(ArgumentError::Remapping)?;
                    self.remappings.push(rule);
                }
                "--remap-file" => self.remapping_files.push(value()?.into()),
                "-p" | "--param" => self.parameters.push(parameter(&text(value()?)?)?),
                "--params-file" => self.parameter_files.push(value()?.into()),
                _ => return Err(ArgumentError::Unknown { flag }),
            }
        }
        Ok(())
    }
}

fn text(argument: OsString) -> Result<String, ArgumentError> {
    argument.into_string().map_err(|argument| ArgumentError::NotText {
        argument: argument.to_string_lossy().into_owned(),
    })
}

fn parameter(text: &str) -> Result<GivenParameter, ArgumentError> {
    let wrong = |problem| ArgumentError::Parameter {
        text: text.to_owned(),
        problem,
    };
    let (name, value) = text
        .split_once(":=")
        .ok_or_else(|| wrong(ParameterArgumentProblem::NoArrow))?;
    let value = ParameterValue::from_yaml(value).map_err(|error| wrong(ParameterArgumentProblem::Value(error)))?;
    let (node, name) = match name.split_once(':') {
        Some((node, name)) => {
            NodeName::join("/", node).map_err(|error| wrong(ParameterArgumentProblem::Node(error)))?;
            (Some(node.to_owned()), name)
        }
        None => (None, name),
    };
    if name.is_empty() {
        return Err(wrong(ParameterArgumentProblem::NoArrow));
    }
    let name = name.to_owned();
    Ok(GivenParameter { node, name, value })
}

/// Why an argument after `--ros-args` cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum ArgumentError {
    /// It is none of those that are known.
    Unknown {
        /// The argument.
        flag: String,
    },
    /// Nothing stands behind it.
    NoValue {
        /// The argument.
        flag: String,
    },
    /// It is not UTF-8.
    NotText {
        /// The argument, as far as it can be read.
        argument: String,
    },
    /// A rule cannot be used.
    Remapping(RemappingError),
    /// A parameter cannot be used.
    Parameter {
        /// What stands behind `-p`.
        text: String,
        /// What is wrong with it.
        problem: ParameterArgumentProblem,
    },
}

/// What is wrong with a parameter on a command line.
#[derive(Debug)]
#[non_exhaustive]
pub enum ParameterArgumentProblem {
    /// There is no name, or no `:=`.
    NoArrow,
    /// The name of the node breaks the rules.
    Node(NameError),
    /// The value is none.
    Value(ParameterYamlError),
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { flag } => write!(
                f,
                "unknown argument {flag:?} after --ros-args; known are -r/--remap, --remap-file, -p/--param and \
                 --params-file; `--` ends them"
            ),
            Self::NoValue { flag } => write!(f, "{flag} wants a value behind it"),
            Self::NotText { argument } => write!(f, "{argument:?} is not UTF-8"),
            Self::Remapping(error) => fmt::Display::fmt(error, f),
            Self::Parameter { text, problem } => {
                write!(f, "{text:?} is not the value of a parameter: ")?;
                match problem {
                    ParameterArgumentProblem::NoArrow => f.write_str("write NAME:=VALUE, such as speed:=0.5"),
                    ParameterArgumentProblem::Node(error) => fmt::Display::fmt(error, f),
                    ParameterArgumentProblem::Value(error) => fmt::Display::fmt(error, f),
                }
            }
        }
    }
}

impl std::error::Error for ArgumentError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(line: &str) -> Result<(NodeArguments, String), String> {
        let (taken, rest) = NodeArguments::take(line.split(' ')).map_err(|error| error.to_string())?;
        let rest: Vec<_> = rest.iter().map(|argument| argument.to_string_lossy()).collect();
        Ok((taken, rest.join(" ")))
    }

    #[test]
    fn arguments_for_nodes_are_taken_and_the_rest_is_left() {
        let line = "driver --fast --ros-args -r a:=b --remap __ns:=/x -p speed:=0.5 --params-file p.yaml -- --slow \
                    --ros-args --ros-args --param driver:on:=true --remap-file r.txt";
        let (taken, rest) = take(line).unwrap();
        assert_eq!(rest, "driver --fast --slow");
        let rules: Vec<_> = taken.remappings.iter().map(ToString::to_string).collect();
        assert_eq!(rules, ["a:=b", "__ns:=/x"]);
        let given = |node: Option<&str>, name: &str, value: ParameterValue| GivenParameter {
            node: node.map(ToOwned::to_owned),
            name: name.to_owned(),
            value,
        };
        assert_eq!(
            taken.parameters,
            [
                given(None, "speed", 0.5.into()),
                given(Some("driver"), "on", true.into())
            ]
        );
        assert_eq!(taken.parameter_files, [PathBuf::from("p.yaml")]);
        assert_eq!(taken.remapping_files, [PathBuf::from("r.txt")]);
    }

    #[test]
    fn what_cannot_be_used_is_told_with_its_reason() {
        for (line, problem) in [
            ("--ros-args --log-level debug", "unknown argument \"--log-level\""),
            ("--ros-args -r", "-r wants a value"),
            ("--ros-args -r a", "write FROM:=TO"),
            ("--ros-args -p a=1", "write NAME:=VALUE"),
            ("--ros-args -p :=1", "write NAME:=VALUE"),
            ("--ros-args -p a:=[1,x]", "must be of one type"),
            ("--ros-args -p a/b:c:=1", "no `/`"),
        ] {
            let error = take(line).unwrap_err();
            assert!(error.contains(problem), "{line}: {error}");
        }
    }
}
