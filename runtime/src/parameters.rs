//! The parameters of a node, as its author declares, reads and sets them.
//!
//! Others reach them through the services of ROS 2, `/<node>/get_parameters` and so on, which are served from the first
//! declaration on; a node without parameters serves nothing. Changes are published on `/parameter_events`.
//!
//! Who may set a parameter is a matter of trust as for every service: where a trust policy is enforced, a role must permit
//! to call `/<node>/set_parameters` and `/<node>/set_parameters_atomically`.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::node::Node;
use crate::node_clock::USE_SIM_TIME;
use crate::parameter::{ParameterDescriptor, ParameterInfo, ParameterNames, ParameterValue};
use crate::parameter_desk::ParameterDesk;
use crate::parameter_services;
use crate::parameter_table::{DeclareError, SetError};
use crate::parameter_yaml::{self, ParameterYamlError};
use crate::qos::QosProfile;
use crate::service_server::Serving;

/// The parameters of a node. Cheap to clone; all clones, and what [`Node::parameters`] gives, are the same parameters. They
/// are there until the last clone is dropped.
///
/// ```no_run
/// use nuncio::ParameterDescriptor;
///
/// # async fn run(node: nuncio::Node) -> Result<(), Box<dyn std::error::Error>> {
/// let parameters = node.parameters();
/// parameters.declare("speed", 0.5, ParameterDescriptor::new("top speed in m/s").range(0.0..=1.5))?;
/// parameters.on_change(|changes| match changes.iter().any(|(name, _)| name == "wheels") {
///     true => Err("the wheels cannot change while the robot drives".to_owned()),
///     false => Ok(()),
/// });
/// parameters.set("speed", 1.0)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "the parameters are there only while this is kept"]
pub struct Parameters {
    shelf: Arc<ParameterShelf>,
}

/// The parameters, and what serves them.
#[derive(Debug)]
pub(crate) struct ParameterShelf {
    node: Node,
    desk: Arc<ParameterDesk>,
    serving: Mutex<Vec<Serving>>,
}

impl Parameters {
    pub(crate) fn new(node: &Node) -> Self {
        Self {
            shelf: Arc::new(ParameterShelf {
                node: node.clone(),
                desk: Arc::new(ParameterDesk::new(node.name().clone())),
                serving: Mutex::default(),
            }),
        }
    }

    pub(crate) fn of(shelf: Arc<ParameterShelf>) -> Self {
        Self { shelf }
    }

    pub(crate) fn shelf(&self) -> &Arc<ParameterShelf> {
        &self.shelf
    }

    /// Declares a parameter, and gives its value: that of the node's builder or parameter file where there is one, else
    /// `default`. Callbacks are asked about it.
    ///
    /// # Errors
    ///
    /// [`DeclareError`] when it is declared already, or its value is not what the descriptor allows.
    pub fn declare(
        &self,
        name: &str,
        default: impl Into<ParameterValue>,
        descriptor: ParameterDescriptor,
    ) -> Result<ParameterValue, DeclareError> {
        let default = default.into();
        let given = self.overrides().iter().rfind(|(given, _)| given == name);
        let value = match given {
            None => default,
            Some((_, given)) => {
                let (expected, value) = (default.value_type(), given.clone().fitted(default.value_type()));
                if value.value_type() != expected && default != ParameterValue::NotSet && !descriptor.dynamic_typing {
                    let name = name.to_owned();
                    return Err(DeclareError::Set(SetError::Type { name, expected, value }));
                }
                value
            }
        };
        let serve = || self.shelf.serve();
        self.shelf.desk.declare(name, value.clone(), descriptor, serve)?;
        Ok(value)
    }

    /// Checks that everything that the node's builder and parameter files give was declared, except for `use_sim_time`, which every
    /// node may be given. Call it after the last declaration, to find names that are misspelled.
    ///
    /// # Errors
    ///
    /// [`SetError::Unknown`] names all that were not.
    pub fn check_given(&self) -> Result<(), SetError> {
        let table = self.shelf.desk.table();
        let is_unknown = |name: &str| name != USE_SIM_TIME && table.get(name).is_none();
        let unknown = self.overrides().iter().filter(|(name, _)| is_unknown(name));
        let mut names: Vec<_> = unknown.map(|(name, _)| name.clone()).collect();
        names.sort();
        names.dedup();
        if names.is_empty() {
            Ok(())
        } else {
            Err(SetError::Unknown { names })
        }
    }

    /// The value of a parameter, if it is declared.
    pub fn get(&self, name: &str) -> Option<ParameterValue> {
        self.shelf.desk.table().get(name).cloned()
    }

    /// Sets a parameter.
    ///
    /// # Errors
    ///
    /// [`SetError`] when it is not declared, read-only, of another type or out of range, or a callback refuses.
    pub fn set(&self, name: &str, value: impl Into<ParameterValue>) -> Result<(), SetError> {
        self.set_atomically(vec![(name.to_owned(), value.into())])
    }

    /// Sets all of these parameters, or none.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set), of the first that cannot be set; of all that are not declared.
    pub fn set_atomically(&self, changes: Vec<(String, ParameterValue)>) -> Result<(), SetError> {
        self.shelf.desk.set(changes)
    }

    /// The names below these prefixes, or all; of those, the ones with at most `depth` parts below, where 0 is no limit.
    pub fn list(&self, prefixes: &[&str], depth: u64) -> ParameterNames {
        let prefixes: Vec<_> = prefixes.iter().map(|prefix| (*prefix).to_owned()).collect();
        self.shelf.desk.table().list(&prefixes, depth)
    }

    /// What a parameter is for and which values it may have, if it is declared.
    pub fn describe(&self, name: &str) -> Option<ParameterInfo> {
        self.shelf.desk.table().describe(name)
    }

    /// Calls `callback` before parameters are declared or set, with all that change together. An error of it refuses them,
    /// and its text is what the caller is told. It may read parameters, not set them. It is kept as long as the parameters, so it must not
    /// hold them: give it the [`Node`], and let it ask that for them.
    pub fn on_change(
        &self,
        callback: impl Fn(&[(String, ParameterValue)]) -> Result<(), String> + Send + Sync + 'static,
    ) {
        self.shelf.desk.add_callback(Arc::new(callback));
    }

    /// Calls `callback` after parameters were declared or set, with all that changed together. What was said of callbacks of
    /// [`on_change`](Self::on_change) holds for it, too.
    pub fn after_change(&self, callback: impl Fn(&[(String, ParameterValue)]) + Send + Sync + 'static) {
        self.shelf.desk.add_listener(Arc::new(callback));
    }

    /// All parameters that have a value as YAML, as ROS 2 writes it.
    pub fn dump(&self) -> String {
        parameter_yaml::write(self.shelf.node.name(), self.shelf.desk.table().values())
    }

    /// Sets what a YAML text has for this node, by its name or wildcards; all or nothing.
    ///
    /// # Errors
    ///
    /// [`LoadError`] when it is not such a YAML text, or a parameter of it cannot be set. Parameters that are not declared
    /// are an error that names all of them.
    pub fn load(&self, yaml: &str) -> Result<(), LoadError> {
        let mut changes = parameter_yaml::read(yaml, self.shelf.node.name()).map_err(LoadError::Yaml)?;
        for (name, value) in &mut changes {
            if let Some(old) = self.get(name) {
                *value = std::mem::take(value).fitted(old.value_type());
            }
        }
        self.set_atomically(changes).map_err(LoadError::Set)
    }

    fn overrides(&self) -> &[(String, ParameterValue)] {
        &self.shelf.node.core.parameters_given
    }
}

impl ParameterShelf {
    /// Serves the parameters, if that was not begun before.
    fn serve(&self) -> Result<(), DeclareError> {
        let mut serving = self.serving.lock().unwrap_or_else(PoisonError::into_inner);
        if serving.is_empty() {
            let events = self
                .node
                .publisher_with("/parameter_events", QosProfile::parameters())
                .map_err(DeclareError::Publisher)?;
            *serving = parameter_services::serve(&self.node, &self.desk).map_err(DeclareError::Service)?;
            self.desk.publish_on(events);
        }
        Ok(())
    }
}

/// Why a YAML text was not loaded. Nothing was set.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// It is no YAML text of parameters.
    Yaml(ParameterYamlError),
    /// Its parameters cannot be set.
    Set(SetError),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Yaml(error) => fmt::Display::fmt(error, f),
            Self::Set(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for LoadError {}
