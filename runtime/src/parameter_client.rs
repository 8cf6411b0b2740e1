//! The parameters of another node, through its services.

use std::fmt;
use std::time::Duration;

use nuncio_msgs::rcl_interfaces::msg::{Parameter, SetParametersResult};
use nuncio_msgs::rcl_interfaces::srv::{
    DescribeParameters, DescribeParametersRequest, GetParameters, GetParametersRequest, ListParameters,
    ListParametersRequest, SetParameters, SetParametersAtomically, SetParametersAtomicallyRequest,
    SetParametersRequest,
};
use nuncio_msgs::service::Service;

use crate::call_error::CallError;
use crate::name::{NodeName, TopicName};
use crate::node::Node;
use crate::parameter::{ParameterInfo, ParameterNames, ParameterValue, UnknownParameterType};
use crate::parameter_yaml::{self, ParameterYamlError};
use crate::service_client::ServiceClient;
use crate::service_error::ServiceError;
use crate::service_options::ServiceClientOptions;

/// Reads and sets the parameters of one other node. Each call has the deadline of a service call, 5 s by default.
#[derive(Debug)]
pub struct ParameterClient {
    of: NodeName,
    get: ServiceClient<GetParameters>,
    set: ServiceClient<SetParameters>,
    set_atomically: ServiceClient<SetParametersAtomically>,
    list: ServiceClient<ListParameters>,
    describe: ServiceClient<DescribeParameters>,
}

impl ParameterClient {
    pub(crate) fn new(node: &Node, of: &str, options: &ServiceClientOptions) -> Result<Self, ServiceError> {
        let of = TopicName::resolve(of.trim_end_matches('/'), node.name()).map_err(ServiceError::Name)?;
        let of = NodeName::parse(of.as_str()).map_err(ServiceError::Name)?;
        Ok(Self {
            get: client(node, &of, "get_parameters", options)?,
            set: client(node, &of, "set_parameters", options)?,
            set_atomically: client(node, &of, "set_parameters_atomically", options)?,
            list: client(node, &of, "list_parameters", options)?,
            describe: client(node, &of, "describe_parameters", options)?,
            of,
        })
    }

    /// The node whose parameters these are.
    pub fn of(&self) -> &NodeName {
        &self.of
    }

    /// Waits until the node serves its parameters; says whether it did in time.
    pub async fn wait_for_node(&self, timeout: Duration) -> bool {
        let all = tokio::join!(
            self.get.wait_for_server(timeout),
            self.set.wait_for_server(timeout),
            self.set_atomically.wait_for_server(timeout),
            self.list.wait_for_server(timeout),
            self.describe.wait_for_server(timeout),
        );
        all == (true, true, true, true, true)
    }

    /// The values of these parameters, each named once, in the same order; not set where there is no such parameter.
    ///
    /// # Errors
    ///
    /// [`ParameterCallError`] when the node does not answer as it should.
    pub async fn get(&self, names: &[&str]) -> Result<Vec<ParameterValue>, ParameterCallError> {
        let request = GetParametersRequest { names: owned(names) };
        let values = self.get.call(&request).await?.message.values;
        check_count(names.len(), values.len())?;
        Ok(values
            .into_iter()
            .map(ParameterValue::from_message)
            .collect::<Result<_, _>>()?)
    }

    /// Sets parameters, each one by itself; says for each why it was not.
    ///
    /// # Errors
    ///
    /// [`ParameterCallError`] when the node does not answer as it should.
    pub async fn set(
        &self,
        changes: &[(String, ParameterValue)],
    ) -> Result<Vec<Result<(), String>>, ParameterCallError> {
        let request = SetParametersRequest {
            parameters: parameters_of(changes),
        };
        let results = self.set.call(&request).await?.message.results;
        check_count(changes.len(), results.len())?;
        Ok(results.into_iter().map(verdict).collect())
    }

    /// Sets all of these parameters, or none.
    ///
    /// # Errors
    ///
    /// [`ParameterCallError::Refused`] when the node did not set them.
    pub async fn set_atomically(&self, changes: &[(String, ParameterValue)]) -> Result<(), ParameterCallError> {
        let request = SetParametersAtomicallyRequest {
            parameters: parameters_of(changes),
        };
        let answer = self.set_atomically.call(&request).await?.message;
        verdict(answer.result).map_err(|reason| ParameterCallError::Refused { reason })
    }

    /// The names below these prefixes, or all; of those, the ones with at most `depth` parts below, where 0 is no limit.
    ///
    /// # Errors
    ///
    /// [`ParameterCallError`] when the node does not answer.
    pub async fn list(&self, prefixes: &[&str], depth: u64) -> Result<ParameterNames, ParameterCallError> {
        let request = ListParametersRequest {
            prefixes: owned(prefixes),
            depth,
        };
        let found = self.list.call(&request).await?.message.result;
        Ok(ParameterNames {
            names: found.names,
            prefixes: found.prefixes,
        })
    }

    /// What these parameters, each named once, are for and which values they may have, in the same order.
    ///
    /// # Errors
    ///
    /// [`ParameterCallError`] when the node does not answer as it should.
    pub async fn describe(&self, names: &[&str]) -> Result<Vec<ParameterInfo>, ParameterCallError> {
        let request = DescribeParametersRequest { names: owned(names) };
        let descriptors = self.describe.call(&request).await?.message.descriptors;
        check_count(names.len(), descriptors.len())?;
        Ok(descriptors
            .into_iter()
            .map(ParameterInfo::from_message)
            .collect::<Result<_, _>>()?)
    }

    /// The names and values of all parameters that have a value, by name.
    ///
    /// # Errors
    ///
    /// [`ParameterCallError`] when the node does not answer as it should.
    pub async fn values(&self) -> Result<Vec<(String, ParameterValue)>, ParameterCallError> {
        let mut names = self.list(&[], 0).await?.names;
        names.sort();
        let asked: Vec<_> = names.iter().map(String::as_str).collect();
        let values = self.get(&asked).await?;
        let all = names.into_iter().zip(values);
        Ok(all.filter(|(_, value)| *value != ParameterValue::NotSet).collect())
    }

    /// All parameters that have a value as YAML, as ROS 2 writes it.
    ///
    /// # Errors
    ///
    /// [`ParameterCallError`] when the node does not answer as it should.
    pub async fn dump(&self) -> Result<String, ParameterCallError> {
        let values = self.values().await?;
        let values = values.iter().map(|(name, value)| (name.as_str(), value));
        Ok(parameter_yaml::write(&self.of, values))
    }

    /// Sets what a YAML text has for the node, by its name or wildcards, all or nothing. Gives what was set, which is nothing
    /// when the text has nothing for the node.
    ///
    /// # Errors
    ///
    /// [`ParameterLoadError`] when it is not such a YAML text, or the node did not set them.
    pub async fn load(&self, yaml: &str) -> Result<Vec<(String, ParameterValue)>, ParameterLoadError> {
        let changes = parameter_yaml::read(yaml, &self.of).map_err(ParameterLoadError::Yaml)?;
        let load = async {
            let changes = self.fitted(changes).await?;
            if !changes.is_empty() {
                self.set_atomically(&changes).await?;
            }
            Ok(changes)
        };
        load.await.map_err(ParameterLoadError::Call)
    }

    /// Values as YAML gives them, as values of the parameters' types where YAML cannot tell: an empty list fits all lists, and
    /// octets are written as integers. The node is asked for the types of such parameters only.
    ///
    /// # Errors
    ///
    /// [`ParameterCallError`] when the node does not answer as it should.
    pub async fn fitted(
        &self,
        mut changes: Vec<(String, ParameterValue)>,
    ) -> Result<Vec<(String, ParameterValue)>, ParameterCallError> {
        let is_unclear = |value: &ParameterValue| match value {
            ParameterValue::StringArray(list) => list.is_empty(),
            ParameterValue::IntegerArray(_) => true,
            _ => false,
        };
        let unclear = changes.iter_mut().filter(|(_, value)| is_unclear(value));
        let mut unclear: Vec<_> = unclear.collect();
        if !unclear.is_empty() {
            let names: Vec<_> = unclear.iter().map(|(name, _)| name.clone()).collect();
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            let infos = self.describe(&names).await?;
            for ((_, value), info) in unclear.iter_mut().zip(infos) {
                *value = std::mem::take(value).fitted(info.value_type);
            }
        }
        Ok(changes)
    }
}

fn client<S: Service>(
    node: &Node,
    of: &NodeName,
    service: &str,
    options: &ServiceClientOptions,
) -> Result<ServiceClient<S>, ServiceError> {
    node.service_client_with(&format!("{of}/{service}"), options.clone())
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn parameters_of(changes: &[(String, ParameterValue)]) -> Vec<Parameter> {
    let parameters = changes.iter().map(|(name, value)| Parameter {
        name: name.clone(),
        value: value.to_message(),
    });
    parameters.collect()
}

fn verdict(result: SetParametersResult) -> Result<(), String> {
    if result.successful { Ok(()) } else { Err(result.reason) }
}

fn check_count(asked: usize, answered: usize) -> Result<(), ParameterCallError> {
    if asked == answered {
        Ok(())
    } else {
        Err(ParameterCallError::Count { asked, answered })
    }
}

/// Why another node's parameters could not be read or set.
#[derive(Debug)]
#[non_exhaustive]
pub enum ParameterCallError {
    /// There was no answer.
    Call(CallError),
    /// The node did not set them.
    Refused {
        /// What the node says.
        reason: String,
    },
    /// The answer is of another number of parameters.
    Count {
        /// Asked for.
        asked: usize,
        /// Answered.
        answered: usize,
    },
    /// The answer has a value of no type.
    Type(UnknownParameterType),
}

impl From<CallError> for ParameterCallError {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<UnknownParameterType> for ParameterCallError {
    fn from(error: UnknownParameterType) -> Self {
        Self::Type(error)
    }
}

impl fmt::Display for ParameterCallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(error) => fmt::Display::fmt(error, f),
            Self::Refused { reason } => f.write_str(reason),
            Self::Count { asked, answered } => write!(
                f,
                "the node was asked about {asked} parameters and answered {answered}; ask for those that it lists"
            ),
            Self::Type(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for ParameterCallError {}

/// Why a YAML text was not loaded by another node. Nothing was set, or the node has not said so.
#[derive(Debug)]
#[non_exhaustive]
pub enum ParameterLoadError {
    /// It is no YAML text of parameters.
    Yaml(ParameterYamlError),
    /// The node did not set them.
    Call(ParameterCallError),
}

impl fmt::Display for ParameterLoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Yaml(error) => fmt::Display::fmt(error, f),
            Self::Call(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for ParameterLoadError {}
